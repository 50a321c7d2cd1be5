"""Run the samples of PyTorch's test databases, name by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db
from torch.testing._internal.common_optimizers import optim_db
from torch.testing._internal.common_utils import set_rng_seed

from chainrule.engines import compile
from chainrule.errors import ChainruleError
from minimization import START, rosenbrock, step_graphs
from torch_database.optimizers import OPTIMIZERS, objective
from torch_database.oracle import CLOSE, ENGINES, SampleNodes, Tally, UnsupportedError, compare
from torch_database.registry import ALL_MODULES, OPERATIONS

INFOS = {f"{info.name}.{info.variant_test_name}".rstrip("."): info for info in op_db}
MODULE_INFOS = {info.name: info for info in module_db}
OPTIMIZER_INFOS = {info.name: info for info in optim_db}
STEPS = 10  # of an optimizer
# Tolerances of names for which PyTorch is less exact: its derivative of hardsigmoid is 1/6 in float32.
ROUGH = {"nn.functional.hardsigmoid": 1e-7}
# Losses of targets 1 and -1 that PyTorch's samples pass real numbers: the target is replaced by its sign.
SIGNED = {
    "nn.functional.soft_margin_loss": 0,
    "nn.functional.margin_ranking_loss": 1,
    "nn.MarginRankingLoss": 2,
}


def operation(name: str, limit: int | None = None, engines: Sequence[str] = ENGINES) -> Tally:
    """The samples of one operation, all or the first few."""
    info, tally = INFOS[name], Tally()
    torch.manual_seed(0)
    dtype = torch.bool if name.startswith("logical") else torch.float64
    dtype = dtype if dtype in info.dtypes else torch.int64
    grads = info.supports_autograd and dtype.is_floating_point
    for i, sample in _few(_samples(info, dtype, grads), limit):
        tally.take(f"{name}, sample {i}", lambda s=sample: _operate(name, s, engines))
    return tally


def _samples(info: Any, dtype: torch.dtype, grads: bool) -> Iterator[Any]:
    """The samples of ``info.sample_inputs``, without its slow inspection of the call stack."""
    samples = iter(info.sample_inputs_func(info, "cpu", dtype, grads))
    while True:
        set_rng_seed()
        try:
            yield next(samples)
        except StopIteration:
            return


def _few(samples: Iterable[Any], limit: int | None) -> Iterable[tuple[int, Any]]:
    return enumerate(islice(samples, limit))


def _signed(name: str, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    at = SIGNED.get(name)
    if at is None:
        return inputs
    signs = torch.where(inputs[at].detach() < 0, -1.0, 1.0).to(torch.float64)
    return (*inputs[:at], signs, *inputs[at + 1 :])


def _operate(name: str, sample: Any, engines: Sequence[str]) -> None:
    nodes, args = SampleNodes(), _signed(name, sample.args)
    inputs, options = nodes.nodes((sample.input, *args)), nodes.nodes(sample.kwargs)
    compare(
        nodes,
        lambda: OPERATIONS[name](*inputs, **options),
        lambda: INFOS[name].op(sample.input, *args, **sample.kwargs),
        engines,
        ROUGH.get(name, CLOSE),
    )


def module(name: str, limit: int | None = None, engines: Sequence[str] = ENGINES) -> Tally:
    """The samples of one module, in training and in inference, all or the first few."""
    info, tally = MODULE_INFOS[name], Tally()
    for training in (True, False):
        torch.manual_seed(0)
        settings = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": training}
        samples = info.module_inputs_func(info, **settings)
        for i, sample in _few(samples, limit):
            label = f"{name}, {'training' if training else 'inference'}, sample {i} {sample.desc}"
            tally.take(label, lambda s=sample, t=training: _apply(name, s, t, engines))
    return tally


def _apply(name: str, sample: Any, training: bool, engines: Sequence[str]) -> None:
    constructor, forward = sample.constructor_input, sample.forward_input
    net = MODULE_INFOS[name].module_cls(*constructor.args, **constructor.kwargs).double()
    args = _signed(name, forward.args)
    if "Lazy" in name:
        net(*args, **forward.kwargs)
    net.train(training)
    nodes = SampleNodes()
    settings = {**forward.kwargs, **({"need_weights": False} if name == "nn.MultiheadAttention" else {})}
    inputs, options = nodes.nodes(args), nodes.nodes(settings)
    state = {path: nodes.node(tensor) for path, tensor in net.named_parameters()}
    state |= {path: nodes.node(tensor.clone()) for path, tensor in net.named_buffers() if tensor.ndim}
    compare(
        nodes,
        lambda: ALL_MODULES[name](net, state, *inputs, **options),
        lambda: net(*args, **settings),
        engines,
    )


def optimizer(name: str, engines: Sequence[str] = ENGINES) -> Tally:
    """The samples of one optimizer: all settings."""
    info, tally = OPTIMIZER_INFOS[name], Tally()
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # the dtype of the products and counts that some keep
    for sample in info.optim_inputs_func(device="cpu"):
        label = f"{name}, {sample.desc}"
        tally.take(label, lambda s=sample: _minimize(name, info.optim_cls, s.kwargs, engines))
    torch.set_default_dtype(default)
    return tally


def _minimize(name: str, optimizer_class: Any, settings: dict[str, Any], engines: Sequence[str]) -> None:
    params = {label: torch.tensor(v, requires_grad=True) for label, v in START.items()}
    if name == "Muon":
        params = {"b": params["b"]}
    peer = optimizer_class(params.values(), **settings)
    full = {key: float(v) if isinstance(v, torch.Tensor) else v for key, v in peer.defaults.items()}
    try:
        ours = OPTIMIZERS[name](full)
    except ChainruleError as refusal:
        raise UnsupportedError(f"refused {refusal.code}") from refusal
    for _ in range(STEPS):
        peer.zero_grad()
        rosenbrock(params).backward()
        peer.step()
    graph, _, start = step_graphs(ours, STEPS, "float64", objective(name, full))
    for engine in engines:
        program, values = compile(graph, engine), dict(start)
        for i in range(STEPS):
            values["step"] = np.array(i, "float64")
            values |= program.run({label: values[label] for label in graph.inputs})
        for label, p in params.items():
            theirs = p.detach().numpy()
            assert not np.array_equal(theirs, START[label]), "PyTorch took no step"
            np.testing.assert_allclose(
                values[label], theirs, rtol=CLOSE, atol=CLOSE, err_msg=f"{engine} {label}"
            )
