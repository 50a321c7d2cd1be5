"""Rematerialization: cheap values of the forward pass are recomputed, with the same results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

import chainrule as cr
from chainrule.engines import native, reference
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.plan.passes import rematerialization
from chainrule.plan.plan import Plan, plan
from random_graph import arrays, graphs

ROWS, WIDE, DEEP = 64, 128, 8
NETS = {  # small: every value counts as large in these tests
    "gelu": cr.Sequential(*[cr.Dense(24, "gelu")] * 4, cr.Dense(3)),
    "norm": cr.Sequential(*[cr.Dense(24), cr.LayerNorm()] * 4, cr.Dense(3)),
    "relu behind a batch norm": cr.Sequential(
        *[cr.Conv(8, 3, padding="same"), cr.BatchNorm(), cr.Activation("relu")] * 3, cr.Flatten(), cr.Dense(3)
    ),
}


@contextmanager
def limits(large: int = 0, long: int = 1) -> Iterator[None]:
    """Set the minimal size and lifetime of a value that is recomputed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rematerialization, "MIN_BYTES", large)
        patch.setattr(rematerialization, "MIN_GAP", long)
        yield


@hypothesis_settings(max_examples=60)
@given(graphs(25))
def test_outputs_match_the_reference_engine(graph: Graph) -> None:
    with limits():
        outputs = native.Program(graph).run(arrays())
    assert outputs
    for name, value in reference.Program(graph).run(arrays()).items():
        np.testing.assert_allclose(outputs[name], value, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_training_is_unchanged_by_rematerialization(name: str) -> None:
    rng = np.random.default_rng(0)
    shape = (6, 6, 2) if "batch norm" in name else (5,)
    x, y = rng.normal(size=(40, *shape)), np.arange(40) % 3
    ends = []
    for large in (0, 10**9):
        with limits(large):
            model = cr.Model(NETS[name], "cross_entropy", cr.SGD(0.1, momentum=0.9), dtype="float64")
            model.fit(x, y, epochs=2, batch_size=16, seed=0, verbose=False)
            ends.append(model.parameters())
            assert model.parity(x, y).agrees
    for path, numbers in ends[0].items():
        np.testing.assert_allclose(numbers, ends[1][path], rtol=1e-9, atol=1e-12)


def _steps(activation: str) -> Plan:
    """Return the plan of the gradients of a deep network of dense layers."""
    x = input_node("x", (None, WIDE), "float32")
    weights = [input_node(f"w{i}", (WIDE, WIDE), "float32") for i in range(DEEP)]
    y: Node = x
    for weight in weights:
        y = getattr(cr, activation)(y @ weight)
    return plan(Graph({str(i): g for i, g in enumerate(grad(y.sum(), weights))}), {"B": ROWS})


def test_a_deep_network_stores_only_weighted_sums() -> None:
    with limits(10**9):
        before = _steps("gelu")
    with limits(ROWS * WIDE):
        after = _steps("gelu")
    without_pass, with_pass = (planned.layout.size / (4 * ROWS * WIDE) for planned in (before, after))
    assert without_pass > 2 * DEEP, "the sum, the activation and what its derivative needs"
    assert with_pass < DEEP + 6
    assert len(after.tasks) <= len(before.tasks) + DEEP


def test_nothing_is_recomputed_if_that_frees_no_memory() -> None:
    plans = []
    for large in (10**9, ROWS * WIDE):
        with limits(large):
            plans.append(_steps("relu"))  # its derivative depends on its value only, which is stored anyway
    assert len(plans[0].tasks) == len(plans[1].tasks)
