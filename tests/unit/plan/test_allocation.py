"""No two values that are needed at once lie in the same place."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chainrule.graph import Graph
from chainrule.plan.allocation import ALIGN, Layout, lay_out
from chainrule.plan.plan import plan
from chainrule.plan.tasks import Buffer, Task
from chainrule.plan.views import View
from random_graph import graphs
from training_step import step


def spans(tasks: tuple[Task, ...], pinned: set[int]) -> dict[int, tuple[int, int]]:
    """For each buffer the first and the last task that touches it."""
    found: dict[int, tuple[int, int]] = {}
    for i, task in enumerate(tasks):
        for view in (*task.reads, *task.writes):
            found[view.buffer] = (found.get(view.buffer, (i, i))[0], i)
    return {n: (a, len(tasks) if n in pinned else b) for n, (a, b) in found.items()}


def check(layout: Layout, buffers: tuple[Buffer, ...], tasks: tuple[Task, ...], pinned: set[int]) -> None:
    alive = spans(tasks, pinned)
    assert set(layout.places) == {n for n in alive if buffers[n].origin == "work"}
    for number, place in layout.places.items():
        assert place % ALIGN == 0
        assert place + buffers[number].bytes <= layout.size
    for a, b in itertools.combinations(layout.places, 2):
        (a_first, a_last), (b_first, b_last) = alive[a], alive[b]
        if a_first <= b_last and b_first <= a_last:
            p, q = layout.places[a], layout.places[b]
            apart = p + buffers[a].bytes <= q or q + buffers[b].bytes <= p
            assert apart, f"buffers {a} and {b} overlap"


@given(st.data())
def test_buffers_that_are_alive_at_once_do_not_overlap(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    origins = st.sampled_from(["work", "work", "work", "input", "output"])
    buffers = tuple(
        Buffer(i, (data.draw(st.integers(0, 40)),), "float32", data.draw(origins)) for i in range(count)
    )
    one = st.lists(st.integers(0, count - 1), min_size=1, max_size=3)
    tasks = []
    for _ in range(data.draw(st.integers(1, 10))):
        reads, writes = ([View.whole(n, buffers[n].shape) for n in data.draw(one)] for _ in range(2))
        tasks.append(Task("law", (), tuple(reads), tuple(writes)))
    pinned = data.draw(st.sets(st.integers(0, count - 1)))
    check(lay_out(buffers, tuple(tasks), pinned), buffers, tuple(tasks), pinned)


@given(graphs(25))
def test_plans_are_laid_out_so(graph: Graph) -> None:
    made = plan(graph, {})
    check(made.layout, made.buffers, made.tasks, {view.buffer for view in made.outputs.values()})


def test_memory_is_used_again() -> None:
    made = plan(*_chain())
    work = [b for b in made.buffers if b.origin == "work"]
    assert len(work) > 4
    assert made.layout.size <= 3 * -(-max(b.bytes for b in work) // ALIGN) * ALIGN


def _chain() -> tuple[Graph, dict[str, int]]:
    """Products one after the other, each of which needs only the one before."""
    from_step, _ = step()
    x = from_step.inputs["x"].T @ from_step.inputs["x"]
    for _ in range(6):
        x = x @ x.T
    return Graph({"y": x.sum()}), {"B": 5}
