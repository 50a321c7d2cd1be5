"""Interpreter of native programs: runs every kernel as NumPy code instead of machine code.

A wrong result can come from wrong source or from wrong compilation. To distinguish the two, the address of
each kernel in a program's table is replaced by that of a C function that calls Python. A fused loop is then
interpreted from its specification with the reference implementation of each card; other kernels (matrix
products, softmax, gather) are computed by their definition in NumPy, with arrays at the same addresses.
Plan, memory, blocks and order are those of the compiled program.

It is about a thousand times slower and meant for debugging.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from chainrule.engines.native.codegen.elementwise_loop import LoopSpec, Operation
from chainrule.engines.native.debug.numpy_kernels import array_at, numpy_kernel
from chainrule.engines.native.jit.compiler import SOURCES
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.engines.native.runtime import scan
from chainrule.engines.native.runtime.executable import Executable
from chainrule.engines.native.runtime.kernel_calls import COVERED
from chainrule.engines.native.runtime.program import Program
from chainrule.engines.shape_binding import bind
from chainrule.graph import Graph
from chainrule.ops import CARDS
from chainrule.ops.linear.bfloat16 import RoundToBfloat16

Run = Callable[[int], None]
_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_int64)
_CARDS: dict[str, Any] = {kind.name: kind for kind in (*CARDS, RoundToBfloat16)}
_REDUCTIONS = {"sum": np.add, "max": np.maximum, "min": np.minimum}


def run_both(
    graph: Graph, arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the outputs of a graph by source and by machine code, from one plan.

    Example:
        >>> from chainrule.graph import input_node
        >>> import chainrule.ops
        >>> x = input_node("x", (None,), "float64")
        >>> source, machine = run_both(Graph({"y": x * x}), {"x": np.array([1.0, 4.0])})
        >>> source["y"].tolist(), machine["y"].tolist()
        ([1.0, 16.0], [1.0, 16.0])
    """
    program = Program(graph)
    machine = program.run(arrays)
    specs = {name: node.spec for name, node in graph.inputs.items()}
    executable = Executable(program.executable(bind(specs, arrays)).plan, set())
    use_sources(executable.table)
    inputs = {name: np.asarray(arrays[name], s.dtype, order="C") for name, s in specs.items()}
    executable.bind(inputs)
    return executable.run(inputs), machine


def without_kernel(graph: Graph) -> tuple[str, ...]:
    """Return the names of a graph's operations that have no kernel and run by their reference."""
    return tuple(dict.fromkeys(node.op.name for node in graph.nodes if node.op.name not in COVERED))


def use_sources(table: np.ndarray, base: int = 0) -> None:
    """Replace the kernels of a table (..., 2) of kernels and blocks by Python functions.

    Args:
        table: addresses of kernels and of their blocks.
        base: address of the block of a loop, from which the positions of its steps' blocks count; 0 for
            absolute addresses.
    """
    for row in table.reshape(-1, 2):
        if SOURCES.get(int(row[0])) is scan.SOURCE:
            block = base + 8 * int(row[1]) if base else int(row[1])
            use_sources(scan.inner_table(block), block)
            continue
        source = SOURCES.get(int(row[0]))
        callback = None if source is None else _callback(source)
        if callback is not None:
            row[0] = ctypes.cast(callback, ctypes.c_void_p).value


@cache
def _callback(source: KernelSource) -> Any:
    """Return a kernel's source as a C function that calls Python, or ``None`` if there is none."""
    match source.arguments:
        case (LoopSpec() as spec,):
            run = _loop(spec)
        case _:
            run = numpy_kernel(source)
    return None if run is None else _KERNEL(np.errstate(all="ignore")(run))


# --- loops, from their specifications


def _loop(spec: LoopSpec) -> Run:
    """Return a fused loop, computed for all elements at once."""
    reads = [dtype for dtype, _ in spec.reads]
    writes = [value for value, _ in spec.writes]
    folds = [(_REDUCTIONS[fold.name], fold.value) for fold in spec.folds]
    operands = [np.dtype(dtype) for dtype in (*reads, *(dtype for dtype, _ in spec.results))]

    def run(block: int) -> None:
        arrays = _operands(block, spec.rank, operands)
        values = [array.copy() for array in arrays[: len(reads)]]  # a result may be written over an operand
        for operation in spec.operations:
            values.append(_evaluate(operation, values))
        for array, value in zip(arrays[len(reads) :], writes, strict=False):
            array[...] = values[value]
        for array, (reduction, value) in zip(arrays[len(reads) + len(writes) :], folds, strict=True):
            _fold(array, reduction, values[value])

    return run


def _fold(array: np.ndarray, reduction: np.ufunc, value: np.ndarray) -> None:
    """Reduce numbers one after the other into memory: several may have the same address."""
    if value.size:
        last_offset = (
            sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)) // array.itemsize
        )
        steps = np.array(array.strides) // array.itemsize
        offsets = np.tensordot(steps, np.indices(array.shape), 1) if array.ndim else np.zeros((), np.int64)
        reduction.at(
            np.lib.stride_tricks.as_strided(array, (last_offset + 1,), (array.itemsize,)), offsets, value
        )


def _operands(block: int, rank: int, dtypes: Sequence[np.dtype]) -> list[np.ndarray]:
    """Return the arrays of a loop's block: [first, last, lengths, then an address and strides of each]."""
    size = 1 + rank + len(dtypes) * (1 + rank)
    words = [int(word) for word in array_at(block, np.dtype(np.int64), (size,), (8,))]
    first, last = words[:2]
    shape = (max(last - first, 0), *words[2 : 1 + rank])
    arrays = []
    for i, dtype in enumerate(dtypes):
        address, *strides = words[1 + rank + i * (1 + rank) :][: 1 + rank]
        start = address + first * strides[0] * dtype.itemsize
        arrays.append(array_at(start, dtype, shape, tuple(step * dtype.itemsize for step in strides)))
    return arrays


def _evaluate(operation: Operation, values: Sequence[np.ndarray]) -> np.ndarray:
    """Evaluate one operation of a loop by the reference implementation of its card."""
    card = _CARDS[operation.name]
    configured = card(operation.result) if operation.name == "cast" else card(*operation.settings)
    return np.asarray(configured.evaluate(*(values[i] for i in operation.inputs)))
