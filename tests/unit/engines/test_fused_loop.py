"""Compiled fused loops compute what their text describes, bit for bit."""

from __future__ import annotations

import ctypes
import itertools
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import special

from chainrule.engines import native
from chainrule.engines.native.codegen.elementwise_loop import LoopSpec, LoopWriter, Operation
from chainrule.engines.native.codegen.vector import LANES
from chainrule.engines.native.jit.compiler import Machine
from chainrule.graph import Graph, input_node
from chainrule.ops import CARDS
from chainrule.ops import functional as F

MACHINE = Machine(None)
CARD_CLASSES = {kind.name: kind for kind in CARDS}
# Operations whose bits are fixed; transcendental functions have their own tests.
UNARY = ("negative", "square", "abs", "sqrt", "relu", "floor", "sign")
BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
COMPARISONS = ("less", "greater_equal", "equal", "not_equal")
LINE = re.compile(r"v(\d+) = (\w+)\((.*)\)    # (\w+) -> (\w+)")
COUNTS = st.sampled_from([0, 1, 2, LANES - 1, LANES, LANES + 3, 3 * LANES])


@st.composite
def loop_specs(draw, kind: str = "float32") -> LoopSpec:
    """A loop of some operations on a few operands of every layout."""
    layout = draw(st.lists(st.sampled_from("csg"), min_size=1, max_size=3))
    kinds, operations = [kind] * len(layout), []
    for _ in range(draw(st.integers(0, 6))):
        numbers = st.sampled_from([i for i, k in enumerate(kinds) if k != "bool"])
        booleans = [i for i, k in enumerate(kinds) if k == "bool"]
        family = draw(
            st.sampled_from(["one", "two", "ask", "clip", "cast", *(["where"] if booleans else [])])
        )
        a, b = draw(numbers), draw(numbers)
        match family:
            case "one":
                operation = Operation(draw(st.sampled_from(UNARY)), kinds[a], kinds[a], (a,))
            case "two":
                b = b if kinds[a] == kinds[b] else a
                operation = Operation(draw(st.sampled_from(BINARY)), kinds[a], kinds[a], (a, b))
            case "ask":
                b = b if kinds[a] == kinds[b] else a
                operation = Operation(draw(st.sampled_from(COMPARISONS)), kinds[a], "bool", (a, b))
            case "clip":
                operation = Operation("clip", kinds[a], kinds[a], (a,), (-0.5, 1.5))
            case "cast":
                result_dtype = draw(st.sampled_from(["float32", "float64", "bool"]))
                operation = Operation("cast", kinds[a], result_dtype, (a,))
            case _:
                b = b if kinds[a] == kinds[b] else a
                operation = Operation("where", kinds[a], kinds[a], (draw(st.sampled_from(booleans)), a, b))
        operations.append(operation)
        kinds.append(operation.result)
    stored = draw(st.sets(st.integers(0, len(kinds) - 1), min_size=1, max_size=2))
    writes = tuple((value, draw(st.sampled_from("cg"))) for value in sorted(stored))
    return LoopSpec(draw(st.integers(1, 3)), tuple((kind, n) for n in layout), tuple(operations), writes)


def evaluate_line(
    name: str, dtype: str, result_dtype: str, inside: str, values: dict[str, np.ndarray]
) -> np.ndarray:
    """Evaluate one line of a loop's text by the reference implementation of its card."""
    words = inside.split(", ")
    inputs = [values[word] for word in words if word.startswith("v")]
    settings = [float(word) for word in words if not word.startswith("v")]
    assert all(x.dtype.name == dtype for x in inputs[name == "where" :]), (
        "the line names the dtype of the operation"
    )
    card = CARD_CLASSES[name](result_dtype) if name == "cast" else CARD_CLASSES[name](*settings)
    with np.errstate(all="ignore"):
        return np.asarray(card.evaluate(*inputs))


def interpret(source: str, reads: list[np.ndarray], writes: list[np.ndarray]) -> None:
    """Interpret a loop's text, one element and one line at a time."""
    for index in np.ndindex(writes[0].shape):
        values: dict[str, np.ndarray] = {}
        for line in source.splitlines()[1:]:
            match = LINE.fullmatch(line)
            if match:
                _, name, inside, dtype, result_dtype = match.groups()
                values[f"v{match.group(1)}"] = evaluate_line(name, dtype, result_dtype, inside, values)
            elif line.startswith("v"):
                value, operand = re.match(r"(v\d+) = read(\d+)", line).groups()
                values[value] = reads[int(operand)][index]
            else:
                target, value = re.match(r"write(\d+)\S* = (v\d+)", line).groups()
                writes[int(target)][index] = values[value]


def operand(shape: tuple[int, ...], kind: str, layout: str, seed: int) -> np.ndarray:
    """Return an array of this layout: contiguous, a repeated value, or every second number."""
    rng = np.random.Generator(np.random.Philox(seed))
    last = {"c": shape[-1], "s": 1, "g": 2 * shape[-1]}[layout]
    numbers = rng.choice([-2.0, -0.0, 0.0, 0.3, 1.0, 7.5, np.inf, -np.inf, np.nan], (*shape[:-1], last))
    array = (numbers + rng.normal(size=numbers.shape).round(2)).astype(kind)
    return np.broadcast_to(array, shape) if layout == "s" else array[..., :: 2 if layout == "g" else 1]


def run(spec: LoopSpec, reads: list[np.ndarray], writes: list[np.ndarray]) -> None:
    """Call the compiled loop with a block of its own."""
    address = MACHINE.function(spec.source(), lambda name: LoopWriter(spec, name).write())
    shape = writes[0].shape
    words = [0, *shape]
    for array in (*reads, *writes):
        steps = [n // array.itemsize for n in array.strides]
        words += [array.__array_interface__["data"][0], *steps]
    block = np.array(words, np.int64)
    assert len(block) == spec.words
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)(block.ctypes.data)


@pytest.mark.long
@hypothesis_settings(max_examples=80)
@given(loop_specs(), st.data())
def test_a_loop_computes_what_its_text_describes(spec: LoopSpec, data: st.DataObject) -> None:
    outer = tuple(data.draw(st.integers(1, 3)) for _ in range(spec.rank - 1))
    shape = (*outer, data.draw(COUNTS))
    seed = data.draw(st.integers(0, 9))
    reads = [operand(shape, kind, layout, seed + i) for i, (kind, layout) in enumerate(spec.reads)]
    pairs = []
    for value, layout in spec.writes:
        buffer = np.zeros((*shape[:-1], shape[-1] * (1 + (layout == "g"))), spec.dtype_of(value))
        pairs.append([copy[..., :: 1 + (layout == "g")] for copy in (buffer, buffer.copy())])
    interpreted, compiled = ([pair[i] for pair in pairs] for i in (0, 1))
    interpret(spec.text(), reads, interpreted)
    run(spec, reads, compiled)
    for a, b in zip(interpreted, compiled, strict=True):
        np.testing.assert_array_equal(b, a)


@given(st.integers(1, 70), st.integers(0, 70))
def test_a_divided_loop_equals_the_whole_loop(length: int, cut: int) -> None:
    spec = LoopSpec(1, (("float32", "c"),), (Operation("square", "float32", "float32", (0,)),), ((1, "c"),))
    x, y = operand((length,), "float32", "c", 1), np.zeros(length, np.float32)
    address = MACHINE.function(spec.source(), lambda name: LoopWriter(spec, name).write())
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)
    for first, last in itertools.pairwise([0, min(cut, length), length]):
        block = np.array([first, last, x.ctypes.data, 1, y.ctypes.data, 1], np.int64)
        call(block.ctypes.data)
    np.testing.assert_array_equal(y, x * x)


def ulps(result: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Return the error of a result in units in the last place of float32."""
    finite = np.isfinite(exact) & (np.abs(exact) < np.finfo(np.float32).max)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(exact))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(result[~finite], exact[~finite].astype(np.float32))
    unit = np.spacing(np.abs(exact[finite]).astype(np.float32)).astype(np.float64)
    return np.abs(result[finite] - exact[finite]) / unit


def spread_floats(first: float, last: float) -> np.ndarray:
    """Return float32 numbers between two limits: every exponent, many mantissas, both signs if they fit."""
    bits = np.arange(0, 2**32, 9973, dtype=np.uint64).astype(np.uint32)
    numbers = bits.view(np.float32)
    even = np.linspace(first, last, 200_001, dtype=np.float32)
    numbers = np.concatenate([numbers[(numbers >= first) & (numbers <= last)], even])
    return np.concatenate([numbers, np.array([0.0, -0.0, np.nan], np.float32)])


def softplus_exact(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@pytest.mark.parametrize(
    ("name", "exact", "limits", "max_ulps"),
    [
        ("exp", np.exp, (-110.0, 95.0), 2.0),
        ("log", np.log, (0.0, np.inf), 2.0),
        ("tanh", np.tanh, (-np.inf, np.inf), 2.0),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), (-87.0, np.inf), 3.0),
        ("softplus", softplus_exact, (-87.0, np.inf), 3.0),
        ("erf", special.erf, (-np.inf, np.inf), 2.0),
    ],
)
def test_functions_are_accurate_to_a_few_ulps(
    name: str, exact: Callable, limits: tuple[float, float], max_ulps: float
) -> None:
    x = spread_floats(*(float(np.clip(limit, -3e38, 3e38)) for limit in limits))
    node = input_node("x", (x.size,), "float32")
    result = native.Program(Graph({"y": getattr(F, name)(node)})).run({"x": x})["y"].astype(np.float64)
    with np.errstate(all="ignore"):
        errors = ulps(result, exact(x.astype(np.float64)))
    assert errors.max() <= max_ulps


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "softplus", "erf"])
def test_functions_of_special_values(name: str) -> None:
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38], np.float32)
    node = input_node("x", (x.size,), "float32")
    result = native.Program(Graph({"y": getattr(F, name)(node)})).run({"x": x})["y"]
    with np.errstate(all="ignore"):
        expected = CARD_CLASSES[name]().evaluate(x)
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-38)


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "softplus", "sin", "erf"])
def test_a_value_does_not_depend_on_its_position(name: str) -> None:
    x = np.full(2 * LANES + 5, 0.7371, np.float32)
    node = input_node("x", (x.size,), "float32")
    result = native.Program(Graph({"y": getattr(F, name)(node)})).run({"x": x})["y"]
    assert len(set(result.tolist())) == 1, "vectors and scalars use the same arithmetic"
