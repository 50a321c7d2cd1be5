"""Profile of a training step: the unchanged step with a clock read after every call.

A kernel that runs a thousand times on the same numbers finds them all in the cache, which it does not in a
step. Therefore whole steps run, on one thread, on copies of the state; the time between two readings of the
clock is attributed to a line. The time of a reading itself is measured in the same way, on lines that do
nothing, and subtracted. The result is the mean of the middle half of all steps, for lines and for whole steps
alike, because a plain mean would include interruptions by other programs.

A step with an operation that has no kernel is not run in replicas; it is timed in Python after each task.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial

import numpy as np

from chainrule.engines.native.jit.compiler import callable_at
from chainrule.engines.native.runtime.buffers import address
from chainrule.engines.native.runtime.call_builder import CallBuilder
from chainrule.engines.native.runtime.executable import Executable, machine, run_calls, run_reference
from chainrule.engines.native.runtime.kernel_calls import task_calls
from chainrule.engines.native.runtime.replicas import SUM_REPLICAS, ReplicatedStep
from chainrule.engines.native.runtime.step_runner import ArgumentBlocks, CompiledStep, Trainer
from chainrule.engines.profile import CorePeak, KernelTime, ProfiledStep, Stages, StepProfile
from chainrule.graph import Graph, input_node
from chainrule.plan.plan import plan
from chainrule.plan.plan_record import task_record
from chainrule.plan.tasks import MICROBATCHES, Buffer, Task
from chainrule.prng import KEY, folds, key_of, permutation
from chainrule.settings import planning_cores, settings

PROFILE_SECONDS = 0.25  # that lines are timed for, if the number of steps is not given
RUN_SECONDS = 0.05  # of a multi-step run on several threads: the cost of the call is then negligible
MIN_STEPS, MAX_STEPS = 5, 1000
ROUNDS = 5  # of which the median, or the fastest, counts
SIDE, COPY_BYTES = 1024, 2**25  # side of the matrices, and bytes of the copy, that measure a core


def measure(subject: ProfiledStep) -> StepProfile:
    """Measure the time of each kernel of a training step; see ``chainrule.engines.profile``."""
    state = {label: np.array(array) for label, array in subject.state.items()}
    profile = (_ReplicatedProfile if CompiledStep.covers(subject.graph) else _TaskProfile)(subject, state)
    default_steps = int(min(max(PROFILE_SECONDS / profile.trial(), MIN_STEPS), MAX_STEPS))
    steps_per_round = -(-(subject.steps or default_steps) // ROUNDS)
    line_times, single_thread, all_threads = zip(
        *(profile.round(steps_per_round) for _ in range(ROUNDS)), strict=True
    )
    # Lines and whole steps are measured in turn, so that other load on the machine affects all alike.
    lines = profile.lines(np.maximum(_interquartile_mean(np.concatenate(line_times)), 0.0))
    single, parallel = (
        float(_interquartile_mean(np.concatenate(spent))) for spent in (single_thread, all_threads)
    )
    rows, replicas = profile.split
    threads, steps = min(settings.threads, replicas), steps_per_round * ROUNDS
    best = peak(subject.graph.outputs["loss"].dtype)
    return StepProfile(lines, single, parallel, threads, subject.batch, rows, replicas, steps, best)


class _ReplicatedProfile:
    """A step in replicas, laid out to be measured."""

    def __init__(self, subject: ProfiledStep, state: dict[str, np.ndarray]) -> None:
        self._subject = subject
        compiled = CompiledStep(subject.graph, subject.core, subject.homes)
        self.trainer = Trainer(compiled, subject.data, state, settings.threads, planning_cores())
        self._step: ReplicatedStep = self.trainer.replicated_step(subject.batch)
        self._initial_state = {label: array.copy() for label, array in self.trainer.state.items()}
        self._rows = permutation(key_of(0), len(next(iter(subject.data.values())))).astype(np.int64)
        self.split, self.plan = (self._step.split.rows, self._step.count), self._step.plan

    def trial(self) -> float:
        """Return the approximate seconds of a step."""
        self.steps(2, 1)  # the first steps fill the caches
        return self.steps(2, 1)

    def round(self, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return seconds of each line by step (steps, lines), of whole steps on one thread, and on all."""
        run_steps = min(MAX_STEPS, int(RUN_SECONDS / self.steps(2, 1)) + 1)
        all_threads = np.array([self.steps(run_steps, settings.threads)])
        self.steps(steps, 1)  # sets the order of the rows
        return self._line_times(steps), self._whole_steps(steps), all_threads

    def steps(self, steps: int, threads: int) -> float:
        """Run some steps with shuffled batches and return the seconds of one of them."""
        self._reset_state()
        self._order = np.resize(self._rows, steps * self._step.batch)
        self.trainer.threads, keys = threads, self._keys(steps)
        start = time.perf_counter()
        results, _ = self.trainer.run(self._order, self._step.batch, 0, steps, 0, keys)
        return (time.perf_counter() - start) / len(results)

    def _line_times(self, steps: int) -> np.ndarray:
        """Return the seconds of each line without the time of the clock: (steps, lines).

        The batches are those of the last steps that were run, to which the blocks still point.
        """
        idle = self._step.table.tables.copy()
        idle[..., 0] = machine().kernel("training_steps.no_operation")
        spent = np.zeros((2, steps, len(self._step.lines)), np.int64)
        self._reset_state()
        self._time("training_steps.timed_calls", spent[0])
        self._time("training_steps.timed_calls", spent[1], idle)
        return (spent[0] - _interquartile_mean(spent[1])) * 1e-9

    def _whole_steps(self, steps: int) -> np.ndarray:
        """Return the seconds of whole steps on one thread, with the batches of ``_line_times``: (steps,)."""
        spent = np.zeros(steps, np.int64)
        self._reset_state()
        self._time("training_steps.timed_whole_steps", spent)
        return spent * 1e-9

    def _time(self, kernel: str, spent: np.ndarray, tables: np.ndarray | None = None) -> None:
        """Run ``len(spent)`` steps by a kernel that reads the clock."""
        step, keys = self._step, self._keys(len(spent))
        blocks = ArgumentBlocks(step, self.trainer.state, 1)
        blocks.write(self._order, 0, len(spent), keys)
        block = blocks.block(0, tables, spent)
        run = callable_at(machine().kernel(kernel, step.loss.dtype.name, step.learning_rate.dtype.name))
        run(address(block))

    def _keys(self, steps: int) -> np.ndarray:
        needs_key = KEY in self._subject.graph.inputs
        return folds(key_of(0), np.arange(steps)) if needs_key else np.zeros((0, 2), np.uint32)

    def _reset_state(self) -> None:
        """Restore the initial state, so that all steps start from the same one."""
        for label, array in self._initial_state.items():
            self.trainer.state[label][...] = array

    def lines(self, spent: np.ndarray) -> tuple[KernelTime, ...]:
        """Return the cost of each task and of each gathered or summed buffer, whose lines are merged."""
        times: dict[Task | Buffer, list[float]] = {}
        for line, seconds in zip(self._step.lines, spent, strict=True):
            times.setdefault(line.of, []).append(float(seconds))
        summed = {line.of for line in self._step.lines if line.phase == SUM_REPLICAS}
        stages = Stages(self._subject)
        return tuple(
            _task_cost(self._step, of, seconds, stages)
            if isinstance(of, Task)
            else _buffer_cost(self._step, of, seconds, of in summed)
            for of, seconds in times.items()
        )


def _task_cost(step: ReplicatedStep, task: Task, times: list[float], stages: Stages) -> KernelTime:
    record, is_repeated = task_record(task, step.plan.buffers), task.phase == MICROBATCHES
    # The last microbatch may have fewer rows: cost scales with the ratio of the rows.
    factor = step.batch / step.split.rows if is_repeated and step.plan.is_divided else 1.0
    calls = len(times) * (step.split.microbatches if is_repeated else 1)
    return KernelTime(
        stages.of(task.nodes),
        record.layer,
        record.kind,
        record.operations,
        calls,
        sum(times),
        round(record.flops * factor),
        round(record.bytes * factor),
    )


def _buffer_cost(step: ReplicatedStep, buffer: Buffer, times: list[float], is_summed: bool) -> KernelTime:
    split, seconds = step.split, sum(times)
    if is_summed:  # the sums of all replicas are read, that of replica 0 is written
        size, additions = buffer.size, split.replicas - 1
        moved = buffer.bytes * (split.replicas + 1)
        return KernelTime(
            "join", "", "loop", ("add",) * additions, len(times), seconds, size * additions, moved
        )
    moved = round(2 * buffer.bytes * step.batch / split.rows)
    return KernelTime("gather", "", "take_rows", (buffer.label,), split.microbatches, seconds, 0, moved)


# --- steps with an operation that has no kernel


class _TaskProfile:
    """A step that runs task by task, some by the reference implementation; ``state`` is not changed."""

    def __init__(self, subject: ProfiledStep, state: Mapping[str, np.ndarray]) -> None:
        self._subject = subject
        self._inputs = _inputs(subject, state)
        self._executable = Executable(plan(subject.graph, {"B": subject.batch}), set(self._inputs))
        self._step()
        self._work = list(self._tasks())
        self.split = subject.batch, 1

    def trial(self) -> float:
        """Return the approximate seconds of a step."""
        return float(_times([self._step])[0])

    def round(self, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the seconds of each task in each step (steps, tasks), and of whole steps, twice."""
        whole_steps = _times([self._step] * steps)
        clock = _interquartile_mean(_times([partial(run_calls, self._executable.table, 0, 0)] * MAX_STEPS))
        return np.array([_times(self._work) for _ in range(steps)]) - clock, whole_steps, whole_steps

    def lines(self, spent: np.ndarray) -> tuple[KernelTime, ...]:
        lines, stages = [], Stages(self._subject)
        for task, seconds in zip(self._executable.plan.tasks, spent, strict=True):
            record = task_record(task, self._executable.plan.buffers, self._subject.homes)
            labels = stages.of(task.nodes), record.layer, record.kind, record.operations
            lines.append(KernelTime(*labels, 1, float(seconds), record.flops, record.bytes))
        return tuple(lines)

    def _step(self) -> None:
        is_bound = self._executable.bind(self._inputs)
        assert is_bound, "the arrays fit this plan"
        self._executable.run(self._inputs)

    def _tasks(self) -> Iterator[Callable[[], None]]:
        """Yield a function that runs each task."""
        plan = self._executable.plan
        builder, last = CallBuilder(machine(), plan.buffers), 0
        for task in plan.tasks:
            calls = task_calls(builder, task)
            if calls is None:
                yield partial(run_reference, task, self._executable, self._inputs)
            else:
                first, last = last, last + len(calls)
                yield partial(run_calls, self._executable.table, first, last)


def _interquartile_mean(spent: np.ndarray) -> np.ndarray:
    """Return the mean of the middle half along the first axis."""
    cut = len(spent) // 4
    return np.sort(spent, axis=0)[cut : len(spent) - cut].mean(axis=0)


def _times(
    works: Sequence[Callable[[], object]], clock: Callable[[], float] = time.perf_counter
) -> np.ndarray:
    """Return the seconds of each piece of work."""
    readings = [clock()]
    for work in works:
        work()
        readings.append(clock())
    return np.diff(readings)


def _inputs(subject: ProfiledStep, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the inputs of the step: the first rows, the state, the step number and a key."""
    rows = {name: array[: subject.batch] for name, array in subject.data.items()}
    arrays = {**rows, **state, "step": np.zeros((), np.int64), KEY: key_of(0)}
    nodes = subject.graph.inputs
    return {name: np.asarray(arrays[name], node.dtype, order="C") for name, node in nodes.items()}


# --- peak of a core


@cache
def peak(dtype: str) -> CorePeak:
    """Measure the peak performance of one core once, in CPU seconds of this thread."""
    a, b = (input_node(name, (SIDE, SIDE), dtype) for name in "ab")
    product = Executable(plan(Graph({"c": a @ b}), {}), {"a", "b"})
    product.bind({name: np.ones((SIDE, SIDE), dtype) for name in "ab"})
    multiply = partial(run_calls, product.table, 0, len(product.table))
    source, target = np.ones(COPY_BYTES, np.uint8), np.zeros(COPY_BYTES, np.uint8)
    multiplied = min(_times([multiply] * ROUNDS, time.thread_time))
    copied = min(_times([partial(np.copyto, target, source)] * ROUNDS, time.thread_time))
    return CorePeak(2 * SIDE**3 / float(multiplied), 2 * COPY_BYTES / float(copied))
