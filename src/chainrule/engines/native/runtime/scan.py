"""Kernel of a loop over time: it runs the kernels of one time step repeatedly.

Its block holds the table of the calls of a step and, after it, their blocks. Some words of these blocks hold
addresses that advance with time. The kernel adds the stride of a step to each of them after every step, and
subtracts the sum at the end, so that the block is unchanged.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.engines.native.runtime.call_builder import Address, Call, Word
from chainrule.plan.rules.scan import MovingBuffer

SOURCE = KernelSource("scan", (), "scan: run the calls of a step and advance its addresses, for each step")
HEAD = 3  # words before the table: steps, calls, words that advance


def write(name: str) -> ir.Module:
    """Return the kernel.

    Block: [steps, n, m, then n pairs of a kernel and the position of its block, m pairs of a word's position
    and the bytes by which it advances, the blocks]. Positions count words from the beginning of the block.
    """
    module = ir.Module(name)
    code = FunctionBuilder(module, name)
    block = code.function.args[0]
    steps, calls, advances = (code.word(i) for i in range(HEAD))
    table = code.plus(block, 8 * HEAD)
    advancing = code.plus(table, code.times(calls, 16))

    def advance(steps: Any) -> None:
        with code.for_range(I64(0), advances) as i:
            pair = code.plus(advancing, code.times(i, 16))
            word = code.plus(block, code.times(code.load(pair, I64), 8))
            distance = code.times(code.load(code.plus(pair, 8), I64), steps)
            code.store(code.plus(code.load(word, I64), distance), word, 8)

    with code.for_range(I64(0), steps):
        with code.for_range(I64(0), calls) as i:
            row = code.plus(table, code.times(i, 16))
            address, place = code.load(row, I64), code.load(code.plus(row, 8), I64)
            inner = code.plus(block, code.times(place, 8))
            code.call_kernel(address, inner)
        advance(1)
    advance(code.builder.neg(steps))
    code.builder.ret_void()
    return module


def words(
    steps: int, calls: Sequence[Call], moving: Mapping[int, MovingBuffer], sizes: Mapping[int, int]
) -> tuple[Word, ...]:
    """Return the block of a loop.

    Args:
        moving: the buffers whose start advances, by number.
        sizes: bytes of a number in each of these.
    """
    place = HEAD + 2 * len(calls)
    moves: list[int] = []
    count = sum(isinstance(w, Address) and w.buffer in moving for call in calls for w in call.words)
    place += 2 * count
    table: list[Any] = []
    blocks: list[Any] = []
    for call in calls:
        table += [call.kernel, place + len(blocks)]
        for word in call.words:
            if isinstance(word, Address) and word.buffer in moving:
                at, size = moving[word.buffer], sizes[word.buffer]
                moves += [place + len(blocks), at.step * size]
                word = Address(at.buffer, at.offset * size + word.offset)
            blocks.append(word)
    return (steps, len(calls), count, *table, *moves, *blocks)


def inner_table(block: int) -> np.ndarray:
    """Return the table of the calls of a step, (n, 2), in the memory of a block."""
    head = _words(block, HEAD)
    return _words(block + 8 * HEAD, 2 * int(head[1])).reshape(-1, 2)


def _words(address: int, count: int) -> np.ndarray:
    return np.ctypeslib.as_array((ctypes.c_int64 * count).from_address(address))
