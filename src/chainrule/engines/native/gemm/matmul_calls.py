"""Calls of matrix products and dot products."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.engines.native.codegen.elementwise_loop import LoopSpec
from chainrule.engines.native.codegen.loop_reduction_and_index_calls import loop_operations
from chainrule.engines.native.gemm.int8_matmul import slot_count
from chainrule.engines.native.gemm.matmul import PACKED
from chainrule.engines.native.runtime.call_builder import Accumulate, Call, CallBuilder, Panels, Word
from chainrule.engines.native.runtime.partition import (
    dot_product_partition,
    matmul_partition,
    table_partition,
)
from chainrule.ops.linear.bfloat16 import Bfloat16Matmul
from chainrule.ops.linear.int8 import IntegerMatmul
from chainrule.plan.passes.elementwise_fusion import memory_source
from chainrule.plan.tasks import Task
from chainrule.plan.views import View, collapse


def matmul(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of matrix products by strides."""
    if "stored" in task.facts:
        return _matmul_with_epilogue(builder, task)
    a, b = task.reads
    (c,) = task.writes
    if c.strides[-1] != 1 and c.strides[-2] == 1:  # C^T = B^T A^T
        a, b, c = _transposed(b), _transposed(a), _transposed(c)
    (m, n), k = c.shape[-2:], a.shape[-1]
    words: list[Word] = [int(np.prod(c.shape[:-2])), m, n, k]
    words += [builder.address(a), _stack_stride(a), *a.strides[-2:]]
    right, mode = _right_factor(builder, task, a, b)
    words += [*right, builder.address(c), _stack_stride(c), c.strides[-2], mode]
    kernel = _kernel(builder, task, (a, b), builder.dtype(c))
    return [Call(kernel, tuple(words), matmul_partition(words, builder.itemsize(c)))]


def _right_factor(builder: CallBuilder, task: Task, a: View, b: View) -> tuple[list[Word], Word]:
    """Return the words of B, and the mode of the product: whether it is added to, and whether B is packed."""
    step, matrix = _stack_stride(b), View(b.buffer, b.shape[-2:], b.strides[-2:], b.offset)
    if _is_integer(builder, task, a, b):
        first = _product_op(task).first
        return [Panels(matrix, first), 0, first, 1 + slot_count(matrix.shape[0])], 0
    if step == 0 and not task.adds and not _is_rounded(task) and builder.is_packed(matrix):
        panel = 2 * builder.machine.width // builder.itemsize(matrix)
        return [Panels(matrix), 0, panel, matrix.shape[0]], PACKED
    return [builder.address(b), step, *b.strides[-2:]], Accumulate() if task.adds else 0


def _product_op(task: Task) -> Any:
    """Return the operation of the product that a task begins with, or of its transpose."""
    return memory_source(task.nodes[0]).op


def _is_integer(builder: CallBuilder, task: Task, a: View, b: View) -> bool:
    """Return whether a product is computed in integers of 8 bits: a single one of contiguous rows."""
    is_known = isinstance(_product_op(task), IntegerMatmul) and builder.machine.has_int8
    is_plain = len(b.shape) == 2 and a.strides[-1] == 1 and not task.adds
    return is_known and is_plain and builder.is_packed(b)


def _kernel(
    builder: CallBuilder, task: Task, factors: tuple[View, View], dtype: str, spec: LoopSpec | None = None
) -> int:
    """Return the kernel of the product by strides that a task begins with, or of its transpose."""
    if _is_integer(builder, task, *factors):
        return builder.int8_matmul_kernel(spec)
    if _is_rounded(task):
        return builder.bfloat16_matmul_kernel(spec)
    return builder.matmul_kernel(dtype, "strides", spec)


def _is_rounded(task: Task) -> bool:
    """Return whether the factors of a task's product are rounded to bfloat16."""
    return isinstance(_product_op(task), Bfloat16Matmul)


def _matmul_with_epilogue(builder: CallBuilder, task: Task) -> list[Call]:
    """Build a matrix product whose result is consumed by a loop while it is in registers."""
    (a, b, *others), product = task.reads, task.nodes[0]
    operations, stored, _ = loop_operations(task, [product, *task.facts["operands"]])
    layouts = ((builder.dtype(v), "s" if v.strides[-1] == 0 else _contiguity(v)) for v in others)
    writes = tuple(zip(stored, map(_contiguity, task.writes), strict=True))
    spec = LoopSpec(2, ((product.dtype, "r"), *layouts), tuple(operations), writes)
    (m, n), k = task.writes[0].shape, a.shape[-1]
    right, mode = _right_factor(builder, task, a, b)
    words: list[Word] = [1, m, n, k, builder.address(a), 0, *a.strides, *right, 0, 0, 0, mode]
    operands = []
    for view in (*others, *task.writes):
        operands.append((len(words), builder.itemsize(view)))
        words += [builder.address(view), *view.strides]
    kernel = _kernel(builder, task, (a, b), product.dtype, spec)
    return [Call(kernel, tuple(words), matmul_partition(words, builder.itemsize(a), operands))]


def table_matmul(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of matrix products by tables, or by tables of starts and strides."""
    (a, b, *tables), (c,), strides = task.reads, task.writes, task.facts["strides"]
    addresses = [builder.address(table) for table in tables]
    if strides:
        (a_step, b_step, c_step), (a_row, a_column, b_row, c_row) = addresses, strides
        starts, rows = tables[-1], c_row * np.arange(task.facts["shape"][1])
        moves = ((4, a_row * builder.itemsize(c)), (12, c_row * builder.itemsize(c)))
    else:
        a_step, a_row, a_column, b_step, b_row, c_step, c_row = addresses
        starts, rows = tables[-2], _numbers(builder, tables[-1])
        moves = ((6, 8), (14, 8))
    mode: Word = Accumulate(task.facts["mode"]) if task.adds else task.facts["mode"]
    words = [*task.facts["shape"], builder.address(a), a_step, a_row, a_column]
    words += [builder.address(b), b_step, b_row, task.facts["column"]]
    words += [builder.address(c), c_step, c_row, mode]
    if task.facts["is_rounded"]:
        kernel = builder.bfloat16_table_matmul_kernel()
    else:
        kernel = builder.matmul_kernel(builder.dtype(c), "starts" if strides else "tables")
    to = _numbers(builder, starts), rows
    partition = table_partition(words, builder.itemsize(c), task.facts["mode"], to, moves)
    return [Call(kernel, tuple(words), partition)]


def _numbers(builder: CallBuilder, table: View) -> np.ndarray:
    return np.asarray(builder.buffers[table.buffer].array)


def dot_products(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of dot products: rows are divided."""
    (a, b, *tables), (c,) = task.reads, task.writes
    rows, places, columns, others = map(builder.address, tables)
    words = [*task.facts["shape"], builder.address(a), rows, places, builder.address(b), columns, others]
    words += [builder.address(c), *task.facts["strides"], Accumulate() if task.adds else 0]
    return [
        Call(
            builder.dot_products_kernel(builder.dtype(c), _is_rounded(task)),
            tuple(words),
            dot_product_partition(words, builder.itemsize(c)),
        )
    ]


def _contiguity(view: View) -> str:
    """Return whether the elements of a row are contiguous or strided, in the letters of ``LoopSpec``."""
    return "c" if view.strides[-1] == 1 else "g"


def _transposed(view: View) -> View:
    last = len(view.shape)
    return view.transposed((*range(last - 2), last - 1, last - 2))


def _stack_stride(view: View) -> int:
    lengths, (strides,) = collapse(view.shape[:-2], [view.strides[:-2]])
    return strides[0] if len(lengths) == 1 else 0
