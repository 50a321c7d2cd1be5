"""PyTorch as most of its users run it: operation by operation."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import nn
from torch.optim import SGD

from benchmarks.nets import MOMENTUM, RATE, Case
from benchmarks.peers import Run, Variants, torch_networks
from benchmarks.peers.torch_nets import build, images_first, loss_of, samples

UPDATES: dict[str, dict[str, Any]] = {
    "a loop over parameters": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}
FORMATS = {"": torch.contiguous_format, "channels last": torch.channels_last}


def formats(case: Case) -> dict[str, torch.memory_format]:
    """The memory formats worth trying: for images there are two."""
    return {"": FORMATS[""]} if case.net.is_dense else FORMATS


def step(case: Case) -> Variants:
    """Each way of updating, in each memory format."""
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
        net, loss_function: from inputs to scores, from scores and targets to a loss.
        optimizer: moves the net's parameters.
        form: the memory format of images.
    """
    x, y = samples(case)
    if form:
        x = x.contiguous(memory_format=FORMATS[form])
    whole = case.rows // case.batch
    order = torch.from_numpy(case.order()).split(case.batch)[:whole]

    def run(count: int) -> float:
        loss = torch.zeros(())
        for i in range(count):
            rows = order[i % whole]
            optimizer.zero_grad(set_to_none=True)
            loss = loss_function(net(x.index_select(0, rows)), y.index_select(0, rows))
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    return run


train = torch_networks.eager


def epoch(case: Case) -> Variants:
    """Shuffled passes with a running loss, the tensors already in memory."""
    return {update: lambda u=update: _eager_epochs(case, u) for update in UPDATES}


def _eager_epochs(case: Case, update: str) -> Run:
    net = build(case)
    return epochs(case, net, loss_of(case.net), optimizer_of(net, update))


def epochs(case: Case, net: Any, loss_function: Any, optimizer: SGD) -> Run:
    """Passes over all rows; the mean loss is told, as ``fit`` tells it, and looked at once an epoch."""
    x, y = samples(case)

    def run(count: int) -> float:
        mean = 0.0
        for _ in range(count):
            total = torch.zeros(())
            for rows in torch.randperm(case.rows).split(case.batch):
                optimizer.zero_grad(set_to_none=True)
                loss = loss_function(net(x.index_select(0, rows)), y.index_select(0, rows))
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(rows)
            mean = float(total) / case.rows
        return mean

    return run


def predict(case: Case) -> Variants:
    """In each memory format, with all threads and with one: small nets gain nothing from two."""
    return {
        ", ".join(filter(None, (f"{n} thread{'s' * (n > 1)}", form))): lambda n=n, f=form: _answers(
            case, n, f
        )
        for n, form in product(sorted({1, case.threads}), formats(case))
    }


def _answers(case: Case, threads: int, form: str) -> Run:
    net = build(case).eval().to(memory_format=FORMATS[form])  # pyright: ignore[reportCallIssue]
    return answered(case, net, threads, form)


def answered(case: Case, net: Any, threads: int, form: str = "") -> Run:
    """The net's answers to one batch, again and again."""
    x = images_first(case, torch.from_numpy(case.question()))
    if form:
        x = x.contiguous(memory_format=FORMATS[form])

    def run(count: int) -> float:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            y = net(x)
            for _ in range(count - 1):
                y = net(x)
        return float(y[0, 0])

    return run
