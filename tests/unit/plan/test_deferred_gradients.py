"""Gradients by large weights come late, and are those of the law, for a batch of any size on any threads."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.plan.plan import Plan
from chainrule.plan.tasks import AFTER, Task

WIDE = cr.Sequential(cr.Dense(160, "relu"), cr.Dense(160, "tanh"), cr.Dense(5))
WAYS: dict[str, dict[str, object]] = {
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
        made = cr.Model(WIDE, "cross_entropy", **{"optimizer": cr.SGD(0.05, momentum=0.9), **changes})
        made.fit(x, y, epochs=3, batch_size=30, seed=0, verbose=False)
    return dict(made.parameters())


def planned(batch: int, **changes: object) -> Plan:
    made = cr.Model(WIDE, "cross_entropy", **{"optimizer": cr.SGD(0.05, momentum=0.9), **changes})
    made.fit(np.zeros((4, 160)), np.arange(4), epochs=1, verbose=False)
    return made.plan(batch_size=batch)


def late(made: Plan) -> list[Task]:
    return [task for task in made.tasks if task.kind == "matmul" and task.phase == AFTER]


def sums(made: Plan) -> set[int]:
    return {buffer.size for buffer in made.buffers if buffer.origin == "joined"}


@pytest.mark.parametrize("way", WAYS)
def test_a_training_ends_where_the_law_ends(way: str) -> None:
    ours, law = (trained(engine, 2, 100, **WAYS[way]) for engine in ("native", "reference"))
    for path, value in law.items():
        np.testing.assert_allclose(ours[path], value, rtol=1e-3, atol=2e-5, err_msg=path)


@pytest.mark.parametrize("rows", [30, 97])
def test_the_number_of_threads_changes_no_bit(rows: int) -> None:
    first, *others = (trained("native", threads, rows) for threads in (1, 2, 3))
    for other in others:
        assert all(value.tobytes() == other[path].tobytes() for path, value in first.items())


@pytest.fixture(params=[400_000, 40_000, 7 * 160 * 4])
def strip(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The gradient of 102,400 bytes in one strip, in three, and in many of a few rows."""
    monkeypatch.setattr("chainrule.plan.passes.deferred_gradients.STRIP", request.param)
    return request.param


@pytest.mark.parametrize("way", ["momentum", "adam"])
def test_no_more_of_a_gradient_is_in_memory_than_a_strip(way: str, strip: int) -> None:
    made, whole = planned(32, **WAYS[way]), 160 * 160 * 4
    assert len(late(made)) == 2 * -(-whole // strip)
    assert 160 * 160 not in sums(made)
    work = [buffer.bytes for buffer in made.buffers if buffer.origin == "work" and buffer.phase == AFTER]
    assert max(work) <= min(strip, whole)
    ours, law = (trained(engine, 2, 50, **WAYS[way]) for engine in ("native", "reference"))
    for path, value in law.items():
        np.testing.assert_allclose(ours[path], value, rtol=1e-3, atol=2e-5, err_msg=path)


def test_what_reads_a_gradient_twice_finds_it_written() -> None:
    made = planned(32, **WAYS["clipped"])
    assert [task.writes[0].shape for task in late(made)] == [(160, 160)] * 2
    assert 160 * 160 not in sums(made)


def test_where_the_factors_are_as_large_nothing_comes_late() -> None:
    made = planned(64)
    assert not late(made)
    assert 160 * 160 in sums(made)
