"""The same program with its kernels run as they are written: by Python, number by number, without compiling.

Machine code can be wrong in two ways: what was written is wrong, or the compiler made something else of it.
To tell them apart, each kernel's address in a program's table is replaced by that of a small function that
calls back into Python. There a kernel of ``kernels`` runs as the Python function it is, its pointers being
arrays of NumPy at the same addresses; a fused loop is read from its text, line by line, with the law of each
card; what is written in the words of the processor (matrix products, scores) is computed by its definition.
Plan, memory, blocks and order stay those of the compiled program.

It is some thousand times slower, and meant for finding faults.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import CellType, FunctionType
from typing import Any

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.pointer import exchange_if, peek, pointer
from chainrule.engines.native.debug.numpy_kernels import array_at, plain
from chainrule.engines.native.jit.compiler import SOURCES, source_of
from chainrule.engines.native.runtime import scan
from chainrule.engines.native.runtime.executable import Ready
from chainrule.engines.native.runtime.kernel_calls import COVERED
from chainrule.engines.native.runtime.program import Program
from chainrule.engines.shape_binding import bind
from chainrule.graph import Graph
from chainrule.ops import CARDS
from chainrule.plan.plan import Plan, plan
from chainrule.spec import Spec

Run = Callable[[int], None]
_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_int64)
_LAW: dict[str, Any] = {kind.name: kind for kind in CARDS}
_KERNEL_NAME = re.compile(r"\w+\.\w+\(")
_READ = re.compile(r"v\d+ = read\d+.*    # (\w+), \w")
_OPERATION = re.compile(r"v\d+ = (\w+)\((.*)\)    # (\w+) -> (\w+)")
_WRITE = re.compile(r"write\d+.* = v(\d+)    # \w")
_FOLD = re.compile(r"fold\d+.* = (\w+)\(v(\d+)\)    # \w")
_JOINS = {"sum": np.add, "max": np.maximum, "min": np.minimum}


def run_source(graph: Graph, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of a graph by its native program, with every kernel run by its source.

    Example:
        >>> from chainrule.graph import input_node
        >>> import chainrule.ops
        >>> x = input_node("x", (None,), "float64")
        >>> run_source(Graph({"y": x * x}), {"x": np.array([1.0, 4.0])})["y"].tolist()
        [1.0, 16.0]
    """
    specs = {name: node.spec for name, node in graph.inputs.items()}
    return _by_source(plan(graph, bind(specs, arrays)), specs, arrays)


def run_both(
    graph: Graph, arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The outputs of a graph by source and by machine code, from one plan."""
    program = Program(graph)
    machine = program.run(arrays)
    specs = {name: node.spec for name, node in graph.inputs.items()}
    return _by_source(program.ready(bind(specs, arrays)).plan, specs, arrays), machine


def _by_source(
    planned: Plan, specs: Mapping[str, Spec], arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    made = Ready(planned, set())
    by_source(made.table)
    held = {name: np.asarray(arrays[name], s.dtype, order="C") for name, s in specs.items()}
    made.takes(held)
    return made.run(held)


def without_kernel(graph: Graph) -> tuple[str, ...]:
    """The names of a graph's operations that have no kernel and run by their law."""
    return tuple(dict.fromkeys(node.op.name for node in graph.nodes if node.op.name not in COVERED))


def by_source(table: np.ndarray, whole: int = 0) -> None:
    """Replace the kernels of a table (..., 2) of kernels and blocks by functions in Python.

    Args:
        table: the addresses of kernels and of their blocks.
        whole: where a loop's own block begins: the blocks of its steps are counted in words from there.
    """
    for row in table.reshape(-1, 2):
        if SOURCES.get(int(row[0])) == scan.SOURCE:
            block = whole + 8 * int(row[1]) if whole else int(row[1])
            by_source(scan.inner_table(block), block)
            continue
        found = _callback(SOURCES.get(int(row[0]), ""))
        if found is not None:
            row[0] = ctypes.cast(found, ctypes.c_void_p).value


@cache
def _callback(source: str) -> Any:
    """A kernel's source as a C function that calls Python; ``None`` where there is none."""
    if _KERNEL_NAME.match(source):
        run = _uncompiled(source_of(source).run)
    else:
        run = plain(source) or _read(source)
    return None if run is None else _KERNEL(np.errstate(all="ignore")(run))


# --- kernels written in Python


def _uncompiled(function: Any) -> Run | None:
    """A kernel's function for Python to run; ``None`` where it speaks to the processor itself."""
    names = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    meant = {name: _in_python(value) for name, value in names.items() if value is not None}
    if None in meant.values():
        return None
    surroundings = {**function.__globals__, **meant}
    held = tuple(CellType(_part(cell.cell_contents)) for cell in function.__closure__ or ())
    return FunctionType(function.__code__, surroundings, function.__name__, function.__defaults__, held)


def _part(value: Any) -> Any:
    """What a kernel holds: a part of it as it is written, or a fact."""
    return _uncompiled(value.py_func) if hasattr(value, "py_func") else value


@cache
def _in_python(value: Any) -> Any:
    """What a name of a kernel means to Python; ``None`` if nothing."""
    if value is pointer:
        return lambda address, like: (int(address), np.asarray(like).dtype)
    if value is carray:
        return lambda at, length: array_at(at[0], at[1], (int(length),), (at[1].itemsize,))
    if value in (peek, exchange_if):
        return _peek if value is peek else _exchange_if
    if type(value) is type(pointer):  # another instruction
        return None
    return _uncompiled(value.py_func) if hasattr(value, "py_func") else value


def _peek(address: int) -> int:
    return int(_at(address)[0])


def _exchange_if(address: int, old: int, new: int) -> bool:
    """As the instruction, for a single thread."""
    is_old = _peek(address) == old
    if is_old:
        _at(address)[0] = new
    return is_old


def _at(address: int) -> np.ndarray:
    return array_at(address, np.dtype(np.int64), (1,), (8,))


# --- loops, by their text


def _read(text: str) -> Run | None:
    """A fused loop by its text (see ``loop.Recipe.source``), all elements at a time."""
    head, *lines = text.splitlines() or [""]
    if not head.startswith("# axes "):
        return None
    rank = int(head.split()[2].rstrip(";"))
    reads = [found[1] for line in lines if (found := _READ.fullmatch(line))]
    operations = [found.groups() for line in lines if (found := _OPERATION.fullmatch(line))]
    writes = [int(found[1]) for line in lines if (found := _WRITE.fullmatch(line))]
    folds = [(_JOINS[found[1]], int(found[2])) for line in lines if (found := _FOLD.fullmatch(line))]
    kinds = [*reads, *(after for *_, after in operations)]
    results = [kinds[value] for value in (*writes, *(value for _, value in folds))]
    operands = [np.dtype(kind) for kind in (*reads, *results)]

    def run(block: int) -> None:
        arrays = _operands(block, rank, operands)
        values = [array.copy() for array in arrays[: len(reads)]]  # a result may be written over an operand
        for name, inside, _, after in operations:
            values.append(_law(name, inside.split(", "), after, values))
        for array, value in zip(arrays[len(reads) :], writes, strict=False):
            array[...] = values[value]
        for array, (join, value) in zip(arrays[len(reads) + len(writes) :], folds, strict=True):
            _fold(array, join, values[value])

    return run


def _fold(array: np.ndarray, join: np.ufunc, value: np.ndarray) -> None:
    """Join numbers one after the other to what is there: several may have one place."""
    if value.size:
        far = sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)) // array.itemsize
        steps = np.array(array.strides) // array.itemsize
        places = np.tensordot(steps, np.indices(array.shape), 1) if array.ndim else np.zeros((), np.int64)
        join.at(np.lib.stride_tricks.as_strided(array, (far + 1,), (array.itemsize,)), places, value)


def _operands(block: int, rank: int, kinds: Sequence[np.dtype]) -> list[np.ndarray]:
    """The arrays a loop's block speaks of: [first, last, lengths, then an address and strides of each]."""
    size = 1 + rank + len(kinds) * (1 + rank)
    words = [int(word) for word in array_at(block, np.dtype(np.int64), (size,), (8,))]
    first, last = words[:2]
    shape = (max(last - first, 0), *words[2 : 1 + rank])
    arrays = []
    for i, kind in enumerate(kinds):
        address, *strides = words[1 + rank + i * (1 + rank) :][: 1 + rank]
        start = address + first * strides[0] * kind.itemsize
        arrays.append(array_at(start, kind, shape, tuple(step * kind.itemsize for step in strides)))
    return arrays


def _law(name: str, words: Sequence[str], after: str, values: Sequence[np.ndarray]) -> np.ndarray:
    """One line of a loop, by the card's own law."""
    inputs = [values[int(word[1:])] for word in words if word.startswith("v")]
    settings = [float(word) for word in words if not word.startswith("v")]
    card = _LAW[name](after) if name == "cast" else _LAW[name](*settings)
    return np.asarray(card.evaluate(*inputs))
