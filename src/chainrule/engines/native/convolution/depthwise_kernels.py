"""Windows in which every channel has weights of its own: sums of few products, and their weights' gradient.

What a place reads is found by tables: for each place of the result and each tap of the window, how far the
place lies that is read, or that there is none (``NONE``: beyond the edge, or between two steps on the way
back); then zeros are read. So padding, steps and holes need no copy and no kernel of their own, and the way
back by the image is the way forward with other tables. Places are counted as rows (all axes but the last)
and columns; what is found is the sum of both.

Samples innermost, a weight is one number for all samples of a channel; channels innermost, weights lie side
by side as the channels do.

The blocks; tables hold int64, and all places and strides count elements::

    [n, rows, columns, channels, samples side by side, X, step, row table, column table, W (taps, channels),
     Y, step, row table, column stride, zeros]

    [n, rows, columns, taps, numbers side by side, X, step, row table, column table,
     G, step, row table, column stride, sums (taps, numbers), from tap to tap, zeros]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Part, Vectors
from chainrule.records import frozen

BYTES = 64  # of a vector
AT_ONCE = (4, 1)  # columns whose products are added up before the sums are written: many, and what is left
NEAR = 256  # numbers of a place that all taps pass by before the next ones come


class Windows:
    """What both kernels have in common.

    Args:
        kind: of the numbers.
        name: what the function is called.
        lanes: numbers of a vector.
    """

    def __init__(self, kind: str, name: str, lanes: int = 0) -> None:
        self.vectors = Vectors(kind, lanes or BYTES // SIZE[kind])
        self.size, self.lanes = self.vectors.size, self.vectors.lanes
        self.module = ir.Module(name)
        self.code = Assembly(self.module, name)
        self.builder = self.code.builder
        self.zeros: Value = None

    def place(self, source: Value, row: Value, column: Value) -> Value:
        """What a tap reads, by its words in two tables; zeros where there is nothing."""
        code, b = self.code, self.builder
        far = code.plus(code.load(row, I64), code.load(column, I64))
        found = code.plus(source, code.times(far, self.size))
        return b.select(b.icmp_signed("<", far, I64(0)), self.zeros, found)

    def along(self, start: Value, stop: Value, write: Callable[[Value, Part | None], None]) -> None:
        """Vectors of numbers from ``start`` to ``stop``; the last may be a part of one."""
        code, b = self.code, self.builder
        whole = code.plus(start, b.and_(b.sub(stop, start), I64(-self.lanes)))
        with code.counting(start, whole, self.lanes) as i:
            write(code.times(i, self.size), None)
        left = b.sub(stop, whole)
        with code.when(b.icmp_signed("!=", left, I64(0))):
            write(code.times(whole, self.size), self.vectors.part(code, left))

    def load(self, start: Value, shift: Value, part: Part | None) -> Value:
        return self.vectors.load(self.code, self.code.plus(start, shift), part)


@frozen
class Window:
    """What is known of windows when their kernel is written.

    Args:
        taps: how many cells a window has.
        cells: along the last axis.
        moves: by how many cells along that axis the next window is moved, 1 or -1: it reads the same places
            but for one at the end; 0 where it does not.
        is_inner: whether samples lie innermost.
    """

    taps: int
    cells: int
    moves: int
    is_inner: bool

    @property
    def words(self) -> str:
        """All of it."""
        how = "samples" if self.is_inner else "channels"
        return f"{how} innermost, taps {self.taps}, cells {self.cells}, moves {self.moves}"


class WeighWriter(Windows):
    """Writes the kernel of the sums, of two windows at a time where these read the same places.

    Args:
        kind: of the numbers.
        window: what is known of the windows.
        name: what the function is called.
        lanes: numbers of a vector.
    """

    def __init__(self, kind: str, window: Window, name: str, lanes: int = 0) -> None:
        super().__init__(kind, name, lanes)
        self.window = window

    def write(self) -> ir.Module:
        """The module with the finished function."""
        code, size, step = self.code, self.size, 8 * self.window.taps
        n, rows, columns, channels, side, x, x_step, x_row, x_column = (code.word(i) for i in range(9))
        weights, y, y_step, y_row, y_column, self.zeros = (code.word(i) for i in range(9, 15))
        steps = [(x, code.times(x_step, size)), (y, code.times(y_step, size))]
        facts, across = (weights, channels, side), code.times(y_column, size)
        with (
            code.counting(I64(0), n, 1, steps) as (_, source, target),
            code.counting(I64(0), rows, 1, [(x_row, I64(step)), (y_row, I64(8))]) as (_, row, to),
        ):
            begin, first = code.plus(target, code.times(code.load(to, I64), size)), I64(0)
            for many in (2, 1) if self.window.moves else (1,):
                last = code.plus(first, self.builder.and_(self.builder.sub(columns, first), I64(-many)))
                with code.counting(first, last, many) as j:
                    column = code.plus(x_column, code.times(j, step))
                    made = code.plus(begin, code.times(j, across))
                    targets = [code.plus(made, code.times(across, k)) for k in range(many)]
                    self._made(self._places(source, row, column, many), facts, targets)
                first = last
        self.builder.ret_void()
        return self.module

    def _places(self, source: Value, row: Value, column: Value, many: int) -> list[list[Value]]:
        """For one window, or two next to one another, what each of its taps reads."""
        window, code = self.window, self.code
        taps, step = range(window.taps), 8 * window.taps
        own = [self.place(source, code.plus(row, 8 * t), code.plus(column, 8 * t)) for t in taps]
        if many == 1:
            return [own]
        then, end = list(own), 0 if window.moves < 0 else window.cells - 1
        for t in taps:
            if t % window.cells == end:
                further = code.plus(column, step + 8 * t)
                then[t] = self.place(source, code.plus(row, 8 * t), further)
            else:
                then[t] = own[t + window.moves]
        return [own, then]

    def _made(
        self, places: list[list[Value]], facts: tuple[Value, Value, Value], targets: list[Value]
    ) -> None:
        """All numbers of one or two places."""
        code, (weights, channels, side) = self.code, facts
        far = code.times(channels, self.size)
        starts = [code.plus(weights, code.times(far, t)) for t in range(self.window.taps)]
        if not self.window.is_inner:

            def near(shift: Value, part: Part | None) -> None:
                self._sum(places, [self.load(w, shift, part) for w in starts], targets, (shift, part))

            self.along(I64(0), channels, near)
            return
        carried = [(I64(0), code.times(side, self.size)), (I64(0), I64(self.size))]
        with code.counting(I64(0), channels, 1, carried) as (_, begin, at):
            each = [code.load(code.plus(w, at), self.vectors.number, self.size) for w in starts]
            held = [self.vectors.repeat(code, number) for number in each]

            def alike(shift: Value, part: Part | None) -> None:
                self._sum(places, held, targets, (code.plus(begin, shift), part))

            self.along(I64(0), side, alike)

    def _sum(
        self,
        places: list[list[Value]],
        weights: Sequence[Value],
        targets: list[Value],
        where: tuple[Value, Part | None],
    ) -> None:
        """A vector of each place; what two windows read is loaded once."""
        shift, part = where
        seen: dict[Value, Value] = {}
        sums: list[Value] = [self.vectors.zero for _ in places]
        for t, weight in enumerate(weights):
            for k, of in enumerate(places):
                if of[t] not in seen:
                    seen[of[t]] = self.load(of[t], shift, part)
                sums[k] = self.vectors.multiply_add(self.code, seen[of[t]], weight, sums[k])
        for total, target in zip(sums, targets, strict=True):
            self.vectors.store(self.code, total, self.code.plus(target, shift), part)


class WeighedWriter(Windows):
    """Writes the kernel of the weights' gradient: sums of products over all places, a vector for each tap."""

    def write(self) -> ir.Module:
        """The module with the finished function."""
        code, b, size = self.code, self.builder, self.size
        n, rows, columns, taps, width, x, x_step, x_row, x_column = (code.word(i) for i in range(9))
        g, g_step, g_row, g_column, sums, far, self.zeros = (code.word(i) for i in range(9, 16))
        facts = (taps, width, sums, code.times(far, size))
        steps = [(x, code.times(x_step, size)), (g, code.times(g_step, size))]
        across, tables = code.times(g_column, size), code.times(taps, 8)
        with (
            code.counting(I64(0), n, 1, steps) as (_, source, upstream),
            code.counting(I64(0), rows, 1, [(x_row, tables), (g_row, I64(8))]) as (_, row, at),
        ):
            begin, first = code.plus(upstream, code.times(code.load(at, I64), size)), I64(0)
            for many in AT_ONCE:
                last = code.plus(first, b.and_(b.sub(columns, first), I64(-many)))
                with code.counting(first, last, many) as j:
                    here = code.plus(begin, code.times(j, across))
                    slopes = [code.plus(here, code.times(across, k)) for k in range(many)]
                    here = code.plus(x_column, code.times(j, tables))
                    ways = [code.plus(here, code.times(tables, k)) for k in range(many)]
                    self._columns(source, slopes, (row, ways), facts)
                first = last
        b.ret_void()
        return self.module

    def _columns(
        self,
        source: Value,
        slopes: list[Value],
        tables: tuple[Value, list[Value]],
        facts: tuple[Value, ...],
    ) -> None:
        """Add what some columns give to the sums of all taps, some numbers after the other."""
        code, (row, columns), (taps, width, sums, far) = self.code, tables, facts
        with (
            code.counting(I64(0), width, NEAR) as first,
            code.counting(I64(0), taps, 1, [(I64(0), I64(8)), (sums, far)]) as (_, t, total),
        ):
            places = [self.place(source, code.plus(row, t), code.plus(at, t)) for at in columns]

            def add(shift: Value, part: Part | None) -> None:
                found = self.load(total, shift, part)
                for place, slope in zip(places, slopes, strict=True):
                    left, right = self.load(slope, shift, part), self.load(place, shift, part)
                    found = self.vectors.multiply_add(code, left, right, found)
                self.vectors.store(code, found, code.plus(total, shift), part)

            self.along(first, code.smaller(code.plus(first, NEAR), width), add)
