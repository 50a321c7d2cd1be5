"""Every optimizer takes the steps of PyTorch or of its paper, and minimizes two functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch

import numpy_optimizers as papers
from case_loops import loop_over
from chainrule import nn
from chainrule.engines import compile, evaluate
from chainrule.errors import UsageError
from chainrule.graph import input_node
from chainrule.nn.optimizer import OPTIMIZERS, Rule, StepContext, known_optimizer
from chainrule.nn.optimizer.optimizer import bias_correction
from minimization import START, minimize, numpy_minimize, quadratic, rosenbrock, step_graphs, torch_minimize

Peer = Callable[[list[torch.Tensor]], torch.optim.Optimizer]
optim = torch.optim
TORCH: dict[str, tuple[nn.Optimizer, Peer]] = {
    "sgd": (nn.SGD(0.003), lambda p: optim.SGD(p, 0.003)),
    "sgd decay": (nn.SGD(0.003, weight_decay=0.1), lambda p: optim.SGD(p, 0.003, weight_decay=0.1)),
    "sgd momentum": (nn.SGD(0.001, momentum=0.9), lambda p: optim.SGD(p, 0.001, momentum=0.9)),
    "sgd nesterov": (
        nn.SGD(0.001, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda p: optim.SGD(p, 0.001, momentum=0.9, nesterov=True, weight_decay=0.01),
    ),
    "adam": (nn.Adam(), lambda p: optim.Adam(p)),
    "adam set": (
        nn.Adam(0.05, beta1=0.8, beta2=0.99, epsilon=1e-6),
        lambda p: optim.Adam(p, 0.05, betas=(0.8, 0.99), eps=1e-6),
    ),
    "amsgrad": (nn.Adam(0.05, amsgrad=True), lambda p: optim.Adam(p, 0.05, amsgrad=True)),
    "adamw": (nn.AdamW(), lambda p: optim.AdamW(p)),
    "adamw decay": (nn.AdamW(0.02, weight_decay=0.3), lambda p: optim.AdamW(p, 0.02, weight_decay=0.3)),
    "rmsprop": (nn.RMSprop(), lambda p: optim.RMSprop(p)),
    "rmsprop momentum": (
        nn.RMSprop(0.002, rho=0.9, momentum=0.5),
        lambda p: optim.RMSprop(p, 0.002, alpha=0.9, momentum=0.5),
    ),
    "rmsprop centered": (
        nn.RMSprop(0.002, centered=True, momentum=0.9, epsilon=1e-4),
        lambda p: optim.RMSprop(p, 0.002, centered=True, momentum=0.9, eps=1e-4),
    ),
    "adagrad": (nn.Adagrad(0.1), lambda p: optim.Adagrad(p, 0.1)),
    "adagrad first": (
        nn.Adagrad(0.05, initial_accumulator_value=0.1),
        lambda p: optim.Adagrad(p, 0.05, initial_accumulator_value=0.1),
    ),
    "adadelta": (nn.Adadelta(), lambda p: optim.Adadelta(p)),
    "adadelta set": (nn.Adadelta(0.7, rho=0.8, epsilon=1e-4), lambda p: optim.Adadelta(p, 0.7, 0.8, 1e-4)),
    "adamax": (nn.Adamax(), lambda p: optim.Adamax(p)),
    "nadam": (nn.NAdam(), lambda p: optim.NAdam(p)),
    "nadam decay": (
        nn.NAdam(0.01, momentum_decay=0.1, weight_decay=0.2),
        lambda p: optim.NAdam(p, 0.01, momentum_decay=0.1, weight_decay=0.2, decoupled_weight_decay=True),
    ),
    "radam": (nn.RAdam(0.05), lambda p: optim.RAdam(p, 0.05)),
    "radam decay": (
        nn.RAdam(0.02, beta1=0.8, beta2=0.9, weight_decay=0.1),
        lambda p: optim.RAdam(p, 0.02, (0.8, 0.9), weight_decay=0.1, decoupled_weight_decay=True),
    ),
    "adafactor": (nn.Adafactor(), lambda p: optim.Adafactor(p)),
    "adafactor decay": (
        nn.Adafactor(0.1, beta2_decay=-0.5, clip_threshold=1.5, weight_decay=0.1),
        lambda p: optim.Adafactor(p, 0.1, beta2_decay=-0.5, d=1.5, weight_decay=0.1),
    ),
    "asgd": (nn.ASGD(), lambda p: optim.ASGD(p)),
    "asgd set": (
        nn.ASGD(0.003, shrink=0.1, power=0.5, start=10),
        lambda p: optim.ASGD(p, 0.003, 0.1, 0.5, 10),
    ),
    "rprop": (nn.Rprop(0.01), lambda p: optim.Rprop(p, 0.01)),
    "rprop set": (
        nn.Rprop(0.02, eta_minus=0.4, eta_plus=1.3, min_step_size=1e-3, max_step_size=0.1),
        lambda p: optim.Rprop(p, 0.02, etas=(0.4, 1.3), step_sizes=(1e-3, 0.1)),
    ),
}
PAPERS: dict[str, tuple[nn.Optimizer, Callable[..., Any]]] = {
    "lion": (nn.Lion(0.003, weight_decay=0.1), papers.lion),
    "ftrl": (nn.Ftrl(0.1, l1=0.05, l2=0.1, beta=0.2), papers.ftrl),
    "lamb": (nn.LAMB(0.01, weight_decay=0.1), papers.lamb),
    "lars": (nn.LARS(0.5, trust_coefficient=0.02, weight_decay=0.01), papers.lars),
    "adabelief": (nn.AdaBelief(0.01, weight_decay=0.1), papers.adabelief),
    "yogi": (nn.Yogi(), papers.yogi),
    "adan": (nn.Adan(0.01, weight_decay=0.1), papers.adan),
    "muon": (nn.Muon(weight_decay=0.1), papers.muon),
    "schedule free": (nn.ScheduleFreeAdamW(0.02, weight_decay=0.1), papers.schedule_free),
}
ALL: dict[str, nn.Optimizer] = {
    **{name: optimizer for name, (optimizer, _) in [*TORCH.items(), *PAPERS.items()]},
    "lbfgs": nn.LBFGS(history_size=2),  # compared in test_line_search.py
}


@pytest.fixture(autouse=True)
def _float64_scalars() -> Iterator[None]:
    """PyTorch stores the products and counts of some optimizers in its default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_every_optimizer_has_a_peer_or_a_paper() -> None:
    assert {type(optimizer) for optimizer in ALL.values()} == set(OPTIMIZERS.values())


@pytest.mark.parametrize("name", TORCH)
def test_fifty_steps_are_pytorchs(name: str) -> None:
    ours, peer = TORCH[name]
    parameters, expected = minimize(ours, 50), torch_minimize(peer, 50)
    for parameter in START:
        assert not np.allclose(expected[parameter], START[parameter], atol=1e-3)
        np.testing.assert_allclose(parameters[parameter], expected[parameter], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", PAPERS)
def test_fifty_steps_are_those_of_the_paper(name: str) -> None:
    ours, algorithm = PAPERS[name]
    parameters, expected = minimize(ours, 50), numpy_minimize(algorithm, 50)
    assert expected.keys() >= START.keys()
    for parameter, value in expected.items():
        assert not np.allclose(value, START[parameter[-1]], atol=1e-3)
        np.testing.assert_allclose(parameters[parameter], value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["sgd momentum", "adam set", "adamw decay", "rmsprop", "adamax", "radam"])
def test_fifty_steps_with_a_schedule_are_pytorchs(name: str) -> None:
    ours, peer = TORCH[name]
    learning_rate = float(ours.learning_rate)  # type: ignore[attr-defined]
    expected = torch_minimize(peer, 50, lambda o: optim.lr_scheduler.StepLR(o, 7, 0.5))
    schedule = nn.Step(learning_rate, step_size=7, gamma=0.5)
    parameters = minimize(replace(ours, learning_rate=schedule), 50)  # type: ignore[call-arg]
    for parameter in START:
        np.testing.assert_allclose(parameters[parameter], expected[parameter], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ALL)
def test_steps_in_float32_are_close_to_float64(name: str) -> None:
    wide, narrow = minimize(ALL[name], 25), minimize(ALL[name], 25, "float32")
    for parameter in START:
        assert narrow[parameter].dtype == np.float32
        np.testing.assert_allclose(narrow[parameter], wide[parameter], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_engines_agree_on_the_steps_of_an_optimizer(name: str) -> None:
    graph, _, values = step_graphs(ALL[name], 3)
    reference, native = compile(graph, "reference"), compile(graph, "native")
    assert graph.outputs
    for i in range(3):
        feeds = {**values, "step": np.array(i, "float64")}
        feeds = {label: feeds[label] for label in graph.inputs}
        values, fast = reference.run(feeds), native.run(feeds)
        for label, value in values.items():
            np.testing.assert_allclose(fast[label], value, rtol=1e-10, atol=1e-12, err_msg=label)


def test_adafactor_stores_only_rows_and_columns_of_a_matrix() -> None:
    slots = nn.Adafactor().slots((64, 3, 3, 16))
    assert {name: slot.shape for name, slot in slots.items()} == {"row": (64, 1), "column": (1, 144)}


MINIMIZERS: dict[str, nn.Optimizer] = {
    "sgd": nn.SGD(0.1),
    "momentum": nn.SGD(0.05, momentum=0.9),
    "nesterov": nn.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": nn.Adam(nn.Cosine(0.1)),
    "amsgrad": nn.Adam(nn.Cosine(0.1), amsgrad=True),
    "adamw": nn.AdamW(nn.Cosine(0.1), weight_decay=0.0),
    "rmsprop": nn.RMSprop(nn.Cosine(0.05)),
    "adagrad": nn.Adagrad(0.5),
    "adadelta": nn.Adadelta(20.0),
    "adamax": nn.Adamax(nn.Cosine(0.1)),
    "nadam": nn.NAdam(nn.Cosine(0.1)),
    "radam": nn.RAdam(nn.Cosine(0.1)),
    "adafactor": nn.Adafactor(nn.Cosine(0.2)),
    "asgd": nn.ASGD(0.1, shrink=0.0, start=100),
    "rprop": nn.Rprop(0.01),
    "ftrl": nn.Ftrl(0.5),
    "lion": nn.Lion(nn.Cosine(0.05)),
    "lamb": nn.LAMB(nn.Cosine(0.1)),
    "lars": nn.LARS(nn.Cosine(0.2), trust_coefficient=0.1),
    "adan": nn.Adan(nn.Cosine(0.2), beta1=0.9, beta2=0.9),
    "adabelief": nn.AdaBelief(nn.Cosine(0.1)),
    "yogi": nn.Yogi(nn.Cosine(0.1)),
    "muon": nn.Muon(nn.Cosine(0.1), adamw_ratio=1.0),
    "schedule free": nn.ScheduleFreeAdamW(0.2),
    "lbfgs": nn.LBFGS(history_size=3),
}


def test_every_optimizer_minimizes_in_these_tests() -> None:
    assert {type(optimizer) for optimizer in MINIMIZERS.values()} == set(OPTIMIZERS.values())


@pytest.mark.parametrize("name", MINIMIZERS)
def test_a_quadratic_function_is_minimized(name: str) -> None:
    parameters = minimize(MINIMIZERS[name], 200, function=quadratic)
    for parameter in START:
        np.testing.assert_allclose(parameters[f"inference {parameter}"], 0.5, atol=0.02)


@pytest.mark.parametrize("name", MINIMIZERS)
def test_rosenbrocks_function_decreases(name: str) -> None:
    tuned: Any = MINIMIZERS[name]
    optimizer = replace(tuned, learning_rate=SLOW_RATES.get(name, tuned.learning_rate))
    parameters = minimize(optimizer, 150)
    start, end = rosenbrock(START), rosenbrock({p: parameters[f"inference {p}"] for p in START})
    assert end < 0.25 * start


SLOW_RATES = {"sgd": 0.003, "momentum": 0.003, "nesterov": 0.003, "asgd": 0.003, "radam": nn.Cosine(0.02)}


def test_weight_decay_of_adamw_does_not_depend_on_the_gradient() -> None:
    p, g = input_node("p", (2,), "float64"), input_node("g", (2,), "float64")
    learning_rate, count = input_node("rate", (), "float64"), input_node("count", (), "float64")
    feeds = {"p": [1.0, 1.0], "g": [5.0, 1e-3], "rate": 0.1, "count": 1.0}
    zeros, now = {"mean": p * 0.0, "square": p * 0.0}, StepContext(learning_rate, count, learning_rate)
    with_decay, _ = nn.AdamW(weight_decay=0.2).move(p, g, zeros, now)
    without, _ = nn.AdamW(weight_decay=0.0).move(p, g, zeros, now)
    np.testing.assert_allclose(evaluate(with_decay - without, feeds), -0.1 * 0.2, rtol=1e-9)


def test_the_bias_correction_is_exact_in_float32() -> None:
    count = input_node("count", (), "float32")
    for t in (1, 2, 10, 1000):
        correction = evaluate(bias_correction(0.999, count, "float32"), {"count": t})
        np.testing.assert_allclose(correction, 1 - 0.999**t, rtol=1e-7)


def test_the_centered_variance_of_rmsprop_is_never_negative() -> None:
    p, g = input_node("p", (1,), "float32"), input_node("g", (1,), "float32")
    learning_rate, count = input_node("rate", (), "float32"), input_node("count", (), "float32")
    # The square of the mean is above the mean square by rounding alone.
    slots = {"square": p * 0.0 + 1.0, "mean": p * 0.0 + 1.0001}
    moved, _ = nn.RMSprop(centered=True).move(p, g, slots, StepContext(learning_rate, count, learning_rate))
    assert np.isfinite(evaluate(moved, {"p": [1.0], "g": [1.0], "rate": 0.1, "count": 1.0})).all()


RULES = [kind for kind in OPTIMIZERS.values() if issubclass(kind, Rule)]
OUT_OF_RANGE = {
    "learning_rate": (0, -1.0, "fast", float("inf"), float("nan"), True),
    "weight_decay": (-0.1, "x"),
    "momentum": (1.0, -0.1),
    "beta1": (1.0, -0.1),
    "beta2": (1.0, -0.1),
    "beta3": (1.0, -0.1),
    "rho": (1.0, -0.1),
    "epsilon": (0.0, float("nan")),
    "nesterov": (),
    "amsgrad": (),
    "centered": (),
    "shrink": (-1.0,),
    "power": (0.0, 2.0),
    "start": (-1.0,),
    "eta_minus": (0.0, 1.0),
    "eta_plus": (1.0,),
    "min_step_size": (0.0,),
    "max_step_size": (0.0,),
    "min_scale": (0.0,),
    "initial_accumulator_value": (-1.0,),
    "clip_threshold": (0.0,),
    "l1": (-1.0,),
    "l2": (-1.0,),
    "beta": (-1.0,),
    "trust_coefficient": (0.0,),
    "ns_steps": (0, 2.5),
    "adamw_ratio": (0.0,),
    "momentum_decay": (-1.0,),
    "beta2_decay": (0.0, 2.0),
}
BAD = [(kind, f.name, value) for kind in RULES for f in fields(kind) for value in OUT_OF_RANGE[f.name]]


@loop_over("bad", BAD, ids=lambda bad: f"{bad[0].name} {bad[1]} {bad[2]}")
def test_an_optimizer_setting_out_of_range_is_refused(bad: tuple[type[Rule], str, object]) -> None:
    kind, name, value = bad
    with pytest.raises(UsageError) as caught:
        kind(**{name: value})  # type: ignore[arg-type]
    assert caught.value.code == "E102"
    assert f"{name} is out of its range" in str(caught.value)


def test_incompatible_settings_are_refused() -> None:
    pairs = (
        (nn.SGD, {"nesterov": True}),
        (nn.Ftrl, {"weight_decay": 0.1}),
        (nn.Rprop, {"min_step_size": 99.0}),
    )
    for kind, settings in pairs:
        with pytest.raises(UsageError, match="E102"):
            kind(**settings)


def test_optimizers_are_resolved_by_name() -> None:
    assert {name: known_optimizer(name) for name in OPTIMIZERS} == {
        n: kind() for n, kind in OPTIMIZERS.items()
    }
    with pytest.raises(UsageError) as caught:
        known_optimizer("Adamm")
    assert (caught.value.code, caught.value.fix) == ("E101", 'optimizer="adam"')
