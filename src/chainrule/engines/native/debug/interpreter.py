"""Interpreter of native programs: runs every kernel as Python or NumPy code instead of machine code.

A wrong result can come from wrong source or from wrong compilation. To distinguish the two, the address of
each kernel in a program's table is replaced by that of a C function that calls Python. A kernel of
``kernels`` then runs as the Python function it is, with NumPy arrays at the same addresses for its pointers;
a fused loop is interpreted from its specification with the reference implementation of each card; kernels
that are generated as LLVM instructions (matrix products, softmax) are computed by their definition in NumPy.
Plan, memory, blocks and order are those of the compiled program.

It is about a thousand times slower and meant for debugging.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import CellType, FunctionType
from typing import Any

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.elementwise_loop import LoopSpec, Operation
from chainrule.engines.native.codegen.numba_intrinsics import atomic_load, compare_exchange, pointer
from chainrule.engines.native.debug.numpy_kernels import array_at, numpy_kernel
from chainrule.engines.native.jit import compiler
from chainrule.engines.native.jit.compiler import SOURCES
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.engines.native.runtime import scan
from chainrule.engines.native.runtime.executable import Executable
from chainrule.engines.native.runtime.kernel_calls import COVERED
from chainrule.engines.native.runtime.program import Program
from chainrule.engines.shape_binding import bind
from chainrule.graph import Graph
from chainrule.ops import CARDS

Run = Callable[[int], None]
_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_int64)
_CARDS: dict[str, Any] = {kind.name: kind for kind in CARDS}
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
        case (compiler.PYTHON_KERNEL, str(name), *arguments):
            run = _uncompiled(compiler.kernel_of(name, *arguments).run)
        case (LoopSpec() as spec,):
            run = _loop(spec)
        case _:
            run = numpy_kernel(source)
    return None if run is None else _KERNEL(np.errstate(all="ignore")(run))


# --- kernels written in Python


def _uncompiled(function: Any) -> Run | None:
    """Return a kernel's function for Python, or ``None`` if it uses instructions that Python lacks."""
    names = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    replacements = {name: _in_python(value) for name, value in names.items() if value is not None}
    if None in replacements.values():
        return None
    namespace = {**function.__globals__, **replacements}
    closure = tuple(CellType(_in_closure(cell.cell_contents)) for cell in function.__closure__ or ())
    return FunctionType(function.__code__, namespace, function.__name__, function.__defaults__, closure)


def _in_closure(value: Any) -> Any:
    """Return the value of a closure variable: a function without compilation, or a constant."""
    return _uncompiled(value.py_func) if hasattr(value, "py_func") else value


@cache
def _in_python(value: Any) -> Any:
    """Return the Python counterpart of a global name of a kernel, or ``None`` if it has none."""
    if value is pointer:
        return lambda address, like: (int(address), np.asarray(like).dtype)
    if value is carray:
        return _array_of
    if value in (atomic_load, compare_exchange):
        return _atomic_load if value is atomic_load else _compare_exchange
    if type(value) is type(pointer):  # another instruction
        return None
    return _uncompiled(value.py_func) if hasattr(value, "py_func") else value


def _array_of(at: tuple[int, np.dtype], shape: int | tuple[int, ...]) -> np.ndarray:
    """Return the numbers at an address as an array in C order; ``shape`` may be a length."""
    lengths = shape if isinstance(shape, tuple) else (shape,)
    sizes = tuple(map(int, lengths))
    strides = tuple(at[1].itemsize * math.prod(sizes[axis:]) for axis in range(1, len(sizes) + 1))
    return array_at(at[0], at[1], sizes, strides)


def _atomic_load(address: int) -> int:
    return int(_at(address)[0])


def _compare_exchange(address: int, old: int, new: int) -> bool:
    """Return the instruction of this name, for a single thread."""
    is_old = _atomic_load(address) == old
    if is_old:
        _at(address)[0] = new
    return is_old


def _at(address: int) -> np.ndarray:
    return array_at(address, np.dtype(np.int64), (1,), (8,))


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
