"""Every optimizer takes PyTorch's steps, and gets down from a hill; clipping agrees with PyTorch too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chainrule import nn
from chainrule.engines import compile, evaluate
from chainrule.errors import UsageError
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.optimizer import OPTIMIZERS, known_optimizer, warmed
from chainrule.ops import PUBLIC

Peer = Callable[[list[torch.Tensor]], torch.optim.Optimizer]
CASES: dict[str, tuple[nn.Optimizer, Peer]] = {
    "sgd": (nn.SGD(0.003), lambda p: torch.optim.SGD(p, 0.003)),
    "sgd decay": (nn.SGD(0.003, decay=0.1), lambda p: torch.optim.SGD(p, 0.003, weight_decay=0.1)),
    "sgd momentum": (nn.SGD(0.001, 0.9), lambda p: torch.optim.SGD(p, 0.001, momentum=0.9)),
    "sgd nesterov": (
        nn.SGD(0.001, 0.9, nesterov=True, decay=0.01),
        lambda p: torch.optim.SGD(p, 0.001, momentum=0.9, nesterov=True, weight_decay=0.01),
    ),
    "adam": (nn.Adam(), lambda p: torch.optim.Adam(p)),
    "adam set": (
        nn.Adam(0.05, 0.8, 0.99, 1e-6), lambda p: torch.optim.Adam(p, 0.05, betas=(0.8, 0.99), eps=1e-6)
    ),
    "adamw": (nn.AdamW(), lambda p: torch.optim.AdamW(p)),
    "adamw decay": (nn.AdamW(0.02, decay=0.3), lambda p: torch.optim.AdamW(p, 0.02, weight_decay=0.3)),
    "rmsprop": (nn.RMSprop(), lambda p: torch.optim.RMSprop(p)),
    "rmsprop momentum": (
        nn.RMSprop(0.002, 0.9, momentum=0.5),
        lambda p: torch.optim.RMSprop(p, 0.002, alpha=0.9, momentum=0.5),
    ),
    "rmsprop centered": (
        nn.RMSprop(0.002, centered=True, momentum=0.9, epsilon=1e-4),
        lambda p: torch.optim.RMSprop(p, 0.002, centered=True, momentum=0.9, eps=1e-4),
    ),
}  # fmt: skip
START = {"a": np.array([-1.2, 1.0, 0.5]), "b": np.array([[0.3, -0.7], [2.0, 0.0]])}


def hill(values: Mapping[str, Node | torch.Tensor]) -> Node | torch.Tensor:
    """A bent valley (Rosenbrock's) in ``a`` and a bowl in ``b``, for nodes and tensors alike."""
    a, b = values["a"], values["b"]
    bent = (a[1:] - a[:-1] * a[:-1]) * (a[1:] - a[:-1] * a[:-1]) * 10.0 + (a[:-1] - 1.0) * (a[:-1] - 1.0)
    return bent.sum() + (b * b * b * b * 0.5 + (b - 0.25) * (b - 0.25)).sum()


def descend(
    optimizer: nn.Optimizer, steps: int, dtype: str = "float64", slope: Callable | None = None
) -> dict:
    """The parameters after so many steps down the hill."""
    objective = slope or hill
    params = {name: input_node(name, v.shape, dtype, "parameter") for name, v in START.items()}
    step = input_node("step", (), dtype, "step")
    slots = {
        (name, slot): input_node(f"{name}/{slot}", p.shape, dtype, "state")
        for name, p in params.items()
        for slot in optimizer.slots()
    }
    outputs, rate = {}, optimizer.schedule(step, steps)
    for name, g in zip(params, grad(objective(params), list(params.values())), strict=True):
        held = {slot: node for (owner, slot), node in slots.items() if owner == name}
        outputs[name], kept = optimizer.move(params[name], g, held, rate, step + 1.0)
        assert set(kept) == set(held)
        outputs.update({f"{name}/{slot}": node for slot, node in kept.items()})
    program = compile(Graph(outputs), "reference")
    values = {name: v.astype(dtype) for name, v in START.items()}
    values.update({f"{name}/{slot}": np.zeros(START[name].shape, dtype) for name, slot in slots})
    for i in range(steps):
        values = program.run(
            {**values, "step": np.array(i, dtype)} if "step" in program.graph.inputs else values
        )
    return {name: values[name] for name in START}


def peer_descend(peer: Peer, steps: int, schedule: Callable | None = None) -> dict[str, np.ndarray]:
    """PyTorch's way down the same hill."""
    params = {name: torch.tensor(v, requires_grad=True) for name, v in START.items()}
    optimizer = peer(list(params.values()))
    scheduler = schedule(optimizer) if schedule else None
    for _ in range(steps):
        optimizer.zero_grad()
        hill(params).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return {name: p.detach().numpy() for name, p in params.items()}


def test_every_optimizer_is_tried() -> None:
    assert {type(optimizer) for optimizer, _ in CASES.values()} == set(OPTIMIZERS.values())


@pytest.mark.parametrize("name", CASES)
def test_fifty_steps_agree_with_torch(name: str) -> None:
    ours, peer = CASES[name]
    found, expected = descend(ours, 50), peer_descend(peer, 50)
    for parameter in START:
        assert not np.allclose(expected[parameter], START[parameter], atol=1e-3)
        np.testing.assert_allclose(found[parameter], expected[parameter], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["sgd momentum", "adam set", "adamw decay", "rmsprop"])
def test_fifty_steps_at_a_changing_rate_agree_with_torch(name: str) -> None:
    ours, peer = CASES[name]
    rate = float(ours.rate)  # type: ignore[arg-type]
    expected = peer_descend(peer, 50, lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5))
    found = descend(replace(ours, rate=nn.Step(rate, 7, 0.5)), 50)
    for parameter in START:
        np.testing.assert_allclose(found[parameter], expected[parameter], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_float32_goes_the_same_way(name: str) -> None:
    ours, _ = CASES[name]
    wide, narrow = descend(ours, 50), descend(ours, 50, "float32")
    for parameter in START:
        assert narrow[parameter].dtype == np.float32
        np.testing.assert_allclose(narrow[parameter], wide[parameter], rtol=2e-4, atol=2e-4)


FAST = {
    "sgd": nn.SGD(0.1),
    "momentum": nn.SGD(0.05, 0.9),
    "nesterov": nn.SGD(0.05, 0.9, nesterov=True),
    "adam": nn.Adam(nn.Cosine(0.1)),
    "adamw": nn.AdamW(nn.Cosine(0.1), decay=0.0),
    "rmsprop": nn.RMSprop(nn.Cosine(0.05)),
}


@pytest.mark.parametrize("name", FAST)
def test_a_bowl_is_descended_to_its_bottom(name: str) -> None:
    found = descend(FAST[name], 400, slope=lambda v: sum(((p - 0.5) * (p - 0.5)).sum() for p in v.values()))
    for value in found.values():
        np.testing.assert_allclose(value, 0.5, atol=1e-3)


@pytest.mark.parametrize("name", ["momentum", "nesterov", "adam", "rmsprop"])
def test_a_bent_valley_is_descended_to_its_end(name: str) -> None:
    slow = {"momentum": nn.SGD(0.003, 0.95), "nesterov": nn.SGD(0.003, 0.95, nesterov=True)}
    found = descend(slow.get(name, FAST[name]), 1500)
    np.testing.assert_allclose(found["a"], 1.0, atol=0.02)


def test_weight_decay_of_adamw_does_not_depend_on_the_gradient() -> None:
    p, g = input_node("p", (2,), "float64"), input_node("g", (2,), "float64")
    rate, count = input_node("rate", (), "float64"), input_node("count", (), "float64")
    feeds = {"p": [1.0, 1.0], "g": [5.0, 1e-3], "rate": 0.1, "count": 1.0}
    zeros = {"mean": p * 0.0, "square": p * 0.0}
    with_decay, _ = nn.AdamW(decay=0.2).move(p, g, zeros, rate, count)
    without, _ = nn.AdamW(decay=0.0).move(p, g, zeros, rate, count)
    np.testing.assert_allclose(evaluate(with_decay - without, feeds), -0.1 * 0.2, rtol=1e-9)


def test_the_first_updates_of_adam_are_exact_in_float32() -> None:
    count = input_node("count", (), "float32")
    for t in (1, 2, 10, 1000):
        found = evaluate(warmed(0.999, count, "float32"), {"count": t})
        np.testing.assert_allclose(found, 1 - 0.999**t, rtol=1e-7)


def test_the_centered_spread_is_never_below_0() -> None:
    p, g = input_node("p", (1,), "float32"), input_node("g", (1,), "float32")
    rate, count = input_node("rate", (), "float32"), input_node("count", (), "float32")
    # The square of the mean is above the mean square by rounding alone.
    held = {"square": p * 0.0 + 1.0, "mean": p * 0.0 + 1.0001}
    moved, _ = nn.RMSprop(centered=True).move(p, g, held, rate, count)
    assert np.isfinite(evaluate(moved, {"p": [1.0], "g": [1.0], "rate": 0.1, "count": 1.0})).all()


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: nn.SGD(0), "rate"),
    (lambda: nn.SGD(-1.0), "rate"),
    (lambda: nn.SGD("fast"), "rate"),  # type: ignore[arg-type]
    (lambda: nn.SGD(float("inf")), "rate"),
    (lambda: nn.SGD(True), "rate"),
    (lambda: nn.SGD(momentum=1.0), "momentum"),
    (lambda: nn.SGD(nesterov=True), "nesterov"),
    (lambda: nn.SGD(decay=-0.1), "decay"),
    (lambda: nn.Adam(beta1=1.0), "beta1"),
    (lambda: nn.Adam(beta2=-0.1), "beta2"),
    (lambda: nn.Adam(epsilon=0.0), "epsilon"),
    (lambda: nn.AdamW(decay=-1.0), "decay"),
    (lambda: nn.AdamW(beta1=2.0), "beta1"),
    (lambda: nn.RMSprop(smoothing=1.0), "smoothing"),
    (lambda: nn.RMSprop(momentum=-1.0), "momentum"),
    (lambda: nn.RMSprop(epsilon=float("nan")), "epsilon"),
    (lambda: nn.ClipValue(0.0), "limit"),
    (lambda: nn.ClipNorm(-1.0), "limit"),
    (lambda: nn.L1(-1.0), "strength"),
    (lambda: nn.L2(10**5000 * -1), "strength"),
]


@pytest.mark.parametrize("bad", BAD)
def test_a_setting_out_of_its_range_is_refused(bad: tuple[Callable[[], object], str]) -> None:
    make, name = bad
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == "E102"
    assert f"{name} is out of its range" in str(caught.value)


def test_optimizers_by_name() -> None:
    assert {name: known_optimizer(name) for name in OPTIMIZERS} == {
        n: kind() for n, kind in OPTIMIZERS.items()
    }
    with pytest.raises(UsageError) as caught:
        known_optimizer("Adamm")
    assert (caught.value.code, caught.value.fix) == ("E101", 'optimizer="adam"')


NUMBERS = arrays.arrays("float64", (2, 3), elements=st.floats(-1e3, 1e3))


@given(NUMBERS, NUMBERS, st.floats(1e-3, 1e3))
def test_clipping_agrees_with_torch(a: np.ndarray, b: np.ndarray, limit: float) -> None:
    nodes = {name: input_node(name, (2, 3), "float64") for name in "ab"}
    clips = (nn.ClipValue(limit), nn.ClipNorm(limit), nn.ClipGlobalNorm(limit))
    found = [evaluate(list(clip(nodes).values()), {"a": a, "b": b}) for clip in clips]
    for ours, theirs in zip(found, _peer_clips(a, b, limit), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def _peer_clips(a: np.ndarray, b: np.ndarray, limit: float) -> list[list[np.ndarray]]:
    def clipped(*groups: tuple[int, ...], way: Callable) -> list[np.ndarray]:
        tensors = [torch.zeros(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
        for tensor, g in zip(tensors, (a, b), strict=True):
            tensor.grad = torch.tensor(g)
        for group in groups:
            way([tensors[i] for i in group], limit)
        return [tensor.grad.numpy() for tensor in tensors]

    value, norm = torch.nn.utils.clip_grad_value_, torch.nn.utils.clip_grad_norm_
    return [clipped((0, 1), way=value), clipped((0,), (1,), way=norm), clipped((0, 1), way=norm)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_of_0_stays_0_and_no_parameters_are_no_trouble(dtype: str) -> None:
    for clip in (nn.ClipValue(), nn.ClipNorm(), nn.ClipGlobalNorm()):
        clipped = clip({"w": input_node("w", (3,), dtype)})
        np.testing.assert_array_equal(evaluate(clipped["w"], {"w": np.zeros(3)}), np.zeros(3))
        assert clip({}) == {}


def test_penalties_have_the_gradients_they_promise() -> None:
    w = input_node("w", (3,), "float64")
    feeds = {"w": [1.0, -2.0, 0.0]}
    one, two = nn.L1(0.1)(w), nn.L2(0.1)(w)
    np.testing.assert_allclose(evaluate([one, two], feeds), [0.3, 0.5], rtol=1e-12)
    np.testing.assert_allclose(evaluate(grad(one, [w])[0], feeds), [0.1, -0.1, 0.0], rtol=1e-12)
    np.testing.assert_allclose(evaluate(grad(two, [w])[0], feeds), [0.2, -0.4, 0.0], rtol=1e-12)
    assert PUBLIC["sum"](w).shape == two.shape
