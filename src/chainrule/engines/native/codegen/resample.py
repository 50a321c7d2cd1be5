"""Weighted sums of rows: the kernel of ``resample``.

A few vectors of a new row are kept in registers while all its taps are added, in their order; so each number
is read as often as it counts and written once.

The block; tables hold int64, all strides count elements::

    [n, new cells, row length, X, outer stride, cell stride, Y, outer stride, cell stride,
     where the taps of each new cell begin, their cells, their weights]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Part, Vectors
from chainrule.engines.native.runtime.call import Call
from chainrule.engines.native.runtime.partition import COLUMNS, Share
from chainrule.plan.tasks import Task

if TYPE_CHECKING:
    from chainrule.engines.native.runtime.kernel_calls import Blocks

BYTES = 64  # of a vector
AT_ONCE = (4, 1)  # vectors of a row: many, and then what is left


class ResampleWriter:
    """Writes the kernel.

    Args:
        kind: of the numbers.
        name: what the function is called.
    """

    def __init__(self, kind: str, name: str) -> None:
        self.vectors = Vectors(kind, BYTES // SIZE[kind])
        self.size, self.lanes = self.vectors.size, self.vectors.lanes
        self.module = ir.Module(name)
        self.code = Assembly(self.module, name)
        self.builder = self.code.builder

    def write(self) -> ir.Module:
        """The module with the finished function."""
        code, b, size = self.code, self.builder, self.size
        n, count, width, x, x_step, x_cell, y, y_step, y_cell, starts, cells, weights = map(
            code.word, range(12)
        )
        steps = [(x, code.times(x_step, size)), (y, code.times(y_step, size))]
        x_cell, y_cell, eight = code.times(x_cell, size), code.times(y_cell, size), I64(8)
        with (
            code.counting(I64(0), n, 1, steps) as (_, source, target),
            code.counting(I64(0), count, 1, [(starts, eight), (target, y_cell)]) as (_, at, row),
        ):
            taps = (code.load(at, I64), code.load(code.plus(at, 8), I64), cells, weights, x_cell)
            first = I64(0)
            for many in AT_ONCE:
                last = code.plus(first, b.and_(b.sub(width, first), I64(-many * self.lanes)))
                with code.counting(first, last, many * self.lanes) as i:
                    self._sums(source, row, code.times(i, size), taps, many)
                first = last
            left = b.sub(width, first)
            with code.when(b.icmp_signed("!=", left, I64(0))):
                part = self.vectors.part(code, left)
                self._sums(source, row, code.times(first, size), taps, 1, part)
        b.ret_void()
        return self.module

    def _sums(
        self,
        source: Value,
        row: Value,
        shift: Value,
        taps: tuple[Value, ...],
        many: int,
        part: Part | None = None,
    ) -> None:
        """Some vectors of a new row, so many bytes behind its beginning."""
        code, (start, stop, cells, weights, far) = self.code, taps
        sums: list[Value] = [self.vectors.zero] * many
        begin = code.plus(source, shift)
        with code.folding(start, stop, 1, sums) as t:
            cell = code.load(code.plus(cells, code.times(t, 8)), I64)
            number = code.load(code.plus(weights, code.times(t, self.size)), self.vectors.number, self.size)
            weight, place = self.vectors.repeat(code, number), code.plus(begin, code.times(cell, far))
            for k in range(many):
                read = self.vectors.load(code, code.plus(place, k * self.vectors.bytes), part)
                sums[k] = self.vectors.multiply_add(code, read, weight, sums[k])
        made = code.plus(row, shift)
        for k, total in enumerate(sums):
            self.vectors.store(code, total, code.plus(made, k * self.vectors.bytes), part)


def resample(blocks: Blocks, task: Task) -> list[Call]:
    """The call of weighted sums of cells: outer places are shared, else new cells, else numbers of a row."""
    (x, starts, cells, weights), (y,) = task.reads, task.writes
    (n, count, width), ((x_step, x_cell, _), (y_step, y_cell, _)) = (
        task.facts["lengths"],
        task.facts["strides"],
    )
    kind, size = blocks.kind(y), blocks.size(y)
    words = (
        n, count, width, blocks.at(x), x_step, x_cell, blocks.at(y), y_step, y_cell,
        blocks.at(starts), blocks.at(cells), blocks.at(weights),
    )  # fmt: skip
    share = Share(n, 0, ((3, x_step * size), (6, y_step * size)))
    if n == 1:
        share = Share(count, 1, ((6, y_cell * size), (9, 8)))
        if width >= 2 * COLUMNS and count < COLUMNS:
            share = Share(width, 2, ((3, size), (6, size)), COLUMNS)
    kernel = blocks.machine.function(
        "resample", f"resample of {kind}", lambda name: ResampleWriter(kind, name).write()
    )
    return [Call(kernel, words, share)]
