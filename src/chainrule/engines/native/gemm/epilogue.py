"""The epilogue of a product of matrices: what becomes of its numbers while they are in registers.

A tile of the product is finished in registers. Written to memory, each of its numbers would be read again by
the loop that adds the bias and applies the activation; so that loop's chain of operations, by the same writer
(``loop.Chain``), stands at the end of the tile. A number's bits are those of a loop of its own.

The product is operand 0 of the recipe, in a register. The others follow in the product's block, those that
are read before those that are written: [address, row stride, column stride] each, in elements.
"""

from __future__ import annotations

from chainrule.engines.native.codegen.fused_loop import Chain, Operand, Recipe, itemsize
from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import order
from chainrule.engines.native.codegen.vector import Lanes

FIRST = 16  # the epilogue's first word in a product's block


class Epilogue:
    """Writes a chain of operations behind a tile.

    Args:
        recipe: the chain; operand 0 is the product.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def write(self, code: Assembly, sums: list[list[Value]], place: tuple[Value, Value, Value]) -> None:
        """The chain for every number of a tile.

        Args:
            code: the tile's function.
            sums: the vectors of each row of the tile.
            place: the address of the block, and the row and column of C at which the tile begins.
        """
        block, first_row, column = place
        chain, width = Chain(self.recipe, code.builder), len(sums[0]) * sums[0][0].type.count
        many, one = Lanes(code.builder, width), Lanes(code.builder, 1)
        operands = self._operands(code, block, first_row)
        for i, row in enumerate(sums):
            rows = [self._row(code, operand, step, i) for operand, step in operands]
            held = {n: many.repeat(chain.load(r, one, I64(0))) for n, r in enumerate(rows) if r.near == "s"}
            chain.element(many, rows, {**held, 0: _joined(code, row)}, column)

    def _operands(self, code: Assembly, block: Value, first_row: Value) -> list[tuple[Operand, Value]]:
        """Every operand at the first row of the tile, and how many bytes its rows lie apart."""
        (product, _), *others = [*self.recipe.reads, *self.recipe.results]
        found = [(Operand(product, "r", I64(0), I64(0)), I64(0))]
        for number, (kind, near) in enumerate(others):
            address, row, column = (self._word(code, block, 3 * number + i) for i in range(3))
            step = code.times(row, itemsize(kind))
            found.append((Operand(kind, near, code.plus(address, code.times(step, first_row)), column), step))
        return found

    def _word(self, code: Assembly, block: Value, number: int) -> Value:
        return code.load(code.plus(block, 8 * (FIRST + number)), I64)

    def _row(self, code: Assembly, operand: Operand, step: Value, i: int) -> Operand:
        """The operand, ``i`` rows further."""
        base = code.plus(operand.base, code.times(step, i)) if i else operand.base
        return Operand(operand.kind, operand.near, base, operand.stride)


def _joined(code: Assembly, row: list[Value]) -> Value:
    """The two vectors of a tile's row as one, so that what is narrower (a truth) fills a register too."""
    left, right = row
    return code.builder.shuffle_vector(left, right, order(range(2 * left.type.count)))
