"""Builder of kernel calls: compiles kernels and fills the blocks of fused loops."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from chainrule.engines.native.codegen.elementwise_loop import Fold, LoopSpec, LoopWriter, Operation
from chainrule.engines.native.codegen.row_reduction import ContiguousReductionWriter, RowReductionWriter
from chainrule.engines.native.codegen.softmax import SoftmaxColumnsWriter, SoftmaxRowsWriter
from chainrule.engines.native.gemm.bfloat16_matmul import Bfloat16MatmulWriter
from chainrule.engines.native.gemm.bfloat16_table_matmul import Bfloat16TableMatmulWriter
from chainrule.engines.native.gemm.dot_products import DotProductWriter
from chainrule.engines.native.gemm.epilogue import Epilogue
from chainrule.engines.native.gemm.int8_matmul import Int8MatmulWriter
from chainrule.engines.native.gemm.matmul import Addressing, FactorPacker, MatmulWriter
from chainrule.engines.native.jit.compiler import Machine
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.engines.native.runtime.partition import Partition
from chainrule.plan.tasks import Buffer
from chainrule.plan.views import View, collapse, in_memory_order, is_injective, leading_view, loop_order
from chainrule.records import frozen
from chainrule.settings import settings

# A kernel call: a kernel and the words of its argument block.
#
# Some words depend on where buffers are in memory and are filled in when memory is laid out.


@frozen
class Address:
    """A word that holds the address of a buffer plus ``offset`` bytes."""

    buffer: int
    offset: int = 0


@frozen
class Panels:
    """A word that holds the address of the panels of a right factor that does not change.

    Args:
        matrix: the factor, (k, n), a view of a constant or of an input.
        first: of a product of integers of 8 bits, the smallest one of the left factor (``gemm.int8_matmul``);
            otherwise ``None``.
    """

    matrix: View
    first: int | None = None


@frozen
class Accumulate:
    """A word that holds whether a result is added to memory.

    It is 0 for the first microbatch, which starts a sum, and 1 for the others.

    Args:
        flags: bits of the word that do not depend on the microbatch.
    """

    flags: int = 0


@frozen
class RowOffset:
    """A word that holds the position of a microbatch's first number in the batch.

    It is the first row times ``per_row``.
    """

    per_row: int


FLAG = Address(-1)  # of the flag that a kernel sets when an index is out of range
Word = Any  # an int, an Address, Panels, Accumulate or RowOffset


@frozen
class Call:
    """A kernel with its block.

    Args:
        kernel: its address.
        words: the block.
        partition: how the call is divided among replicas, if it can be.
    """

    kernel: int
    words: tuple[Word, ...]
    partition: Partition | None = None


class CallBuilder:
    """Builder of the calls of tasks.

    Args:
        constants: labels of inputs whose arrays never change; ``None``: no factor is packed in advance.
    """

    def __init__(
        self, machine: Machine, buffers: Sequence[Buffer], constants: Collection[str] | None = None
    ) -> None:
        self.machine, self.buffers, self._constants = machine, buffers, constants

    def is_packed(self, view: View) -> bool:
        """Return whether a right factor, which is a view of a constant, is packed in advance."""
        buffer = self.buffers[view.buffer]
        is_input = buffer.origin == "input" and buffer.label in (self._constants or ())
        return self._constants is not None and (is_input or buffer.origin == "constant")

    def dtype(self, view: View) -> str:
        """Return the dtype of a view."""
        return self.buffers[view.buffer].dtype

    def itemsize(self, view: View) -> int:
        """Return the bytes of an element of a view."""
        return np.dtype(self.dtype(view)).itemsize

    def address(self, view: View) -> Address:
        """Return the address of the first element of a view."""
        return Address(view.buffer, view.offset * self.itemsize(view))

    def kernel(self, name: str, *facts: str | int) -> int:
        """Return the address of a kernel by its file and name; see ``Machine.kernel``."""
        return self.machine.kernel(name, *facts)

    def loop(
        self,
        reads: Sequence[View],
        writes: Sequence[View],
        operations: Sequence[Operation],
        stored: Sequence[int],
        folds: Sequence[tuple[int, str]] = (),
    ) -> Call:
        """Return the call of a loop over these operands.

        Args:
            reads, writes: the operands; the results of folds are last in ``writes``.
            stored: numbers of the values that are written.
            folds: reductions at the end of the loop: number of a value and name of the reduction.
        """
        order = in_memory_order(leading_view((*writes[: len(stored)], *reads)))
        reads, writes = ([view.transposed(order) for view in views] for views in (reads, writes))
        shape = writes[0].shape
        lengths, strides = collapse(shape, [v.strides for v in (*reads, *writes)])
        axes = loop_order(lengths, strides, len(reads), bool(folds))
        lengths, strides = [lengths[axis] for axis in axes], [[s[axis] for axis in axes] for s in strides]
        read_layouts = tuple((self.dtype(v), _layout(s[-1])) for v, s in zip(reads, strides, strict=False))
        # A single element (its stride is then 0) counts as contiguous.
        write_strides, fold_strides = (
            strides[len(reads) :][: len(stored)],
            strides[len(reads) + len(stored) :],
        )
        write_layouts = ("c" if s[-1] in (0, 1) else "g" for s in write_strides)
        fold_specs = tuple(
            Fold(v, name, _layout(s[-1])) for (v, name), s in zip(folds, fold_strides, strict=True)
        )
        spec = LoopSpec(
            len(lengths),
            read_layouts,
            tuple(operations),
            tuple(zip(stored, write_layouts, strict=True)),
            fold_specs,
        )
        kernel = self.machine.function(spec.source(), lambda n: LoopWriter(spec, n).write())
        words: list[Word] = [0, 0 if 0 in shape else lengths[0], *lengths[1:]]
        moves = []
        for view, steps in zip((*reads, *writes), strides, strict=True):
            moves.append((len(words), steps[0] * self.itemsize(view)))
            words += [self.address(view), *steps]
        # Slices of a shared loop must not add to the same element at the same time.
        is_divisible = all(s[0] and is_injective(lengths, s) for s in fold_strides)
        return Call(kernel, tuple(words), Partition(words[1], 1, tuple(moves)) if is_divisible else None)

    def bfloat16_matmul_kernel(self, spec: LoopSpec | None = None) -> int:
        """Return the kernel of a matrix product of rounded factors, with an epilogue if ``spec`` is set."""
        width, has_pairs = self.machine.width, self.machine.has_bfloat16
        text = f"bfloat16 product, vectors of {width} bytes{', pairs' * has_pairs}"
        text += f", then\n{spec.text()}" if spec else ""
        epilogue = Epilogue(spec) if spec else None
        return self.machine.function(
            KernelSource("bfloat16_product", (spec,), text),
            lambda n: Bfloat16MatmulWriter(n, width, has_pairs, epilogue).write(),
        )

    def bfloat16_table_matmul_kernel(self) -> int:
        """Return the kernel of matrix products by tables of rounded factors."""
        width, has_pairs = self.machine.width, self.machine.has_bfloat16
        text = f"bfloat16 product by tables, vectors of {width} bytes{', pairs' * has_pairs}"
        return self.machine.function(
            KernelSource("bfloat16_table_product", (), text),
            lambda n: Bfloat16TableMatmulWriter(n, width, has_pairs).write(),
        )

    def int8_matmul_kernel(self, spec: LoopSpec | None = None) -> int:
        """Return the kernel of a product of integers of 8 bits, with an epilogue if ``spec`` is set."""
        text = f"product of integers of 8 bits{f', then{chr(10)}{spec.text()}' if spec else ''}"
        epilogue = Epilogue(spec) if spec else None
        return self.machine.function(
            KernelSource("int8_product", (spec,), text), lambda n: Int8MatmulWriter(n, epilogue).write()
        )

    def matmul_kernel(self, dtype: str, addressing: Addressing, spec: LoopSpec | None = None) -> int:
        """Return the kernel of a matrix product, with an epilogue if ``spec`` is set."""
        width = self.machine.width
        text = f"product of {dtype} by {addressing}, vectors of {width} bytes"
        text += f", then\n{spec.text()}" if spec else ""
        epilogue = Epilogue(spec) if spec else None
        return self.machine.function(
            KernelSource("product", (dtype, addressing, spec), text),
            lambda n: MatmulWriter(dtype, addressing, n, width, epilogue).write(),
        )

    def packing_kernel(self, dtype: str) -> int:
        """Return the kernel that packs a right factor in advance."""
        width = self.machine.width
        source = KernelSource("packing", (dtype,), f"panels of {dtype}, vectors of {width} bytes")
        return self.machine.function(source, lambda n: FactorPacker(dtype, n, width).write())

    def dot_products_kernel(self, dtype: str, is_rounded: bool = False) -> int:
        """Return the kernel of many dot products; the factors are rounded to bfloat16 if ``is_rounded``."""
        width, is_portable = self.machine.width, settings.portable_bits
        text = (
            f"dots of {dtype}, vectors of {width} bytes{', portable' * is_portable}{', rounded' * is_rounded}"
        )
        return self.machine.function(
            KernelSource("dots", (dtype, is_rounded), text),
            lambda n: DotProductWriter(dtype, n, width, is_portable, is_rounded).write(),
        )

    def softmax_rows_kernel(self, dtype: str, function: str) -> int:
        """Return the kernel of softmax, log_softmax or logsumexp over contiguous rows."""
        source = KernelSource("softmax_rows", (dtype, function), f"{function} of {dtype}")
        return self.machine.function(source, lambda n: SoftmaxRowsWriter(dtype, function, n).write())

    def softmax_columns_kernel(self, dtype: str, function: str) -> int:
        """Return the kernel of softmax, log_softmax or logsumexp along an axis that is not the innermost."""
        source = KernelSource("softmax_columns", (dtype, function), f"{function} of columns of {dtype}")
        return self.machine.function(source, lambda n: SoftmaxColumnsWriter(dtype, function, n).write())

    def reduction_kernel(self, dtype: str, reduction: str, is_row: bool) -> int:
        """Return the kernel of a sum, maximum or minimum: over rows, or over the numbers of a row."""
        of, writer = ("rows", RowReductionWriter) if is_row else ("lines", ContiguousReductionWriter)
        source = KernelSource(f"reduced_{of}", (dtype, reduction), f"{reduction}_{of} of {dtype}")
        return self.machine.function(source, lambda n: writer(dtype, reduction, n).write())


def _layout(stride: int) -> str:
    """Return how adjacent elements of an operand are stored, in the letters of ``LoopSpec``."""
    return "s" if stride == 0 else "c" if stride == 1 else "g"
