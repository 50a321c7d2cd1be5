"""Memory allocation: buffers with overlapping lifetimes do not overlap."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chainrule.graph import Graph
from chainrule.plan.memory_allocation import ALIGN, Layout, allocate
from chainrule.plan.plan import plan
from chainrule.plan.tasks import Buffer, Task
from chainrule.plan.views import View
from random_graph import graphs
from training_step import step


def spans(tasks: tuple[Task, ...], pinned: set[int]) -> dict[int, tuple[int, int]]:
    """Return the first and the last task that accesses each buffer."""
    first_and_last: dict[int, tuple[int, int]] = {}
    for i, task in enumerate(tasks):
        for view in (*task.reads, *task.writes):
            first_and_last[view.buffer] = (first_and_last.get(view.buffer, (i, i))[0], i)
    return {n: (a, len(tasks) if n in pinned else b) for n, (a, b) in first_and_last.items()}


def check(layout: Layout, buffers: tuple[Buffer, ...], tasks: tuple[Task, ...], pinned: set[int]) -> None:
    alive = spans(tasks, pinned)
    assert set(layout.offsets) == {n for n in alive if buffers[n].origin == "work"}
    for number, offset in layout.offsets.items():
        assert offset % ALIGN == 0
        assert offset + buffers[number].bytes <= layout.size
    for a, b in itertools.combinations(layout.offsets, 2):
        (a_first, a_last), (b_first, b_last) = alive[a], alive[b]
        if a_first <= b_last and b_first <= a_last:
            p, q = layout.offsets[a], layout.offsets[b]
            is_disjoint = p + buffers[a].bytes <= q or q + buffers[b].bytes <= p
            assert is_disjoint, f"buffers {a} and {b} overlap"


@given(st.data())
def test_buffers_with_overlapping_lifetimes_are_disjoint(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    origins = st.sampled_from(["work", "work", "work", "input", "output"])
    buffers = tuple(
        Buffer(i, (data.draw(st.integers(0, 40)),), "float32", data.draw(origins)) for i in range(count)
    )
    one = st.lists(st.integers(0, count - 1), min_size=1, max_size=3)
    tasks = []
    for _ in range(data.draw(st.integers(1, 10))):
        reads, writes = ([View.contiguous(n, buffers[n].shape) for n in data.draw(one)] for _ in range(2))
        tasks.append(Task("reference", (), tuple(reads), tuple(writes)))
    pinned = data.draw(st.sets(st.integers(0, count - 1)))
    check(allocate(buffers, tuple(tasks), pinned), buffers, tuple(tasks), pinned)


@given(graphs(25))
def test_plans_of_random_graphs_have_disjoint_buffers(graph: Graph) -> None:
    planned = plan(graph, {})
    check(planned.layout, planned.buffers, planned.tasks, {view.buffer for view in planned.outputs.values()})


def test_memory_is_reused_after_the_last_reader() -> None:
    planned = plan(*_chain())
    work = [b for b in planned.buffers if b.origin == "work"]
    assert len(work) > 4
    assert planned.layout.size <= 3 * -(-max(b.bytes for b in work) // ALIGN) * ALIGN


def _chain() -> tuple[Graph, dict[str, int]]:
    """Return products in sequence, each of which reads only the previous one."""
    from_step, _ = step()
    x = from_step.inputs["x"].T @ from_step.inputs["x"]
    for _ in range(6):
        x = x @ x.T
    return Graph({"y": x.sum()}), {"B": 5}
