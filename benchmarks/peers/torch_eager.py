"""PyTorch in eager mode."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import nn
from torch.optim import SGD

from benchmarks.descriptions import MOMENTUM, RATE, Case
from benchmarks.peers import Run, Variants, torch_networks
from benchmarks.peers.torch_models import autocast, build, images_first, loss_of, samples

UPDATES: dict[str, dict[str, Any]] = {
    "a loop over parameters": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}
FORMATS = {"": torch.contiguous_format, "channels last": torch.channels_last}


def formats(case: Case) -> dict[str, torch.memory_format]:
    """The memory formats to try: for images there are two."""
    return {"": FORMATS[""]} if case.net.is_dense else FORMATS


def step(case: Case) -> Variants:
    """Each form of the update, in each memory format."""
    return {
        ", ".join(filter(None, (update, form))): lambda u=update, f=form: _steps(case, u, f)
        for update, form in product(UPDATES, formats(case))
    }


def _steps(case: Case, update: str, form: str) -> Run:
    net = build(case).to(memory_format=FORMATS[form])  # pyright: ignore[reportCallIssue]
    return trained(case, net, loss_of(case.net), optimizer_of(net, update), form)


def optimizer_of(net: nn.Module, update: str) -> SGD:
    """SGD with momentum."""
    return SGD(net.parameters(), lr=RATE, momentum=MOMENTUM, **UPDATES[update])


def trained(case: Case, net: Any, loss_function: Any, optimizer: SGD, form: str = "") -> Run:
    """The usual loop over batches, gathered by index from tensors in memory.

    Args:
        case: the batches.
        network, loss_function: from inputs to scores, from scores and targets to a loss.
        optimizer: updates the network's parameters.
        form: the memory format of images.
    """
    x, y = samples(case)
    if form:
        x = x.contiguous(memory_format=FORMATS[form])
    full_batches = case.rows // case.batch
    order = torch.from_numpy(case.order()).split(case.batch)[:full_batches]

    def run(count: int) -> float:
        loss = torch.zeros(())
        for i in range(count):
            rows = order[i % full_batches]
            optimizer.zero_grad(set_to_none=True)
            with autocast(case):
                loss = loss_function(net(x.index_select(0, rows)), y.index_select(0, rows))
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    return run


train = torch_networks.eager


def epoch(case: Case) -> Variants:
    """Shuffled passes with a running loss; the tensors are in memory."""
    return {update: lambda u=update: _eager_epochs(case, u) for update in UPDATES}


def _eager_epochs(case: Case, update: str) -> Run:
    net = build(case)
    return epochs(case, net, loss_of(case.net), optimizer_of(net, update))


def epochs(case: Case, net: Any, loss_function: Any, optimizer: SGD) -> Run:
    """Passes over all rows; the mean loss is reported once per epoch, as ``fit`` does."""
    x, y = samples(case)

    def run(count: int) -> float:
        mean = 0.0
        for _ in range(count):
            total = torch.zeros(())
            for rows in torch.randperm(case.rows).split(case.batch):
                optimizer.zero_grad(set_to_none=True)
                with autocast(case):
                    loss = loss_function(net(x.index_select(0, rows)), y.index_select(0, rows))
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(rows)
            mean = float(total) / case.rows
        return mean

    return run


def predict(case: Case) -> Variants:
    """In each memory format, with all threads and with one: small networks gain nothing from two."""
    return {
        ", ".join(filter(None, (f"{n} thread{'s' * (n > 1)}", form))): lambda n=n, f=form: _predictions(
            case, n, f
        )
        for n, form in product(sorted({1, case.threads}), formats(case))
    }


def _predictions(case: Case, threads: int, form: str) -> Run:
    net = build(case).eval().to(memory_format=FORMATS[form])  # pyright: ignore[reportCallIssue]
    return predicted(case, net, threads, form)


def predicted(case: Case, net: Any, threads: int, form: str = "") -> Run:
    """Repeated predictions of the network for one batch; in bfloat16 with weights of that type."""
    kind = getattr(torch, case.precision)
    net = net.to(kind)
    x = images_first(case, torch.from_numpy(case.batch_of_inputs()))
    if form:
        x = x.contiguous(memory_format=FORMATS[form])

    def run(count: int) -> float:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            y = net(x.to(kind))
            for _ in range(count - 1):
                y = net(x.to(kind))
        return float(y[0, 0])

    return run
