"""Where the time of a training step goes: the step as it is, with a clock read after every call.

A kernel that is called a thousand times over on the same numbers finds them all in the cache, which in a step
it does not; so whole steps are run, on one thread, on copies of the state, and the time between two looks at
the clock is what a line took. What a look itself takes is measured the same way, on lines that do nothing,
and left out. Of the times of a line in all steps the middle half counts, and so it is with whole steps: on a
machine that does other things as well, a plain mean would tell of those.

A step with an operation that has no kernel is not run in lanes; there the clock is Python's, read after each
task.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial

import numpy as np

from chainrule.engines.native.jit.compiler import callable_at
from chainrule.engines.native.runtime.executable import Ready, by_law, machine, run_calls
from chainrule.engines.native.runtime.kernel_calls import Blocks
from chainrule.engines.native.runtime.replicas import JOIN, Lanes
from chainrule.engines.native.runtime.step_runner import Desk, Trainer, address
from chainrule.engines.profile import Measured, Peak, Spent, Stages, Subject
from chainrule.graph import Graph, input_node
from chainrule.plan.plan import plan
from chainrule.plan.plan_record import entry
from chainrule.plan.tasks import PARTS, Buffer, Task
from chainrule.prng import KEY, folds, key_of, permutation
from chainrule.settings import planning_cores, settings

WAIT = 0.25  # seconds that lines are watched for, when nobody says how many steps
STRETCH = 0.05  # seconds of steps of several threads in one call: what the call costs is then not seen
FEWEST, MOST = 5, 1000  # steps
ROUNDS = 5  # of which the median, or the quickest, counts
SIDE, COPY = 1024, 2**25  # of the matrices, and bytes of the copy, by which a core is measured


def measure(subject: Subject) -> Measured:
    """What each kernel of a training step costs; see ``chainrule.engines.profile``."""
    copied = {label: np.array(array) for label, array in subject.state.items()}
    bench = (_Lanes if Trainer.covers(subject.graph) else _Tasks)(subject, copied)
    enough = int(min(max(WAIT / bench.trial(), FEWEST), MOST))
    each = -(-(subject.steps or enough) // ROUNDS)
    watched, alone, together = zip(*(bench.round(each) for _ in range(ROUNDS)), strict=True)
    # Lines and whole steps are measured in turn, so that what else the machine does meets all alike.
    lines = bench.lines(np.maximum(_middle(np.concatenate(watched)), 0.0))
    one, all_ = (float(_middle(np.concatenate(spent))) for spent in (alone, together))
    rows, lanes = bench.split
    threads, steps = min(settings.threads, lanes), each * ROUNDS
    best = peak(subject.graph.outputs["loss"].dtype)
    return Measured(lines, one, all_, threads, subject.batch, rows, lanes, steps, best)


class _Lanes:
    """A step in lanes, laid out to be measured.

    Args:
        subject: the step and its data.
        state: arrays that it may change.
    """

    def __init__(self, subject: Subject, state: dict[str, np.ndarray]) -> None:
        self._subject = subject
        self.trainer = Trainer(
            subject.graph,
            subject.core,
            subject.homes,
            subject.data,
            state,
            settings.threads,
            planning_cores(),
        )
        self._lanes: Lanes = self.trainer.lanes(subject.batch)
        self._begin = {label: array.copy() for label, array in self.trainer.state.items()}
        self._rows = permutation(key_of(0), len(next(iter(subject.data.values())))).astype(np.int64)
        self.split, self.plan = (self._lanes.split.rows, self._lanes.count), self._lanes.plan

    def trial(self) -> float:
        """Seconds of a step, roughly."""
        self.steps(2, 1)  # the first ones fetch what the others find
        return self.steps(2, 1)

    def round(self, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Seconds of each line in each step (steps, lines); of whole steps on one thread, and on all."""
        many = min(MOST, int(STRETCH / self.steps(2, 1)) + 1)
        together = np.array([self.steps(many, settings.threads)])
        self.steps(steps, 1)  # lays out the order of so many steps
        return self.watch(steps), self._pace(steps), together

    def steps(self, steps: int, threads: int) -> float:
        """Make some steps, batches mixed as in a training; the seconds of one of them."""
        self._put_back()
        self._order = np.resize(self._rows, steps * self._lanes.batch)
        self.trainer.threads, keys = threads, self._keys(steps)
        start = time.perf_counter()
        told, _ = self.trainer.run(self._order, self._lanes.batch, 0, steps, 0, keys)
        return (time.perf_counter() - start) / len(told)

    def watch(self, steps: int) -> np.ndarray:
        """Seconds that each line takes, without what the clock takes: (steps, lines).

        The batches are those of the last steps that were made: the blocks still point there.
        """
        idle = self._lanes.table.tables.copy()
        idle[..., 0] = machine().kernel("training_steps.nothing")
        spent = np.zeros((2, steps, len(self._lanes.lines)), np.int64)
        self._put_back()
        self._look("timed_steps.watch", spent[0])
        self._look("timed_steps.watch", spent[1], idle)
        return (spent[0] - _middle(spent[1])) * 1e-9

    def _pace(self, steps: int) -> np.ndarray:
        """Seconds of whole steps on one thread, batches as for ``watch``: (steps,)."""
        spent = np.zeros(steps, np.int64)
        self._put_back()
        self._look("timed_steps.pace", spent)
        return spent * 1e-9

    def _look(self, kernel: str, spent: np.ndarray, tables: np.ndarray | None = None) -> None:
        """Run as many steps as there is room for times, by a kernel that looks at the clock."""
        lanes, keys = self._lanes, self._keys(len(spent))
        desk = Desk(lanes, self.trainer.state, 1)
        desk.lay(self._order, 0, len(spent), keys)
        block = desk.block(0, tables, spent)
        run = callable_at(machine().kernel(kernel, lanes.loss.dtype.name, lanes.rate.dtype.name))
        run(address(block))

    def _keys(self, steps: int) -> np.ndarray:
        is_drawing = KEY in self._subject.graph.inputs
        return folds(key_of(0), np.arange(steps)) if is_drawing else np.zeros((0, 2), np.uint32)

    def _put_back(self) -> None:
        """All steps begin with the same state."""
        for label, array in self._begin.items():
            self.trainer.state[label][...] = array

    def lines(self, spent: np.ndarray) -> tuple[Spent, ...]:
        """What each task, and each buffer that is gathered or joined, costs: the lines of one are one."""
        times: dict[Task | Buffer, list[float]] = {}
        for line, seconds in zip(self._lanes.lines, spent, strict=True):
            times.setdefault(line.of, []).append(float(seconds))
        joined = {line.of for line in self._lanes.lines if line.phase == JOIN}
        stages = Stages(self._subject)
        return tuple(
            _of_task(self._lanes, of, took, stages)
            if isinstance(of, Task)
            else _of_buffer(self._lanes, of, took, of in joined)
            for of, took in times.items()
        )


def _of_task(lanes: Lanes, task: Task, took: list[float], stages: Stages) -> Spent:
    said, is_inside = entry(task, lanes.plan.buffers), task.phase == PARTS
    # The last part may hold fewer rows: a batch costs as many times a part as it has times its rows.
    times = lanes.batch / lanes.split.rows if is_inside and lanes.plan.is_divided else 1.0
    calls = len(took) * (lanes.split.parts if is_inside else 1)
    return Spent(
        stages.of(task.nodes), said.layer, said.kind, said.operations, calls, sum(took),
        round(said.flops * times), round(said.bytes * times),
    )  # fmt: skip


def _of_buffer(lanes: Lanes, buffer: Buffer, took: list[float], is_joined: bool) -> Spent:
    split, seconds = lanes.split, sum(took)
    if is_joined:  # the lanes' sums are read, lane 0's is written
        size, adds = buffer.size, split.lanes - 1
        moved = buffer.bytes * (split.lanes + 1)
        return Spent("join", "", "loop", ("add",) * adds, len(took), seconds, size * adds, moved)
    moved = round(2 * buffer.bytes * lanes.batch / split.rows)
    return Spent("gather", "", "take_rows", (buffer.label,), split.parts, seconds, 0, moved)


# --- steps with an operation that has no kernel


class _Tasks:
    """A step that runs task by task, some of them by the law.

    Args:
        subject: the step and its data.
        state: the arrays it begins with; they stay as they are.
    """

    def __init__(self, subject: Subject, state: Mapping[str, np.ndarray]) -> None:
        self._subject = subject
        self._feeds = _feeds(subject, state)
        self._ready = Ready(plan(subject.graph, {"B": subject.batch}), set(self._feeds))
        self._step()
        self._works = list(self._pieces())
        self.split = subject.batch, 1

    def trial(self) -> float:
        """Seconds of a step, roughly."""
        return float(_looks([self._step])[0])

    def round(self, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Seconds of each task in each step (steps, tasks), and of whole steps, twice."""
        whole = _looks([self._step] * steps)
        clock = _middle(_looks([partial(run_calls, self._ready.table, 0, 0)] * MOST))
        return np.array([_looks(self._works) for _ in range(steps)]) - clock, whole, whole

    def lines(self, spent: np.ndarray) -> tuple[Spent, ...]:
        """What each task costs."""
        lines, stages = [], Stages(self._subject)
        for task, seconds in zip(self._ready.plan.tasks, spent, strict=True):
            said = entry(task, self._ready.plan.buffers, self._subject.homes)
            what = stages.of(task.nodes), said.layer, said.kind, said.operations
            lines.append(Spent(*what, 1, float(seconds), said.flops, said.bytes))
        return tuple(lines)

    def _step(self) -> None:
        taken = self._ready.takes(self._feeds)
        assert taken, "the arrays are made for this plan"
        self._ready.run(self._feeds)

    def _pieces(self) -> Iterator[Callable[[], None]]:
        """What runs each task."""
        made = self._ready.plan
        blocks, last = Blocks(machine(), made.buffers), 0
        for task in made.tasks:
            calls = blocks.calls(task)
            if calls is None:
                yield partial(by_law, task, self._ready, self._feeds)
            else:
                first, last = last, last + len(calls)
                yield partial(run_calls, self._ready.table, first, last)


def _middle(spent: np.ndarray) -> np.ndarray:
    """The mean of the middle half, along the first axis."""
    cut = len(spent) // 4
    return np.sort(spent, axis=0)[cut : len(spent) - cut].mean(axis=0)


def _looks(
    works: Sequence[Callable[[], object]], clock: Callable[[], float] = time.perf_counter
) -> np.ndarray:
    """Seconds that each piece of work took."""
    looks = [clock()]
    for work in works:
        work()
        looks.append(clock())
    return np.diff(looks)


def _feeds(subject: Subject, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the step is given: the first rows, the state, its number and a key."""
    rows = {name: array[: subject.batch] for name, array in subject.data.items()}
    whole = {**rows, **state, "step": np.zeros((), np.int64), KEY: key_of(0)}
    nodes = subject.graph.inputs
    return {name: np.asarray(whole[name], node.dtype, order="C") for name, node in nodes.items()}


# --- what a core can do


@cache
def peak(dtype: str) -> Peak:
    """What one core can do at most, measured once: in the seconds this thread had, not those it waited.

    Args:
        dtype: number kind of the matrices.
    """
    a, b = (input_node(name, (SIDE, SIDE), dtype) for name in "ab")
    product = Ready(plan(Graph({"c": a @ b}), {}), {"a", "b"})
    product.takes({name: np.ones((SIDE, SIDE), dtype) for name in "ab"})
    multiply = partial(run_calls, product.table, 0, len(product.table))
    source, target = np.ones(COPY, np.uint8), np.zeros(COPY, np.uint8)
    multiplied = min(_looks([multiply] * ROUNDS, time.thread_time))
    copied = min(_looks([partial(np.copyto, target, source)] * ROUNDS, time.thread_time))
    return Peak(2 * SIDE**3 / float(multiplied), 2 * COPY / float(copied))
