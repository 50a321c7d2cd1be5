"""EinsumDense equals NumPy's einsum for any equation of one input and one weight; errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ShapeError, UsageError
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
KINDS = {"apart": "xwy", "row": "xy", "inner": "xw", "column": "wy", "alone": "x"}
LENGTHS = {"c": 2, "d": 3, "e": 1, "f": 4, "g": 2}


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, str, str]:
    """The letters of input, weight and result, each kind of letter present or not, in any order."""
    kinds = {letter: KINDS[draw(st.sampled_from(sorted(KINDS)))] for letter in LENGTHS}
    x, weight, y = (
        "".join(draw(st.permutations([c for c, where in kinds.items() if part in where]))) for part in "xwy"
    )
    return f"b{x}", weight, f"b{y}"


@settings(max_examples=60, deadline=None)
@given(equations())
def test_every_equation_equals_numpys(parts: tuple[str, str, str]) -> None:
    left, weight, right = parts
    equation = f"{left},{weight}->{right}"
    net = nn.EinsumDense(equation, tuple(LENGTHS[c] for c in right[1:]), bias_axes=right[2:])
    built = nn.build(net, {"x": Spec((B, *(LENGTHS[c] for c in left[1:])), "float64")}, "float64")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, *(LENGTHS[c] for c in left[1:])))
    parameters = {path: rng.normal(size=p.spec.at({}).shape) for path, p in built.parameters.items()}
    expected = np.einsum(equation, x, parameters["weight"])
    result = evaluate(built.output, {"x": x, **parameters}, "reference")
    shift = parameters["bias"] if right[2:] else 0.0
    np.testing.assert_allclose(result, expected + shift, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.EinsumDense("btc,cd", (None, 3)),
        lambda: nn.EinsumDense("btc,cd->btx", (None, 3)),
        lambda: nn.EinsumDense("btt,td->btd", (None, 3)),
        lambda: nn.EinsumDense("btc,cdv->btd", (None, 3)),
        lambda: nn.EinsumDense("btc,bd->btd", (None, 3)),
        lambda: nn.EinsumDense("btc,cd->tbd", (None, 3)),
        lambda: nn.EinsumDense("...c,cd->d", 3),
        lambda: nn.EinsumDense("btc,cd->btd", 3),
        lambda: nn.EinsumDense("btc,cd->btd", (None, 0)),
        lambda: nn.EinsumDense("btc,cd->btd", (None, 3), bias_axes="x"),
        lambda: nn.EinsumDense(3, 3),
    ],
)
def test_an_equation_of_another_form_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == "E102"


@pytest.mark.parametrize(
    ("shape", "lengths", "words"),
    [
        ((None, 3), (4,), "2 axes for the letters btc"),
        ((5, 3), (4, 2), "t is 4 in the input, 5 in the result"),
        ((None, None), (4, 2), "no length for d"),
        ((None, 3), (4, Size.symbol("C")), "c is open"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(shape: tuple, lengths: tuple, words: str) -> None:
    with pytest.raises(ShapeError) as caught:
        nn.build(nn.EinsumDense("btc,cd->btd", shape), {"x": Spec((B, *lengths), "float32")}, "float32")
    assert caught.value.code == "E208"
    assert words in str(caught.value)
