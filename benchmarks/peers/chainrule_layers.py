"""This engine's layers alone, as they run inside a net.

What a layer costs in a net differs from what it costs by itself in two ways. The batch is computed in parts,
each of which goes through all layers while it is in the cache; so a case is timed for a part, as large as
the engine makes it, and multiplied by the number of parts. And images lie in memory as their neighbours want
them (see ``chainrule.plan.passes.memory_layout``); so an image layer is planned between two convolutions of
single cells, and only its own kernels are timed, not those of its neighbours.

Threads take parts in turn, each with memory of its own, as the lanes of a training do. An answer that is a
single portion is computed by all threads together.
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
from chainrule.engines.native import Trainer
from chainrule.engines.native.runtime.executable import Ready, by_law, machine, prepared_calls
from chainrule.engines.native.runtime.kernel_calls import Blocks
from chainrule.engines.native.runtime.levels import levels
from chainrule.engines.native.runtime.thread_team import Crew
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node, make
from chainrule.nn.initializer import ZEROS
from chainrule.nn.optimizer import Now
from chainrule.nn.scope import Book, Scope
from chainrule.ops import PUBLIC
from chainrule.ops.batch_axis import is_divisible, roles
from chainrule.ops.card import Card, Flat, Pulled
from chainrule.plan.inference_chunks import portion
from chainrule.plan.microbatch import split_batch
from chainrule.plan.plan import Cut, plan
from chainrule.plan.tasks import Task
from chainrule.prng import KEY
from chainrule.spec import Size, Spec, bound

B = Size.symbol("B")
BEFORE, LAYER, BEHIND = "before", "layer", "behind"  # paths of an image layer and its neighbours
BEHIND_CHANNELS = 8
NO_KEYS, FIRST = np.zeros((0, 2), np.uint32), np.zeros(1, np.int64)
MOMENTUM = {"momentum": nn.SGD(0.01, momentum=0.9)}  # an optimizer that has no name of its own
Operation: TypeAlias = Callable[[Sequence[Node], Mapping[str, Any], Scope], Node]
Piece: TypeAlias = tuple[bool, Callable[[], None]]


def _of_table(values: Sequence[Node], options: Mapping[str, Any], scope: Scope) -> Node:
    return PUBLIC["gather"](scope.parameter(f"{LAYER}.table", options["table"], ZEROS), values[0])


OPERATIONS: dict[str, Operation] = {
    "concatenate": lambda values, options, scope: PUBLIC["concatenate"](list(values), 1),
    # A transpose alone only looks at memory in another way; joined to something its numbers are moved.
    "transpose": lambda values, options, scope: PUBLIC["concatenate"](
        [PUBLIC["transpose"](values[0], (0, 2, 1))] * 2, 1
    ),
    "gather": _of_table,
    "product": lambda values, options, scope: values[0] @ values[1],
    "loss": lambda values, options, scope: nn.LOSSES[options["name"]](**options["settings"]).mean(*values),
    **{
        name: lambda values, options, scope, name=name: PUBLIC[name](values[0], options["axis"])
        for name in ("softmax", "log_softmax", "logsumexp", "sum", "max", "mean", "argmax", "variance")
    },
}


class Arriving(Card):
    """A number whose gradient by its first input is its second: what the layers behind would send back."""

    name = "arriving"

    def infer(self, *specs: Spec) -> Spec:
        return Spec((), specs[0].dtype)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return inputs[1], Flat("it is only handed on")


@dataclass(frozen=True)
class Subject:
    """What is timed.

    Args:
        outputs: what is computed.
        arrays: what is handed in, whole batches by input label.
        batch: samples.
        is_training: whether gradients are among the outputs.
        is_between: whether the layer stands between others whose kernels do not count.
    """

    outputs: dict[str, Node]
    arrays: dict[str, np.ndarray]
    batch: int
    is_training: bool
    is_between: bool

    def rows(self, threads: int) -> int:
        """Samples in a part, as the engine divides the batch for so many threads."""
        graph = Graph(self.outputs)
        if not self.is_training:
            found = portion(graph)
            return found.rows if found is not None and self.batch >= found.pays else self.batch
        if not is_divisible(roles(graph.nodes)):
            return self.batch
        y, *gradients = self.outputs.values()
        step = Graph({"loss": PUBLIC["sum"](y) if y.rank else y, **self.outputs})
        return split_batch(step, self.batch, Cut(1, "loss", tuple(gradients), {}), threads).rows

    def part(self, rows: int) -> dict[str, np.ndarray]:
        """What is handed in for the first rows."""
        specs = {label: node.spec for label, node in Graph(self.outputs).inputs.items()}
        return {k: self.arrays[k][:rows] if B in spec.shape else self.arrays[k] for k, spec in specs.items()}

    def is_own(self, task: Task) -> bool:
        """Whether a task belongs to the layer; padding what the layer before gives does."""
        path = task.layer.partition(".")[0]
        return not self.is_between or path == LAYER or (path == BEFORE and task.kind == "copy")


def subject(case: LayerCase, is_training: bool, is_between: bool) -> Subject:
    """What is computed for a case."""
    scope = Scope(Book("float32", is_training))
    values: list[Node] = []
    for i, given in enumerate(case.given):
        shape = given.shape if case.kind == "product" and i else (B, *given.shape[1:])
        values.append(input_node(f"x{i}", shape, "int64" if given.below else "float32"))
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
    arrays = {f"x{i}": array for i, array in enumerate(case.arrays())} | _held(scope.book)
    outputs = {"y": y}
    if is_training:
        target = values[1:] if case.kind == "loss" else []  # to which nothing flows back
        given = [] if is_between else [v for v in values if v.spec.is_float and v not in target]
        own = [p.node for path, p in scope.book.parameters.items() if not path.startswith(BEHIND)]
        outputs |= _gradients(y, [*given, *own])
        shape = bound(y.spec.at({"B": case.batch}).shape)
        arrays["dy"] = np.random.default_rng(5).standard_normal(shape, np.float32)
    return Subject(outputs, arrays, case.batch, is_training, is_between)


def _held(book: Book) -> dict[str, np.ndarray]:
    """Numbers for parameters, running values and the key."""
    shapes = {path: bound(p.spec.shape) for path, p in book.parameters.items()}
    own = [path for path in shapes if path.startswith(LAYER)]
    drawn = dict(zip(own, weights([shapes[path] for path in own]), strict=True))
    around = {path: weights([shape])[0] for path, shape in shapes.items() if path not in drawn}
    running = {path: np.ones(bound(p.spec.shape), np.float32) for path, p in book.states.items()}
    return {**drawn, **around, **running, KEY: np.zeros(2, np.uint32)}


def _gradients(y: Node, moved: Sequence[Node]) -> dict[str, Node]:
    """What flows back, by the label of what it flows to."""
    loss = y
    if y.rank:
        loss = make(Arriving(), y, input_node("dy", y.shape, y.dtype))
    found = grad(loss, moved, unused="zeros")
    return {f"d {node.op.label}": slope for node, slope in zip(moved, found, strict=True)}  # pyright: ignore


# --- running


def layer(case: LayerCase) -> Variants:
    """Forward alone, forward and backward, or an optimizer's update."""
    cr.settings.threads = case.threads
    runs: Variants = {
        "update": lambda: _updates(case),
        "forward": lambda: _timed(case, is_training=False),
        "both": lambda: _timed(case, is_training=True),
    }
    return {way: runs[way] for way in case.ways}


def _timed(case: LayerCase, is_training: bool) -> Run:
    value = _value(subject(case, is_training, is_between=False))
    made = subject(case, is_training, case.is_image)
    rows = made.rows(case.threads)
    parts = -(-made.batch // rows)
    if parts == 1 and not is_training:
        return _laps([(list(_together(made, case.threads)), 1)], value)
    workers = min(case.threads, parts)
    shares = [
        (list(_pieces(made, rows)), parts * (i + 1) // workers - parts * i // workers) for i in range(workers)
    ]
    return _laps(shares, value)


def _value(made: Subject) -> float:
    """How large the result is, or the first of the gradients: what both peers should agree in."""
    *_, last = list(made.outputs.items())[:2]
    graph = Graph({"y": made.outputs["y"], last[0]: last[1]})
    found = cr.compile(graph, "native").run(made.arrays)[last[0]]
    return float(np.abs(found, dtype=np.float64).mean())


def _together(made: Subject, threads: int) -> Iterator[Piece]:
    """The same of a single portion, which all threads compute together where that pays: levels of calls."""
    ready = Ready(plan(Graph(made.outputs), {"B": made.batch}), set(made.arrays), threads)
    assert ready.takes(made.arrays)
    crew, tasks = ready.crew, ready.plan.tasks
    if crew is None:
        yield from _pieces(made, made.batch)
        return
    level = levels(ready.plan, tasks)
    own = {level[task] for task in tasks if made.is_own(task)}
    for is_own, found in groupby(range(len(crew.marks)), lambda number: number in own):
        numbers = list(found)
        yield is_own, partial(_run, crew.part(numbers[0], numbers[-1] + 1), threads, ready)


def _run(crew: Crew, threads: int, owner: Ready) -> None:
    """Run some levels, in the memory of ``owner``."""
    crew.run(threads)


def _pieces(made: Subject, rows: int) -> Iterator[Piece]:
    """The kernels of a part in order: runs of the layer's own ones, and of those of its neighbours."""
    arrays = made.part(rows)
    ready = Ready(plan(Graph(made.outputs), {"B": rows}), set(arrays))
    assert ready.takes(arrays)
    blocks, begin = Blocks(machine(), ready.plan.buffers), 0
    for (is_own, by_kernel), tasks in groupby(
        ready.plan.tasks, lambda task: (made.is_own(task), blocks.calls(task) is not None)
    ):
        if by_kernel:
            end = begin + sum(len(blocks.calls(task) or ()) for task in tasks)
            yield is_own, prepared_calls(ready.table, begin, end, ready)
            begin = end
        else:
            yield is_own, partial(_lawful, tuple(tasks), ready, arrays)


def _lawful(tasks: Sequence[Task], ready: Ready, arrays: Mapping[str, np.ndarray]) -> None:
    """Tasks without a kernel, one after the other."""
    for task in tasks:
        by_law(task, ready, arrays)


def _laps(shares: Sequence[tuple[Sequence[Piece], int]], value: float) -> Run:
    """Each thread runs its pieces as often as it has parts; only own pieces are timed."""

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
            found = [work(shares[0], count), *(other.result() for other in others)]
        return Lap(value, max(wall for wall, _ in found), sum(cpu for _, cpu in found))

    return run


def _updates(case: LayerCase) -> Run:
    """Steps of an optimizer, in place, as in a training; each thread has a share of the parameters."""
    name, (count,) = case.options["name"], case.given[0].shape
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
    step = PUBLIC["cast"](input_node("step", (), "int64", "step"), "float32")
    memory = optimizer.memory({"w": (count,)})
    slots = {label: input_node(label, slot.shape, "float32", "state") for label, slot in memory.items()}
    loss = PUBLIC["sum"](g[:2])
    moved, kept = optimizer.moves(
        {"w": w}, {"w": g}, slots, Now(optimizer.schedule(step, 1000), step + 1.0, loss)
    )
    rng = np.random.default_rng(0)
    state = {label: np.full(bound(slot.shape), slot.first, np.float32) for label, slot in memory.items()}
    state |= {label: rng.standard_normal(count, np.float32) for label in ("w", "g")}
    results = {**moved, **kept}
    graph = Graph({"loss": loss, **{f"new {label}": node for label, node in results.items()}})
    return Trainer(graph, [], {f"new {label}": label for label in results}, {}, state, 1, 1)
