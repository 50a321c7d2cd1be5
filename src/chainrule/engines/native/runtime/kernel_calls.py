"""From a task to a kernel and its block: the words a kernel reads its sizes, strides and addresses from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.engines.native.codegen import gather, resample
from chainrule.engines.native.codegen.fused_loop import Fold, Operation, Recipe, Writer
from chainrule.engines.native.codegen.row_reduction import LinesWriter, RowsWriter
from chainrule.engines.native.codegen.softmax_columns import ScoreColumnsWriter
from chainrule.engines.native.codegen.softmax_rows import ScoreWriter
from chainrule.engines.native.codegen.vector import EMIT
from chainrule.engines.native.convolution import depthwise_calls
from chainrule.engines.native.gemm.dot_products import DotsWriter
from chainrule.engines.native.gemm.epilogue import Epilogue
from chainrule.engines.native.gemm.matmul import ProductWriter
from chainrule.engines.native.jit.compiler import Machine
from chainrule.engines.native.runtime import scan
from chainrule.engines.native.runtime.call import FLAG, Address, Adds, Call, Place, Word
from chainrule.engines.native.runtime.partition import Share, of_dots, of_places, of_product, of_sums
from chainrule.ops.card import Card
from chainrule.plan.rules import convolution
from chainrule.plan.tasks import Buffer, Task
from chainrule.plan.views import View, collapse, in_memory_order, leading, lies_apart, walked
from chainrule.settings import settings

FLOATS = ("float32", "float64")


class Blocks:
    """Makes calls of tasks.

    Args:
        machine: compiles loops.
        buffers: of the plan.
    """

    def __init__(self, machine: Machine, buffers: Sequence[Buffer]) -> None:
        self.machine, self.buffers = machine, buffers

    def calls(self, task: Task) -> list[Call] | None:
        """The calls of a task, or ``None`` when it must run by the law."""
        rule = RULES.get(task.kind)
        return None if rule is None else rule(self, task)

    def kind(self, view: View) -> str:
        return self.buffers[view.buffer].dtype

    def size(self, view: View) -> int:
        """Bytes of a number."""
        return np.dtype(self.kind(view)).itemsize

    def at(self, view: View) -> Address:
        return Address(view.buffer, view.offset * self.size(view))

    def kernel(self, name: str, *facts: str | int) -> int:
        """The address of a kernel, by its file and name; see ``Machine.kernel``."""
        return self.machine.kernel(name, *facts)

    def loop(
        self,
        reads: Sequence[View],
        writes: Sequence[View],
        operations: Sequence[Operation],
        kept: Sequence[int],
        folds: Sequence[tuple[int, str]] = (),
    ) -> Call:
        """The call of a loop over these operands; last in what is written are the results of its folds."""
        order = in_memory_order(leading((*writes[: len(kept)], *reads)))
        reads, writes = ([view.turned(order) for view in views] for views in (reads, writes))
        shape = writes[0].shape
        lengths, strides = collapse(shape, [v.strides for v in (*reads, *writes)])
        walk = walked(lengths, strides, len(reads), bool(folds))
        lengths, strides = [lengths[axis] for axis in walk], [[s[axis] for axis in walk] for s in strides]
        near = tuple((self.kind(v), _near(s[-1])) for v, s in zip(reads, strides, strict=False))
        # One element alone (its stride is then 0) counts as side by side.
        written, ends = strides[len(reads) :][: len(kept)], strides[len(reads) + len(kept) :]
        far = ("c" if s[-1] in (0, 1) else "g" for s in written)
        last = tuple(Fold(v, name, _near(s[-1])) for (v, name), s in zip(folds, ends, strict=True))
        recipe = Recipe(len(lengths), near, tuple(operations), tuple(zip(kept, far, strict=True)), last)
        text = recipe.source()
        kernel = self.machine.function("loop", text, lambda n: Writer(recipe, n).write())
        words: list[Word] = [0, 0 if 0 in shape else lengths[0], *lengths[1:]]
        moves = []
        for view, steps in zip((*reads, *writes), strides, strict=True):
            moves.append((len(words), steps[0] * self.size(view)))
            words += [self.at(view), *steps]
        # Runs of a shared loop must not add to one place at a time.
        is_apart = all(s[0] and lies_apart(lengths, s) for s in ends)
        return Call(kernel, tuple(words), Share(words[1], 1, tuple(moves)) if is_apart else None)

    def product(self, kind: str, by_table: bool, recipe: Recipe | None = None) -> int:
        """The kernel that multiplies matrices, its numbers going through a recipe where there is one."""
        width, by = self.machine.width, "tables" if by_table else "strides"
        text = f"product of {kind} by {by}, vectors of {width} bytes"
        text += f", then\n{recipe.source()}" if recipe else ""
        ending = Epilogue(recipe) if recipe else None
        return self.machine.function(
            "product", text, lambda n: ProductWriter(kind, by_table, n, width, ending).write()
        )

    def dots(self, kind: str) -> int:
        """The kernel of many dot products."""
        width, is_portable = self.machine.width, settings.portable_bits
        text = f"dots of {kind}, vectors of {width} bytes{', portable' * is_portable}"
        return self.machine.function("dots", text, lambda n: DotsWriter(kind, n, width, is_portable).write())

    def scores(self, kind: str, way: str) -> int:
        """The kernel of softmax or one of its kin, over rows that lie in order."""
        return self.machine.function(way, f"{way} of {kind}", lambda n: ScoreWriter(kind, way, n).write())

    def scores_of_columns(self, kind: str, way: str) -> int:
        """The kernel of softmax or one of its kin, along an axis that is not the innermost one."""
        text = f"{way} of columns of {kind}"
        return self.machine.function(way, text, lambda n: ScoreColumnsWriter(kind, way, n).write())

    def fetch(self, name: str, kind: str, index: str) -> int:
        """A kernel of rows by their number."""
        text = gather.text(name, kind, index)
        return self.machine.function(name, text, lambda n: gather.write(name, kind, index, n))

    def joined(self, kind: str, way: str, is_row: bool) -> int:
        """The kernel of sums, the largest or smallest: of rows, number by number, or of a row's numbers."""
        of, writer = ("rows", RowsWriter) if is_row else ("lines", LinesWriter)
        text = f"{way}_{of} of {kind}"
        return self.machine.function(f"{way}_{of}", text, lambda n: writer(kind, way, n).write())


def _operation(node: Any, number: dict[Any, int]) -> Operation:
    op: Card = node.op
    kind = node.inputs[-1].dtype
    numbers = op.attributes.values() if op.name == "clip" else ()
    settings = tuple(float(v) for v in numbers if isinstance(v, int | float))
    return Operation(op.name, kind, node.dtype, tuple(number[s] for s in node.inputs), settings)


def _near(stride: int) -> str:
    """How an operand's neighbours lie along a row, as ``Recipe`` has it."""
    return "s" if stride == 0 else "c" if stride == 1 else "g"


def _operations(task: Task, operands: Sequence[Any]) -> tuple[list[Operation], list[int], list[Any]]:
    """What a loop computes of its operands, the numbers of the values that are kept, and its folds."""
    number = {node: i for i, node in enumerate(operands)}
    operations, last = [], task.facts["last"]
    for node in task.nodes:
        if node not in number and node not in last:
            operations.append(_operation(node, number))
            number[node] = len(number)
    folds = [(number[n.inputs[0]], "sum" if n.op.name == "fold" else n.op.name) for n in last]
    return operations, [number[node] for node in task.facts["kept"]], folds


def _loop(blocks: Blocks, task: Task) -> list[Call]:
    return [blocks.loop(task.reads, task.writes, *_operations(task, task.facts["operands"]))]


def _copy(blocks: Blocks, task: Task) -> list[Call]:
    return [blocks.loop(task.reads, task.writes, [], [0])]


def _taps(blocks: Blocks, task: Task) -> list[Call]:
    """Several operands of one shape taken together two by two: a + b + c, or the largest of them.

    By ``"weigh"`` the second half of the operands are the weights of the first: a d + b e + c f.
    """
    kind, count, by = blocks.kind(task.writes[0]), len(task.reads), task.facts["by"]
    operations, values = [], list(range(count))
    if by == "weigh":
        half = count // 2
        operations = [Operation("multiply", kind, kind, (i, half + i)) for i in range(half)]
        values, by = list(range(count, count + half)), "add"
    last = values[0]
    for value in values[1:]:
        operations.append(Operation(by, kind, kind, (last, value)))
        last = count + len(operations) - 1
    return [blocks.loop(task.reads, task.writes, operations, [last])]


def _into_epilogue(blocks: Blocks, task: Task) -> list[Call]:
    """A product whose numbers go on into the loop that reads them."""
    (a, b, *others), product = task.reads, task.nodes[0]
    operations, kept, _ = _operations(task, [product, *task.facts["operands"]])
    near = ((blocks.kind(v), "s" if v.strides[-1] == 0 else _side(v)) for v in others)
    writes = tuple(zip(kept, map(_side, task.writes), strict=True))
    recipe = Recipe(2, ((product.dtype, "r"), *near), tuple(operations), writes)
    (m, n), k = task.writes[0].shape, a.shape[-1]
    words: list[Word] = [1, m, n, k, blocks.at(a), 0, *a.strides, blocks.at(b), 0, *b.strides, 0, 0, 0, 0]
    operands = []
    for view in (*others, *task.writes):
        operands.append((len(words), blocks.size(view)))
        words += [blocks.at(view), *view.strides]
    kernel = blocks.product(product.dtype, by_table=False, recipe=recipe)
    return [Call(kernel, tuple(words), of_product(words, blocks.size(a), operands))]


def _side(view: View) -> str:
    """Whether numbers of a row lie side by side or apart, as ``Recipe`` has it."""
    return "c" if view.strides[-1] == 1 else "g"


def _matmul(blocks: Blocks, task: Task) -> list[Call]:
    if "kept" in task.facts:
        return _into_epilogue(blocks, task)
    a, b = task.reads
    (c,) = task.writes
    if c.strides[-1] != 1 and c.strides[-2] == 1:  # C^T = B^T A^T
        a, b, c = _flipped(b), _flipped(a), _flipped(c)
    (m, n), k = c.shape[-2:], a.shape[-1]
    words = [
        int(np.prod(c.shape[:-2])), m, n, k, blocks.at(a), _stack_stride(a), *a.strides[-2:],
        blocks.at(b), _stack_stride(b), *b.strides[-2:],
        blocks.at(c), _stack_stride(c), c.strides[-2], Adds() if task.adds else 0,
    ]  # fmt: skip
    kernel = blocks.product(blocks.kind(c), by_table=False)
    return [Call(kernel, tuple(words), of_product(words, blocks.size(c)))]


def _flipped(view: View) -> View:
    """Rows and columns changed over."""
    last = len(view.shape)
    return view.turned((*range(last - 2), last - 1, last - 2))


def _product(blocks: Blocks, task: Task) -> list[Call]:
    (a, b, *tables), (c,) = task.reads, task.writes
    a_step, a_row, a_column, b_step, b_row, c_step, c_row = map(blocks.at, tables)
    how: Word = Adds(task.facts["how"]) if task.adds else task.facts["how"]
    words = [
        *task.facts["shape"], blocks.at(a), a_step, a_row, a_column,
        blocks.at(b), b_step, b_row, task.facts["column"], blocks.at(c), c_step, c_row, how,
    ]  # fmt: skip
    kernel = blocks.product(blocks.kind(c), by_table=True)
    products, rows = (np.asarray(blocks.buffers[table.buffer].array) for table in tables[-2:])
    share = of_places(words, blocks.size(c), task.facts["how"], products, rows)
    return [Call(kernel, tuple(words), share)]


def _dots(blocks: Blocks, task: Task) -> list[Call]:
    (a, b, *tables), (c,) = task.reads, task.writes
    rows, places, columns, others = map(blocks.at, tables)
    words = [
        *task.facts["shape"], blocks.at(a), rows, places, blocks.at(b), columns, others,
        blocks.at(c), *task.facts["strides"], Adds() if task.adds else 0,
    ]  # fmt: skip
    return [Call(blocks.dots(blocks.kind(c)), tuple(words), of_dots(words, blocks.size(c)))]


def _blend(blocks: Blocks, task: Task) -> list[Call]:
    """A linear map, step by step; behind the numbers it takes lie the factors."""
    kind, by = blocks.kind(task.writes[0]), task.facts["by"]
    operations: list[Operation] = []
    values, factors = (
        list(range(by.inputs)),
        dict(zip(by.factors, range(by.inputs, len(task.reads)), strict=True)),
    )

    def made(name: str, *inputs: int) -> int:
        operations.append(Operation(name, kind, kind, inputs))
        return len(task.reads) + len(operations) - 1

    for terms in by.steps:
        total = None
        for factor, of in sorted(terms, key=lambda term: term[0] < 0):
            size = abs(factor)
            value = values[of] if size == 1 else made("multiply", values[of], factors[size])
            if total is None:
                total = value if factor > 0 else made("negative", value)
            else:
                total = made("add" if factor > 0 else "subtract", total, value)
        assert total is not None
        values.append(total)
    return [blocks.loop(task.reads, task.writes, operations, [values[of] for of in by.results])]


def _stack_stride(view: View) -> int:
    lengths, (strides,) = collapse(view.shape[:-2], [view.strides[:-2]])
    return strides[0] if len(lengths) == 1 else 0


def _sum(blocks: Blocks, task: Task) -> list[Call]:
    (x,), (y,) = task.reads, task.writes
    (n, r, c), (outer, along, inner), way = task.facts["lengths"], task.facts["strides"], task.kind
    if c == 1:  # the places are columns
        n, c, outer, inner = 1, n, 0, outer
    words = [n, r, c, blocks.at(x), outer, along, inner, blocks.at(y)]
    kind, share = blocks.kind(x), of_sums(words, blocks.size(x), blocks.size(y))
    words.append(Adds() if task.adds else 0)
    if way == "argmax":
        kernel = blocks.kernel("reduction.argmax_rows", kind)
    elif kind in FLOATS and c > 1 and inner == 1:
        kernel = blocks.joined(kind, way, is_row=True)
    elif kind in FLOATS and along == 1:
        kernel = blocks.joined(kind, way, is_row=False)
    elif way == "sum":
        kernel = blocks.kernel("reduction.sum_rows", kind)
    else:
        kernel = blocks.kernel("reduction.largest_rows", kind, 1 if way == "max" else -1)
    return [Call(kernel, tuple(words), share)]


def _scores(blocks: Blocks, task: Task) -> list[Call]:
    (x,), (y,) = task.reads, task.writes
    (n, k, c), (outer, along, inner) = task.facts["lengths"], task.facts["strides"]
    size, made = blocks.size(x), blocks.size(y) * math.prod(y.shape) // max(n, 1)
    if c == 1 and along == 1 and k > 0:
        words = (n, k, blocks.at(x), outer, blocks.at(y))
        share = Share(n, 0, ((2, outer * size), (4, made)))
        return [Call(blocks.scores(blocks.kind(x), task.kind), words, share)]
    words = (n, k, c, blocks.at(x), outer, along, inner, blocks.at(y))
    share = Share(n, 0, ((3, outer * size), (7, made)))
    return [Call(blocks.scores_of_columns(blocks.kind(x), task.kind), words, share)]


def _gather(blocks: Blocks, task: Task) -> list[Call]:
    table, index = task.reads
    (y,) = task.writes
    width = int(np.prod(table.shape[1:]))
    many, rows = int(np.prod(index.shape)), table.shape[0]
    words = [many, width, blocks.at(table), rows, width, blocks.at(index), 1, blocks.at(y), FLAG, 0]
    share = Share(many, 0, ((5, blocks.size(index)), (7, width * blocks.size(y)), (9, 1)))
    return [Call(blocks.fetch("take_rows", blocks.kind(table), blocks.kind(index)), tuple(words), share)]


def _scatter(blocks: Blocks, task: Task) -> list[Call]:
    values, index = task.reads
    (y,) = task.writes
    width = int(np.prod(y.shape[1:]))
    many, rows, adds = int(np.prod(index.shape)), y.shape[0], Adds() if task.adds else 0
    words = [many, width, blocks.at(values), rows, adds, blocks.at(index), 1, blocks.at(y), FLAG]
    return [
        Call(blocks.kernel("scatter_add.add_rows", blocks.kind(values), blocks.kind(index)), tuple(words))
    ]


def _one_hot(blocks: Blocks, task: Task) -> list[Call]:
    (index,), (y,) = task.reads, task.writes
    many, depth = int(np.prod(index.shape)), y.shape[-1]
    words = (many, depth, blocks.at(index), 1, blocks.at(y), FLAG, 0)
    share = Share(many, 0, ((2, blocks.size(index)), (4, depth * blocks.size(y)), (6, 1)))
    return [Call(blocks.fetch("one_hot", blocks.kind(y), blocks.kind(index)), words, share)]


def _uniform(blocks: Blocks, task: Task) -> list[Call]:
    (key,), (y,) = task.reads, task.writes
    stream = task.facts["stream"] & 0xFFFFFFFFFFFFFFFF
    # The place of a number counts over the whole batch; a part draws from the place of its own first row on.
    first = Place(task.facts["per_sample"]) if task.facts["per_sample"] else 0
    words = [int(np.prod(y.shape)), first, blocks.at(key), stream >> 32, stream & 0xFFFFFFFF, blocks.at(y)]
    return [Call(blocks.kernel("random.uniform_numbers", blocks.kind(y)), tuple(words))]


def _scan(blocks: Blocks, task: Task) -> list[Call]:
    """A loop over time: one call whose block holds the calls of a step."""
    calls: list[Call] = []
    for inner in task.facts["tasks"]:
        calls += blocks.calls(inner) or []
    moving = task.facts["moving"]
    sizes = {number: np.dtype(blocks.buffers[number].dtype).itemsize for number in moving}
    kernel = blocks.machine.function("repeat", scan.SOURCE, scan.write)
    return [Call(kernel, scan.words(task.facts["steps"], calls, moving, sizes, Address))]


Rule = Callable[[Blocks, Task], "list[Call]"]
RULES: dict[str, Rule] = {
    "loop": _loop,
    "copy": _copy,
    "matmul": _matmul,
    "product": _product,
    "dots": _dots,
    "taps": _taps,
    "blend": _blend,
    "weigh": depthwise_calls.weigh,
    "weigh_back": depthwise_calls.weigh_back,
    **dict.fromkeys(("sum", "max", "min", "argmax"), _sum),
    **dict.fromkeys(("softmax", "log_softmax", "logsumexp"), _scores),
    "gather": _gather,
    "resample": resample.resample,
    "scatter_add": _scatter,
    "one_hot": _one_hot,
    "uniform": _uniform,
    "scan": _scan,
}

# Kinds of tasks that are not named like an operation.
OWN = ("loop", "copy", "product", "dots", "taps", "blend", "weigh", "weigh_back")
COVERED = {
    *EMIT, "clip", "cast", "input", "constant", "transpose", "reshape", "broadcast", "slice", "remat",
    "concatenate", "pad", "extent", *convolution.RULES,
    *(kind for kind in RULES if kind not in OWN),
}  # fmt: skip
"""The operations that have a kernel, a loop, or need none."""
