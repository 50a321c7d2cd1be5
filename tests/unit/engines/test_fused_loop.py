"""Compiled loops compute what their source says: read line by line with the cards' law, bit for bit."""

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
from chainrule.engines.native.codegen.fused_loop import Operation, Recipe, Writer
from chainrule.engines.native.codegen.vector import LANES
from chainrule.engines.native.jit.compiler import Machine
from chainrule.graph import Graph, input_node
from chainrule.ops import CARDS, PUBLIC

MACHINE = Machine(None)
LAW = {kind.name: kind for kind in CARDS}
# The operations whose every bit is fixed; curves have a test of their own.
ONE = ("negative", "square", "abs", "sqrt", "relu", "floor", "sign")
TWO = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
ASK = ("less", "greater_equal", "equal", "not_equal")
LINE = re.compile(r"v(\d+) = (\w+)\((.*)\)    # (\w+) -> (\w+)")
COUNTS = st.sampled_from([0, 1, 2, LANES - 1, LANES, LANES + 3, 3 * LANES])


@st.composite
def recipes(draw, kind: str = "float32") -> Recipe:
    """A loop of some operations on a few operands of every neighbourhood."""
    near = draw(st.lists(st.sampled_from("csg"), min_size=1, max_size=3))
    kinds, operations = [kind] * len(near), []
    for _ in range(draw(st.integers(0, 6))):
        numbers = st.sampled_from([i for i, k in enumerate(kinds) if k != "bool"])
        answers = [i for i, k in enumerate(kinds) if k == "bool"]
        family = draw(st.sampled_from(["one", "two", "ask", "clip", "cast", *(["where"] if answers else [])]))
        a, b = draw(numbers), draw(numbers)
        match family:
            case "one":
                made = Operation(draw(st.sampled_from(ONE)), kinds[a], kinds[a], (a,))
            case "two":
                b = b if kinds[a] == kinds[b] else a
                made = Operation(draw(st.sampled_from(TWO)), kinds[a], kinds[a], (a, b))
            case "ask":
                b = b if kinds[a] == kinds[b] else a
                made = Operation(draw(st.sampled_from(ASK)), kinds[a], "bool", (a, b))
            case "clip":
                made = Operation("clip", kinds[a], kinds[a], (a,), (-0.5, 1.5))
            case "cast":
                after = draw(st.sampled_from(["float32", "float64", "bool"]))
                made = Operation("cast", kinds[a], after, (a,))
            case _:
                b = b if kinds[a] == kinds[b] else a
                made = Operation("where", kinds[a], kinds[a], (draw(st.sampled_from(answers)), a, b))
        operations.append(made)
        kinds.append(made.result)
    kept = draw(st.sets(st.integers(0, len(kinds) - 1), min_size=1, max_size=2))
    writes = tuple((value, draw(st.sampled_from("cg"))) for value in sorted(kept))
    return Recipe(draw(st.integers(1, 3)), tuple((kind, n) for n in near), tuple(operations), writes)


def law_of(name: str, before: str, after: str, inside: str, values: dict[str, np.ndarray]) -> np.ndarray:
    """One line of a source, by the card's own evaluate."""
    words = inside.split(", ")
    inputs = [values[word] for word in words if word.startswith("v")]
    settings = [float(word) for word in words if not word.startswith("v")]
    assert all(x.dtype.name == before for x in inputs[name == "where" :]), (
        "the line names the kind it works in"
    )
    card = LAW[name](after) if name == "cast" else LAW[name](*settings)
    with np.errstate(all="ignore"):
        return np.asarray(card.evaluate(*inputs))


def read_aloud(source: str, reads: list[np.ndarray], writes: list[np.ndarray]) -> None:
    """Do what the source says, one element and one line at a time."""
    for index in np.ndindex(writes[0].shape):
        values: dict[str, np.ndarray] = {}
        for line in source.splitlines()[1:]:
            made = LINE.fullmatch(line)
            if made:
                _, name, inside, before, after = made.groups()
                values[f"v{made.group(1)}"] = law_of(name, before, after, inside, values)
            elif line.startswith("v"):
                value, operand = re.match(r"(v\d+) = read(\d+)", line).groups()
                values[value] = reads[int(operand)][index]
            else:
                target, value = re.match(r"write(\d+)\S* = (v\d+)", line).groups()
                writes[int(target)][index] = values[value]


def operand(shape: tuple[int, ...], kind: str, near: str, seed: int) -> np.ndarray:
    """An array of this neighbourhood: side by side, one repeated value, or every second number."""
    rng = np.random.Generator(np.random.Philox(seed))
    last = {"c": shape[-1], "s": 1, "g": 2 * shape[-1]}[near]
    numbers = rng.choice([-2.0, -0.0, 0.0, 0.3, 1.0, 7.5, np.inf, -np.inf, np.nan], (*shape[:-1], last))
    array = (numbers + rng.normal(size=numbers.shape).round(2)).astype(kind)
    return np.broadcast_to(array, shape) if near == "s" else array[..., :: 2 if near == "g" else 1]


def run(recipe: Recipe, reads: list[np.ndarray], writes: list[np.ndarray]) -> None:
    """The compiled loop, called with a block of its own."""
    address = MACHINE.function("loop", recipe.source(), lambda name: Writer(recipe, name).write())
    shape = writes[0].shape
    words = [0, *shape]
    for array in (*reads, *writes):
        steps = [n // array.itemsize for n in array.strides]
        words += [array.__array_interface__["data"][0], *steps]
    block = np.array(words, np.int64)
    assert len(block) == recipe.words
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)(block.ctypes.data)


@hypothesis_settings(max_examples=80)
@given(recipes(), st.data())
def test_a_loop_computes_what_its_source_says(recipe: Recipe, data: st.DataObject) -> None:
    outer = tuple(data.draw(st.integers(1, 3)) for _ in range(recipe.rank - 1))
    shape = (*outer, data.draw(COUNTS))
    seed = data.draw(st.integers(0, 9))
    reads = [operand(shape, kind, near, seed + i) for i, (kind, near) in enumerate(recipe.reads)]
    pairs = []
    for value, near in recipe.writes:
        room = np.zeros((*shape[:-1], shape[-1] * (1 + (near == "g"))), recipe.kind_of(value))
        pairs.append([copy[..., :: 1 + (near == "g")] for copy in (room, room.copy())])
    said, done = ([pair[i] for pair in pairs] for i in (0, 1))
    read_aloud(recipe.source(), reads, said)
    run(recipe, reads, done)
    for a, b in zip(said, done, strict=True):
        np.testing.assert_array_equal(b, a)


@given(st.integers(1, 70), st.integers(0, 70))
def test_threads_that_share_a_loop_do_what_one_does(length: int, cut: int) -> None:
    recipe = Recipe(1, (("float32", "c"),), (Operation("square", "float32", "float32", (0,)),), ((1, "c"),))
    x, y = operand((length,), "float32", "c", 1), np.zeros(length, np.float32)
    address = MACHINE.function("loop", recipe.source(), lambda name: Writer(recipe, name).write())
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)
    for first, last in itertools.pairwise([0, min(cut, length), length]):
        block = np.array([first, last, x.ctypes.data, 1, y.ctypes.data, 1], np.int64)
        call(block.ctypes.data)
    np.testing.assert_array_equal(y, x * x)


def ulps(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """By how many units in the last place of a float32 a result is off."""
    finite = np.isfinite(exact) & (np.abs(exact) < np.finfo(np.float32).max)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(exact))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got[~finite], exact[~finite].astype(np.float32))
    unit = np.spacing(np.abs(exact[finite]).astype(np.float32)).astype(np.float64)
    return np.abs(got[finite] - exact[finite]) / unit


def all_over(first: float, last: float) -> np.ndarray:
    """float32 numbers between two limits: every exponent, many mantissas, both signs where they fit."""
    bits = np.arange(0, 2**32, 9973, dtype=np.uint64).astype(np.uint32)
    numbers = bits.view(np.float32)
    even = np.linspace(first, last, 200_001, dtype=np.float32)
    numbers = np.concatenate([numbers[(numbers >= first) & (numbers <= last)], even])
    return np.concatenate([numbers, np.array([0.0, -0.0, np.nan], np.float32)])


def softplus_exact(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@pytest.mark.parametrize(
    ("name", "exact", "limits", "most"),
    [
        ("exp", np.exp, (-110.0, 95.0), 2.0),
        ("log", np.log, (0.0, np.inf), 2.0),
        ("tanh", np.tanh, (-np.inf, np.inf), 2.0),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), (-87.0, np.inf), 3.0),
        ("softplus", softplus_exact, (-87.0, np.inf), 3.0),
        ("erf", special.erf, (-np.inf, np.inf), 2.0),
    ],
)
def test_curves_are_right_to_the_last_places(
    name: str, exact: Callable, limits: tuple[float, float], most: float
) -> None:
    x = all_over(*(float(np.clip(limit, -3e38, 3e38)) for limit in limits))
    node = input_node("x", (x.size,), "float32")
    got = native.Program(Graph({"y": PUBLIC[name](node)})).run({"x": x})["y"].astype(np.float64)
    with np.errstate(all="ignore"):
        errors = ulps(got, exact(x.astype(np.float64)))
    assert errors.max() <= most


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "softplus", "erf"])
def test_curves_at_the_ends_of_the_numbers(name: str) -> None:
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38], np.float32)
    node = input_node("x", (x.size,), "float32")
    got = native.Program(Graph({"y": PUBLIC[name](node)})).run({"x": x})["y"]
    with np.errstate(all="ignore"):
        law = LAW[name]().evaluate(x)
    np.testing.assert_allclose(got, law, rtol=1e-6, atol=1e-38)


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "softplus", "sin", "erf"])
def test_a_value_does_not_depend_on_where_it_lies(name: str) -> None:
    x = np.full(2 * LANES + 5, 0.7371, np.float32)
    node = input_node("x", (x.size,), "float32")
    got = native.Program(Graph({"y": PUBLIC[name](node)})).run({"x": x})["y"]
    assert len(set(got.tolist())) == 1, "many lanes at a time and one by one are the same arithmetic"
