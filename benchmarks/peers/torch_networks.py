"""PyTorch's steps of the named networks: eager or compiled."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import SGD

from benchmarks.descriptions import MOMENTUM, RATE
from benchmarks.named_networks import NetworkCase
from benchmarks.peers import Run, Variants
from benchmarks.peers.torch_models import autocast
from benchmarks.peers.torch_named_networks import build

FORMATS = {"": torch.contiguous_format, "channels last": torch.channels_last}


def eager(case: NetworkCase) -> Variants:
    """With a fused update; images in both memory formats."""
    forms = FORMATS if case.net.has_images else {"": FORMATS[""]}
    return {", ".join(filter(None, ("fused", form))): lambda f=form: steps(case, f) for form in forms}


def compiled(case: NetworkCase) -> Variants:
    """The network compiled, the update fused; images with channels last."""
    return {"model": lambda: steps(case, "channels last" if case.net.has_images else "", is_compiled=True)}


def steps(case: NetworkCase, form: str, is_compiled: bool = False) -> Run:
    """The usual loop over batches, gathered by index from tensors in memory."""
    net = build(case).to(memory_format=FORMATS[form])  # pyright: ignore[reportCallIssue]
    moved = [p for p in net.parameters() if p.requires_grad]
    optimizer = SGD(moved, lr=RATE, momentum=MOMENTUM, fused=True)
    run: Any = torch.compile(net, dynamic=False) if is_compiled else net
    inputs, targets = samples(case, form)
    full_batches = case.rows // case.batch
    order = torch.from_numpy(case.order()).split(case.batch)[:full_batches]

    def make(count: int) -> float:
        loss = torch.zeros(())
        for i in range(count):
            rows = order[i % full_batches]
            optimizer.zero_grad(set_to_none=True)
            with autocast(case):
                scores = run(*(x.index_select(0, rows) for x in inputs))
                loss = functional.cross_entropy(scores, targets.index_select(0, rows).flatten())
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    return make


def samples(case: NetworkCase, form: str) -> tuple[list[Tensor], Tensor]:
    """The inputs, in their order, and the targets."""
    x, y = case.data()
    values = [torch.from_numpy(value) for value in x.values()]
    if case.net.has_images:  # (B, H, W, C) -> (B, C, H, W)
        values = [v.permute(0, 3, 1, 2).contiguous(memory_format=FORMATS[form]) for v in values]
    return values, torch.from_numpy(y)
