"""Calls of depthwise convolutions; see ``depthwise_kernels``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Tail, Vectors
from chainrule.engines.native.codegen.vector import LANES
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.engines.native.runtime.call_builder import Call, CallBuilder
from chainrule.engines.native.runtime.partition import COLUMNS, Partition
from chainrule.plan.tasks import Task
from chainrule.records import frozen

# Depthwise convolution: windows in which every channel has weights of its own, and their weight gradient.
#
# Tables contain what each output position reads: for each position and each tap of the window, the offset of
# the input element, or ``NONE`` if there is none (beyond the edge, or between two strides in the backward
# pass); then zeros are read. Padding, stride and dilation therefore need neither a copy nor another kernel,
# and the gradient with respect to the input is the forward kernel with other tables. Positions are counted as
# rows (all axes but the last) and columns; an offset is the sum of a row offset and a column offset.
#
# If samples are innermost, a weight is one number for all samples of a channel; if channels are innermost,
# the weights are contiguous like the channels.
#
# The blocks; tables hold int64, and all offsets and strides count elements::
#
#     [n, rows, columns, channels, contiguous samples, X, step, row table, column table, W (taps, channels),
#      Y, step, row table, column stride, zeros]
#
#     [n, rows, columns, taps, contiguous numbers, X, step, row table, column table,
#      G, step, row table, column stride, sums (taps, numbers), stride of a tap, zeros]

BYTES = 64  # of a vector
COLUMNS_AT_ONCE = (4, 1)  # columns whose products are added before the sums are written, then the rest
BLOCK = 256  # numbers of a position that all taps process before the next ones


class DepthwiseWriter:
    """The common part of both kernels.

    Args:
        lanes: numbers of a vector.
    """

    def __init__(self, dtype: str, name: str, lanes: int = 0) -> None:
        self.vectors = Vectors(dtype, lanes or BYTES // SIZE[dtype])
        self.size, self.lanes = self.vectors.size, self.vectors.lanes
        self.module = ir.Module(name)
        self.code = FunctionBuilder(self.module, name)
        self.builder = self.code.builder
        self.zeros: Value = None

    def input_address(self, source: Value, row: Value, column: Value) -> Value:
        """Return the address that a tap reads, by its words in two tables; that of zeros if it has none."""
        code, b = self.code, self.builder
        offset = code.plus(code.load(row, I64), code.load(column, I64))
        address = code.plus(source, code.times(offset, self.size))
        return b.select(b.icmp_signed("<", offset, I64(0)), self.zeros, address)

    def for_vectors(self, start: Value, stop: Value, write: Callable[[Value, Tail | None], None]) -> None:
        """Process vectors of numbers from ``start`` to ``stop``; the last may be partial."""
        code, b = self.code, self.builder
        full_end = code.plus(start, b.and_(b.sub(stop, start), I64(-self.lanes)))
        with code.for_range(start, full_end, self.lanes) as i:
            write(code.times(i, self.size), None)
        rest = b.sub(stop, full_end)
        with code.if_then(b.icmp_signed("!=", rest, I64(0))):
            write(code.times(full_end, self.size), self.vectors.tail(code, rest))

    def load(self, start: Value, shift: Value, tail: Tail | None) -> Value:
        return self.vectors.load(self.code, self.code.plus(start, shift), tail)


@frozen
class WindowSpec:
    """Properties of the windows that are constants of the kernel.

    Args:
        taps: number of cells of a window.
        cells: cells along the last axis.
        moves: by how many cells along that axis the next window is shifted, 1 or -1: it reads the same
            positions except for one at the end; 0 if it does not.
        is_inner: whether samples are innermost.
    """

    taps: int
    cells: int
    moves: int
    is_inner: bool

    @property
    def text(self) -> str:
        """All properties as text."""
        how = "samples" if self.is_inner else "channels"
        return f"{how} innermost, taps {self.taps}, cells {self.cells}, moves {self.moves}"


class ForwardWriter(DepthwiseWriter):
    """Writer of the forward kernel, for two windows at a time if they read the same positions.

    Args:
        window: properties of the windows.
        lanes: numbers of a vector.
    """

    def __init__(self, dtype: str, window: WindowSpec, name: str, lanes: int = 0) -> None:
        super().__init__(dtype, name, lanes)
        self.window = window

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code, size, step = self.code, self.size, 8 * self.window.taps
        n, rows, columns, channels, side, x, x_step, x_row, x_column = (code.word(i) for i in range(9))
        weights, y, y_step, y_row, y_column, self.zeros = (code.word(i) for i in range(9, 15))
        steps = [(x, code.times(x_step, size)), (y, code.times(y_step, size))]
        facts, across = (weights, channels, side), code.times(y_column, size)
        with (
            code.for_range(I64(0), n, 1, steps) as (_, source, target),
            code.for_range(I64(0), rows, 1, [(x_row, I64(step)), (y_row, I64(8))]) as (_, row, to),
        ):
            begin, first = code.plus(target, code.times(code.load(to, I64), size)), I64(0)
            for windows in (2, 1) if self.window.moves else (1,):
                last = code.plus(first, self.builder.and_(self.builder.sub(columns, first), I64(-windows)))
                with code.for_range(first, last, windows) as j:
                    column = code.plus(x_column, code.times(j, step))
                    address = code.plus(begin, code.times(j, across))
                    targets = [code.plus(address, code.times(across, k)) for k in range(windows)]
                    self._outputs(self._input_addresses(source, row, column, windows), facts, targets)
                first = last
        self.builder.ret_void()
        return self.module

    def _input_addresses(self, source: Value, row: Value, column: Value, windows: int) -> list[list[Value]]:
        """Return for one window, or two adjacent ones, the addresses that its taps read."""
        window, code = self.window, self.code
        taps, step = range(window.taps), 8 * window.taps
        first = [self.input_address(source, code.plus(row, 8 * t), code.plus(column, 8 * t)) for t in taps]
        if windows == 1:
            return [first]
        second, end = list(first), 0 if window.moves < 0 else window.cells - 1
        for t in taps:
            if t % window.cells == end:
                further = code.plus(column, step + 8 * t)
                second[t] = self.input_address(source, code.plus(row, 8 * t), further)
            else:
                second[t] = first[t + window.moves]
        return [first, second]

    def _outputs(
        self, places: list[list[Value]], facts: tuple[Value, Value, Value], targets: list[Value]
    ) -> None:
        """Compute all numbers of one or two positions."""
        code, (weights, channels, side) = self.code, facts
        stride = code.times(channels, self.size)
        starts = [code.plus(weights, code.times(stride, t)) for t in range(self.window.taps)]
        if not self.window.is_inner:

            def channel_vectors(shift: Value, tail: Tail | None) -> None:
                self._sum(places, [self.load(w, shift, tail) for w in starts], targets, (shift, tail))

            self.for_vectors(I64(0), channels, channel_vectors)
            return
        carried = [(I64(0), code.times(side, self.size)), (I64(0), I64(self.size))]
        with code.for_range(I64(0), channels, 1, carried) as (_, begin, at):
            numbers = [code.load(code.plus(w, at), self.vectors.number, self.size) for w in starts]
            vectors = [self.vectors.broadcast(code, number) for number in numbers]

            def sample_vectors(shift: Value, tail: Tail | None) -> None:
                self._sum(places, vectors, targets, (code.plus(begin, shift), tail))

            self.for_vectors(I64(0), side, sample_vectors)

    def _sum(
        self,
        places: list[list[Value]],
        weights: Sequence[Value],
        targets: list[Value],
        where: tuple[Value, Tail | None],
    ) -> None:
        """Compute a vector of each position; what two windows read is loaded once."""
        shift, tail = where
        loaded: dict[Value, Value] = {}
        sums: list[Value] = [self.vectors.zero for _ in places]
        for t, weight in enumerate(weights):
            for k, taps in enumerate(places):
                if taps[t] not in loaded:
                    loaded[taps[t]] = self.load(taps[t], shift, tail)
                sums[k] = self.vectors.multiply_add(self.code, loaded[taps[t]], weight, sums[k])
        for total, target in zip(sums, targets, strict=True):
            self.vectors.store(self.code, total, self.code.plus(target, shift), tail)


class WeightGradientWriter(DepthwiseWriter):
    """Writer of the weight gradient: sums of products over all positions, a vector for each tap."""

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code, b, size = self.code, self.builder, self.size
        n, rows, columns, taps, width, x, x_step, x_row, x_column = (code.word(i) for i in range(9))
        g, g_step, g_row, g_column, sums, stride, self.zeros = (code.word(i) for i in range(9, 16))
        facts = (taps, width, sums, code.times(stride, size))
        steps = [(x, code.times(x_step, size)), (g, code.times(g_step, size))]
        across, tables = code.times(g_column, size), code.times(taps, 8)
        with (
            code.for_range(I64(0), n, 1, steps) as (_, source, upstream),
            code.for_range(I64(0), rows, 1, [(x_row, tables), (g_row, I64(8))]) as (_, row, at),
        ):
            begin, first = code.plus(upstream, code.times(code.load(at, I64), size)), I64(0)
            for columns_at_once in COLUMNS_AT_ONCE:
                last = code.plus(first, b.and_(b.sub(columns, first), I64(-columns_at_once)))
                with code.for_range(first, last, columns_at_once) as j:
                    address = code.plus(begin, code.times(j, across))
                    gradients = [code.plus(address, code.times(across, k)) for k in range(columns_at_once)]
                    address = code.plus(x_column, code.times(j, tables))
                    column_tables = [
                        code.plus(address, code.times(tables, k)) for k in range(columns_at_once)
                    ]
                    self._columns(source, gradients, (row, column_tables), facts)
                first = last
        b.ret_void()
        return self.module

    def _columns(
        self,
        source: Value,
        gradients: list[Value],
        tables: tuple[Value, list[Value]],
        facts: tuple[Value, ...],
    ) -> None:
        """Add the products of some columns to the sums of all taps, a block of numbers at a time."""
        code, (row, columns), (taps, width, sums, stride) = self.code, tables, facts
        with (
            code.for_range(I64(0), width, BLOCK) as first,
            code.for_range(I64(0), taps, 1, [(I64(0), I64(8)), (sums, stride)]) as (_, t, total),
        ):
            places = [self.input_address(source, code.plus(row, t), code.plus(at, t)) for at in columns]

            def add(shift: Value, tail: Tail | None) -> None:
                total_vector = self.load(total, shift, tail)
                for place, gradient in zip(places, gradients, strict=True):
                    gradient_vector, input_vector = (
                        self.load(gradient, shift, tail),
                        self.load(place, shift, tail),
                    )
                    total_vector = self.vectors.multiply_add(
                        code, gradient_vector, input_vector, total_vector
                    )
                self.vectors.store(code, total_vector, code.plus(total, shift), tail)

            self.for_vectors(first, code.minimum(code.plus(first, BLOCK), width), add)


def forward(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a depthwise convolution: rows of the result, or samples, are divided."""
    (x, weights, x_rows, x_columns, y_rows, zeros), (y,) = task.reads, task.writes
    is_inner, taps, itemsize = task.facts["is_inner"], task.facts["taps"], builder.itemsize(y)
    spec = WindowSpec(taps, task.facts["cells"], task.facts["moves"], is_inner)
    count, side = (1, y.shape[0]) if is_inner else (y.shape[0], 1)
    tables = (builder.address(x_rows), builder.address(x_columns))
    sizes = (count, y_rows.shape[0], y.shape[-2], y.shape[-1], side)
    reads = (builder.address(x), x.strides[0], *tables, builder.address(weights))
    writes = (builder.address(y), y.strides[0], builder.address(y_rows), y.strides[-2])
    words = (*sizes, *reads, *writes, builder.address(zeros))
    partition = Partition(y_rows.shape[0], 1, ((7, 8 * taps), (12, 8)))
    if count > 1:
        partition = Partition(count, 0, ((5, x.strides[0] * itemsize), (10, y.strides[0] * itemsize)))
    return [Call(_kernel(builder, builder.dtype(y), spec, side), words, partition)]


def weight_gradient(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of its weight gradient: channels are divided."""
    (x, g, x_rows, x_columns, g_rows, zeros), (sums,) = task.reads, task.writes
    taps, channels, side = sums.shape
    count, width, itemsize = 1 if task.facts["is_inner"] else g.shape[0], channels * side, builder.itemsize(g)
    sizes = (count, g_rows.shape[0], g.shape[-2], taps, width)
    inputs = (builder.address(x), x.strides[0], builder.address(x_rows), builder.address(x_columns))
    gradients = (builder.address(g), g.strides[0], builder.address(g_rows), g.strides[-2])
    words = (*sizes, *inputs, *gradients, builder.address(sums), width, builder.address(zeros))
    partition = Partition(width, 4, ((5, itemsize), (9, itemsize), (13, itemsize)), math.lcm(side, COLUMNS))
    dtype = builder.dtype(g)
    kernel = builder.machine.function(
        KernelSource("depthwise_gradient", (dtype,), f"depthwise_gradient of {dtype}"),
        lambda name: WeightGradientWriter(dtype, name).write(),
    )
    return [Call(kernel, words, partition)]


def _kernel(builder: CallBuilder, dtype: str, spec: WindowSpec, side: int) -> int:
    """Return the kernel of the forward pass, for ``side`` contiguous samples of a channel."""
    lanes = 8 if 1 < side < LANES else LANES
    text = f"depthwise of {dtype}, {spec.text}, vectors of {lanes}"
    return builder.machine.function(
        KernelSource("depthwise", (dtype, spec.taps), text),
        lambda name: ForwardWriter(dtype, spec, name, lanes).write(),
    )
