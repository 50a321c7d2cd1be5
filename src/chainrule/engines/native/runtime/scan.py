"""The kernel of a loop over time: it calls the kernels of a step again and again, each time a cell on.

Its block holds everything a step needs: the table of its calls and, behind it, their blocks. Some words of
these hold addresses that move on with time; the kernel adds to each what one step is, after every step, and
at the end takes it all back, so that the block is as it was.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, Assembly
from chainrule.plan.rules.scan import Moving

if TYPE_CHECKING:
    from chainrule.engines.native.runtime.call import Call, Word

SOURCE = "repeat: make the calls of a step, move its addresses on, as often as there are steps"
HEAD = 3  # words before the table: steps, calls, words that move


def write(name: str) -> ir.Module:
    """The kernel. Block: [steps, n, m, then n pairs of a kernel and where its block begins, m pairs of a
    word and by how many bytes it moves, the blocks]; places in words from the beginning of the block."""
    module = ir.Module(name)
    code = Assembly(module, name)
    block = code.function.args[0]
    steps, calls, moves = (code.word(i) for i in range(HEAD))
    kernel = ir.FunctionType(ir.VoidType(), [I64]).as_pointer()
    table = code.plus(block, 8 * HEAD)
    moving = code.plus(table, code.times(calls, 16))

    def move(by: Any) -> None:
        with code.counting(I64(0), moves) as i:
            pair = code.plus(moving, code.times(i, 16))
            word = code.plus(block, code.times(code.load(pair, I64), 8))
            way = code.times(code.load(code.plus(pair, 8), I64), by)
            code.store(code.plus(code.load(word, I64), way), word, 8)

    with code.counting(I64(0), steps):
        with code.counting(I64(0), calls) as i:
            row = code.plus(table, code.times(i, 16))
            address, place = code.load(row, I64), code.load(code.plus(row, 8), I64)
            inner = code.plus(block, code.times(place, 8))
            code.builder.call(code.builder.inttoptr(address, kernel), [inner])
        move(1)
    move(code.builder.neg(steps))
    code.builder.ret_void()
    return module


def words(
    steps: int, calls: Sequence[Call], moving: Mapping[int, Moving], sizes: Mapping[int, int], address: Any
) -> tuple[Word, ...]:
    """The block of a loop.

    Args:
        steps: how many.
        calls: of one step.
        moving: the buffers whose beginning moves on, by number.
        sizes: bytes of a number in each of these.
        address: the class of words that hold addresses.
    """
    place = HEAD + 2 * len(calls)
    moves: list[int] = []
    count = sum(isinstance(w, address) and w.buffer in moving for call in calls for w in call.words)
    place += 2 * count
    table: list[Any] = []
    blocks: list[Any] = []
    for call in calls:
        table += [call.kernel, place + len(blocks)]
        for word in call.words:
            if isinstance(word, address) and word.buffer in moving:
                at, size = moving[word.buffer], sizes[word.buffer]
                moves += [place + len(blocks), at.step * size]
                word = address(at.buffer, at.offset * size + word.offset)
            blocks.append(word)
    return (steps, len(calls), count, *table, *moves, *blocks)


def inner_table(block: int) -> np.ndarray:
    """The table of the calls of a step, (n, 2), in the memory of a block."""
    head = _words(block, HEAD)
    return _words(block + 8 * HEAD, 2 * int(head[1])).reshape(-1, 2)


def _words(address: int, count: int) -> np.ndarray:
    return np.ctypeslib.as_array((ctypes.c_int64 * count).from_address(address))
