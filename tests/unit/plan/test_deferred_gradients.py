"""Deferred gradients equal those of the reference engine, for any batch size and number of threads."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.plan.plan import Plan
from chainrule.plan.tasks import AFTER, Task

WIDE = cr.Sequential(cr.Dense(160, "relu"), cr.Dense(160, "tanh"), cr.Dense(5))
OPTIONS: dict[str, dict[str, object]] = {
    "plain": {"optimizer": cr.SGD(0.05)},
    "momentum": {"optimizer": cr.SGD(cr.Cosine(0.05), momentum=0.9, nesterov=True)},
    "penalty": {"penalty": cr.L2(1e-3)},
    "clipped": {"clip": cr.ClipGlobalNorm(0.5)},
    "adam": {"optimizer": cr.Adam(1e-3, epsilon=1e-3)},
    "float64": {"dtype": "float64"},
}


def trained(engine: str, threads: int, rows: int, **changes: object) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(rows, 160)), rng.integers(0, 5, rows)
    with cr.settings.using(engine=engine, threads=threads):
        model = cr.Model(WIDE, "cross_entropy", **{"optimizer": cr.SGD(0.05, momentum=0.9), **changes})
        model.fit(x, y, epochs=3, batch_size=30, seed=0, verbose=False)
    return dict(model.parameters())


def planned(batch: int, **changes: object) -> Plan:
    model = cr.Model(WIDE, "cross_entropy", **{"optimizer": cr.SGD(0.05, momentum=0.9), **changes})
    model.fit(np.zeros((4, 160)), np.arange(4), epochs=1, verbose=False)
    return model.plan(batch_size=batch)


def deferred_matmuls(planned_step: Plan) -> list[Task]:
    return [task for task in planned_step.tasks if task.kind == "matmul" and task.phase == AFTER]


def sums(planned_step: Plan) -> set[int]:
    return {buffer.size for buffer in planned_step.buffers if buffer.origin == "summed"}


@pytest.mark.parametrize("option", OPTIONS)
def test_training_matches_the_reference_engine(option: str) -> None:
    native, expected = (trained(engine, 2, 100, **OPTIONS[option]) for engine in ("native", "reference"))
    assert expected
    for path, value in expected.items():
        np.testing.assert_allclose(native[path], value, rtol=1e-3, atol=2e-5, err_msg=path)


@pytest.mark.parametrize("rows", [30, 97])
def test_bits_do_not_depend_on_the_number_of_threads(rows: int) -> None:
    first, *others = (trained("native", threads, rows) for threads in (1, 2, 3))
    assert first
    assert len(others) == 2
    for other in others:
        assert all(value.tobytes() == other[path].tobytes() for path, value in first.items())


@pytest.fixture(params=[400_000, 40_000, 7 * 160 * 4])
def strip(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The gradient of 102,400 bytes in one strip, in three, and in many of a few rows."""
    monkeypatch.setattr("chainrule.plan.rules.matmul.STRIP_BYTES", request.param)
    return request.param


@pytest.mark.parametrize("option", ["momentum", "adam"])
def test_only_a_strip_of_a_gradient_is_in_memory(option: str, strip: int) -> None:
    plan, gradient_bytes = planned(32, **OPTIONS[option]), 160 * 160 * 4
    assert len(deferred_matmuls(plan)) == 2 * -(-gradient_bytes // strip)
    assert 160 * 160 not in sums(plan)
    work = [buffer.bytes for buffer in plan.buffers if buffer.origin == "work" and buffer.phase == AFTER]
    assert max(work) <= min(strip, gradient_bytes)
    native, expected = (trained(engine, 2, 50, **OPTIONS[option]) for engine in ("native", "reference"))
    for path, value in expected.items():
        np.testing.assert_allclose(native[path], value, rtol=1e-3, atol=2e-5, err_msg=path)


def test_a_gradient_with_two_readers_is_stored() -> None:
    planned_step = planned(32, **OPTIONS["clipped"])
    assert [task.writes[0].shape for task in deferred_matmuls(planned_step)] == [(160, 160)] * 2
    assert 160 * 160 not in sums(planned_step)


def test_gradients_with_large_factors_are_not_deferred() -> None:
    planned_step = planned(64)
    assert not deferred_matmuls(planned_step)
    assert 160 * 160 in sums(planned_step)
