"""This engine's layers alone, as they run inside a network.

The cost of a layer in a network differs from its cost alone in two ways. The batch is computed in
microbatches, each of which passes through all layers while it is in the cache; so a case is timed for one
microbatch, as large as the engine chooses it, and multiplied by their number. And the memory layout of images
depends on neighboring layers (see ``chainrule.plan.passes.axis_layout``); so an image layer is planned
between two 1 x 1 convolutions, and only its own kernels are timed.

Each thread runs several microbatches with memory of its own, like the replicas of a training. Inference that
fits a single chunk is computed by all threads together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np

import chainrule as cr
from benchmarks.layer_cases import LayerCase, weights
from benchmarks.peers import Lap, Run, Variants
from chainrule import nn
from chainrule.engines.native import CompiledStep, Trainer
from chainrule.engines.native.runtime.call_builder import CallBuilder
from chainrule.engines.native.runtime.executable import Executable, machine, prepared_calls, run_reference
from chainrule.engines.native.runtime.kernel_calls import task_calls
from chainrule.engines.native.runtime.partition import levels
from chainrule.engines.native.runtime.thread_team import LevelTeam
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node, make
from chainrule.nn.initializer import ZEROS
from chainrule.nn.optimizer import StepContext
from chainrule.nn.scope import Collected, Scope
from chainrule.ops import functional as F
from chainrule.ops.batch_axis import is_divisible, roles
from chainrule.ops.operation_card import Card, Flat, Pulled
from chainrule.plan.inference_chunks import inference_chunk
from chainrule.plan.microbatch import split_batch
from chainrule.plan.plan import Cut, plan
from chainrule.plan.tasks import Task
from chainrule.prng import KEY
from chainrule.symbolic_shape import Size, Spec, bound

B = Size.symbol("B")
BEFORE, LAYER, BEHIND = "before", "layer", "behind"  # paths of an image layer and its neighbors
BEHIND_CHANNELS = 8
NO_KEYS, FIRST = np.zeros((0, 2), np.uint32), np.zeros(1, np.int64)
MOMENTUM = {"momentum": nn.SGD(0.01, momentum=0.9)}  # an optimizer that has no name of its own
Operation: TypeAlias = Callable[[Sequence[Node], Mapping[str, Any], Scope], Node]
Piece: TypeAlias = tuple[bool, Callable[[], None]]


def _of_table(values: Sequence[Node], options: Mapping[str, Any], scope: Scope) -> Node:
    return F.gather(scope.parameter(f"{LAYER}.table", options["table"], ZEROS), values[0])


OPERATIONS: dict[str, Operation] = {
    "concatenate": lambda values, options, scope: F.concatenate(list(values), 1),
    # A transpose alone is a view; concatenated, its elements are copied.
    "transpose": lambda values, options, scope: F.concatenate([F.transpose(values[0], (0, 2, 1))] * 2, 1),
    "gather": _of_table,
    "product": lambda values, options, scope: values[0] @ values[1],
    "loss": lambda values, options, scope: nn.LOSSES[options["name"]](**options["settings"]).mean(*values),
    **{
        name: lambda values, options, scope, name=name: getattr(F, name)(values[0], options["axis"])
        for name in ("softmax", "log_softmax", "logsumexp", "sum", "max", "mean", "argmax", "variance")
    },
}


class UpstreamGradient(Card):
    """A scalar whose gradient with respect to its first input is its second: the gradient of later layers."""

    name = "arriving"

    def infer(self, *specs: Spec) -> Spec:
        return Spec((), specs[0].dtype)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return inputs[1], Flat("it is only passed on")


@dataclass(frozen=True)
class Subject:
    """A layer that is timed.

    Args:
        outputs: what is computed.
        arrays: inputs, whole batches by input label.
        batch: samples.
        is_training: whether gradients are among the outputs.
        is_between: whether the layer is between others whose kernels do not count.
    """

    outputs: dict[str, Node]
    arrays: dict[str, np.ndarray]
    batch: int
    is_training: bool
    is_between: bool

    def rows(self, threads: int) -> int:
        """Return the samples of a microbatch, as the engine divides the batch for this number of threads."""
        graph = Graph(self.outputs)
        if not self.is_training:
            chunk = inference_chunk(graph)
            return chunk.rows if chunk is not None and self.batch >= chunk.min_batch else self.batch
        if not is_divisible(roles(graph.nodes)):
            return self.batch
        y, *gradients = self.outputs.values()
        step = Graph({"loss": F.sum(y) if y.rank else y, **self.outputs})
        return split_batch(step, self.batch, Cut(1, "loss", tuple(gradients), {}), threads).rows

    def part(self, rows: int) -> dict[str, np.ndarray]:
        """Return the inputs for the first rows."""
        specs = {label: node.spec for label, node in Graph(self.outputs).inputs.items()}
        return {k: self.arrays[k][:rows] if B in spec.shape else self.arrays[k] for k, spec in specs.items()}

    def is_own(self, task: Task) -> bool:
        """Return whether a task belongs to the layer; padding the output of the previous layer does."""
        path = task.layer.partition(".")[0]
        return not self.is_between or path == LAYER or (path == BEFORE and task.kind == "copy")


def subject(case: LayerCase, is_training: bool, is_between: bool) -> Subject:
    """Return what is computed for a case."""
    scope = Scope(Collected("float32", is_training))
    values: list[Node] = []
    for i, inputs in enumerate(case.inputs):
        shape = inputs.shape if case.kind == "product" and i else (B, *inputs.shape[1:])
        values.append(input_node(f"x{i}", shape, "int64" if inputs.below else "float32"))
    x = values[0]
    if case.kind in OPERATIONS:
        y = OPERATIONS[case.kind](values, case.options, scope)
    else:
        kind = nn.Activation if case.kind == "activation" else getattr(nn, case.kind)
        if is_between:
            x = scope.run(nn.Conv(bound(x.shape[-1:])[0], 1, bias=False), x, BEFORE)
        y = scope.run(kind(**case.options), x, LAYER)
        if is_between and y.rank == x.rank:
            y = scope.run(nn.Conv(BEHIND_CHANNELS, 1, bias=False), y, BEHIND)
    arrays = {f"x{i}": array for i, array in enumerate(case.arrays())} | _arrays_of(scope.book)
    outputs = {"y": y}
    if is_training:
        target = values[1:] if case.kind == "loss" else []  # which has no gradient
        inputs = [] if is_between else [v for v in values if v.spec.is_float and v not in target]
        parameters = [p.node for path, p in scope.book.parameters.items() if not path.startswith(BEHIND)]
        outputs |= _gradients(y, [*inputs, *parameters])
        shape = bound(y.spec.at({"B": case.batch}).shape)
        arrays["dy"] = np.random.default_rng(5).standard_normal(shape, np.float32)
    return Subject(outputs, arrays, case.batch, is_training, is_between)


def _arrays_of(book: Collected) -> dict[str, np.ndarray]:
    """Return arrays for parameters, running statistics and the key."""
    shapes = {path: bound(p.spec.shape) for path, p in book.parameters.items()}
    layer_paths = [path for path in shapes if path.startswith(LAYER)]
    layer_arrays = dict(zip(layer_paths, weights([shapes[path] for path in layer_paths]), strict=True))
    other_arrays = {path: weights([shape])[0] for path, shape in shapes.items() if path not in layer_arrays}
    states = {path: np.ones(bound(p.spec.shape), np.float32) for path, p in book.states.items()}
    return {**layer_arrays, **other_arrays, **states, KEY: np.zeros(2, np.uint32)}


def _gradients(y: Node, inputs: Sequence[Node]) -> dict[str, Node]:
    """Return the gradients by the label of their input."""
    loss = y
    if y.rank:
        loss = make(UpstreamGradient(), y, input_node("dy", y.shape, y.dtype))
    gradients = grad(loss, inputs, unused="zeros")
    labels = [node.op.attributes["label"] for node in inputs]
    return {f"d {label}": gradient for label, gradient in zip(labels, gradients, strict=True)}


# --- running


def layer(case: LayerCase) -> Variants:
    """Return the runs of a case: forward, forward and backward, or an optimizer's update."""
    cr.settings.threads = case.threads
    runs: Variants = {
        "update": lambda: _updates(case),
        "forward": lambda: _timed(case, is_training=False),
        "both": lambda: _timed(case, is_training=True),
    }
    return {mode: runs[mode] for mode in case.ways}


def _timed(case: LayerCase, is_training: bool) -> Run:
    value = _value(subject(case, is_training, is_between=False))
    timed = subject(case, is_training, case.is_image)
    rows = timed.rows(case.threads)
    parts = -(-timed.batch // rows)
    if parts == 1 and not is_training:
        return _laps([(list(_together(timed, case.threads)), 1)], value)
    workers = min(case.threads, parts)
    shares = [
        (list(_pieces(timed, rows)), parts * (i + 1) // workers - parts * i // workers)
        for i in range(workers)
    ]
    return _laps(shares, value)


def _value(timed: Subject) -> float:
    """Return the magnitude of the result, or of the first gradient, in which both peers should agree."""
    *_, last = list(timed.outputs.items())[:2]
    graph = Graph({"y": timed.outputs["y"], last[0]: last[1]})
    result = cr.compile(graph, "native").run(timed.arrays)[last[0]]
    return float(np.abs(result, dtype=np.float64).mean())


def _together(timed: Subject, threads: int) -> Iterator[Piece]:
    """Yield the pieces of a single chunk, which all threads compute together if that is faster: levels of
    calls.
    """
    executable = Executable(plan(Graph(timed.outputs), {"B": timed.batch}), set(timed.arrays), threads)
    assert executable.bind(timed.arrays)
    team, tasks = executable.team, executable.plan.tasks
    if team is None:
        yield from _pieces(timed, timed.batch)
        return
    level = levels(executable.plan, tasks)
    own = {level[task] for task in tasks if timed.is_own(task)}
    for is_own, group in groupby(range(len(team.marks)), lambda number: number in own):
        numbers = list(group)
        yield is_own, partial(_run, team.levels(numbers[0], numbers[-1] + 1), threads, executable)


def _run(team: LevelTeam, threads: int, owner: Executable) -> None:
    """Run some levels, in the memory of ``owner``."""
    team.run(threads)


def _pieces(timed: Subject, rows: int) -> Iterator[Piece]:
    """Yield the kernels of a microbatch in order: runs of the layer's own ones, and of its neighbors'."""
    arrays = timed.part(rows)
    executable = Executable(plan(Graph(timed.outputs), {"B": rows}), set(arrays))
    assert executable.bind(arrays)
    builder, begin = CallBuilder(machine(), executable.plan.buffers), 0
    for (is_own, has_kernel), tasks in groupby(
        executable.plan.tasks, lambda task: (timed.is_own(task), task_calls(builder, task) is not None)
    ):
        if has_kernel:
            end = begin + sum(len(task_calls(builder, task) or ()) for task in tasks)
            yield is_own, prepared_calls(executable.table, begin, end, executable)
            begin = end
        else:
            yield is_own, partial(_run_references, tuple(tasks), executable, arrays)


def _run_references(tasks: Sequence[Task], executable: Executable, arrays: Mapping[str, np.ndarray]) -> None:
    """Run tasks without kernel, one after the other."""
    for task in tasks:
        run_reference(task, executable, arrays)


def _laps(shares: Sequence[tuple[Sequence[Piece], int]], value: float) -> Run:
    """Run each thread's pieces once for each of its microbatches; only own pieces are timed."""

    def work(share: tuple[Sequence[Piece], int], count: int) -> tuple[float, float]:
        (pieces, parts), wall, cpu = share, 0.0, 0.0
        for _ in range(count * parts):
            for is_own, piece in pieces:
                if not is_own:
                    piece()
                    continue
                begin, busy = time.perf_counter(), time.thread_time()
                piece()
                wall, cpu = wall + time.perf_counter() - begin, cpu + time.thread_time() - busy
        return wall, cpu

    def run(count: int) -> Lap:
        with ThreadPoolExecutor(max(len(shares) - 1, 1)) as pool:
            others = [pool.submit(work, share, count) for share in shares[1:]]
            times = [work(shares[0], count), *(other.result() for other in others)]
        return Lap(value, max(wall for wall, _ in times), sum(cpu for _, cpu in times))

    return run


def _updates(case: LayerCase) -> Run:
    """Run steps of an optimizer in place, as in training; each thread has a share of the parameters."""
    name, (count,) = case.options["name"], case.inputs[0].shape
    optimizer = MOMENTUM.get(name) or nn.OPTIMIZERS[name]()
    trainers = [_trainer(optimizer, count // case.threads) for _ in range(case.threads)]

    def steps(trainer: Trainer, count: int) -> None:
        trainer.run(FIRST, 1, 0, count, 1, NO_KEYS)

    def run(count: int) -> float:
        with ThreadPoolExecutor(max(case.threads - 1, 1)) as pool:
            others = [pool.submit(steps, trainer, count) for trainer in trainers[1:]]
            steps(trainers[0], count)
            for other in others:
                other.result()
        return float("nan")

    return run


def _trainer(optimizer: nn.Optimizer, count: int) -> Trainer:
    w, g = (
        input_node(label, (count,), "float32", role) for label, role in (("w", "parameter"), ("g", "data"))
    )
    step = F.cast(input_node("step", (), "int64", "step"), "float32")
    memory = optimizer.memory({"w": (count,)})
    slots = {label: input_node(label, slot.shape, "float32", "state") for label, slot in memory.items()}
    loss = F.sum(g[:2])
    updates, new_slots = optimizer.moves(
        {"w": w}, {"w": g}, slots, StepContext(optimizer.schedule(step, 1000), step + 1.0, loss)
    )
    rng = np.random.default_rng(0)
    state = {label: np.full(bound(slot.shape), slot.first, np.float32) for label, slot in memory.items()}
    state |= {label: rng.standard_normal(count, np.float32) for label in ("w", "g")}
    results = {**updates, **new_slots}
    graph = Graph({"loss": loss, **{f"new {label}": node for label, node in results.items()}})
    homes = {f"new {label}": label for label in results}
    return CompiledStep(graph, [], homes).trainer({}, state, 1, 1)
