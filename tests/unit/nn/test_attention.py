"""Attention: masked positions have no effect, groups share keys and values, errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, UsageError
from chainrule.gradient import grad
from chainrule.graph import Node, constant
from chainrule.nn.scope import Scope
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Axis, Size, Spec

B = Size.symbol("B")
RNG = np.random.default_rng(3)
HEADS: dict[str, nn.Layer] = {
    "attention": nn.Attention(),
    "additive": nn.AdditiveAttention(),
    "multi-head": nn.MultiHeadAttention(2),
    "grouped": nn.GroupedQueryAttention(4, groups=2),
    "multi-query": nn.GroupedQueryAttention(2),
}


def applied(net: nn.Layer, **arrays: np.ndarray) -> np.ndarray:
    """The output of a layer for arrays by name, with fixed random weights."""
    specs = {name: Spec((B, *a.shape[1:]), a.dtype.name) for name, a in arrays.items()}
    built = nn.build(net, specs, "float64")
    return evaluate(built.output, {**arrays, **weights(built)}, "reference")


def weights(built: nn.Built) -> dict[str, np.ndarray]:
    """Random values for all parameters."""
    rng = np.random.default_rng(5)
    return {path: rng.normal(size=p.spec.at({}).shape) * 0.5 for path, p in built.parameters.items()}


@pytest.fixture(params=HEADS)
def net(request: pytest.FixtureRequest) -> nn.Layer:
    """Every kind of attention."""
    return HEADS[request.param]


# --- masks -----------------------------------------------------------------------------------------------


def test_masked_positions_have_no_effect(net: nn.Layer) -> None:
    query, value = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 5, 4))
    mask = np.array([[True, False, True, True, False], [False, True, False, False, True]])
    other = np.where(mask[..., None], value, 1e3)
    first, second = (applied(net, query=query, value=v, mask=mask) for v in (value, other))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, applied(net, query=query, value=value))


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_query_with_all_keys_masked_has_output_and_gradient_zero(net: nn.Layer, engine: str) -> None:
    arrays = {"query": RNG.normal(size=(2, 3, 4)), "value": RNG.normal(size=(2, 5, 4))}
    mask = np.array([[True] * 5, [False] * 5])
    specs = {name: Spec((B, *a.shape[1:]), "float64") for name, a in arrays.items()}
    built = nn.build(net, {**specs, "mask": Spec((B, 5), "bool")}, "float64")
    moved = [*(built.inputs[name] for name in arrays), *(p.node for p in built.parameters.values())]
    total = (built.output[1:2] * 2.0).sum()
    feeds = {**arrays, "mask": mask, **weights(built)}
    y, *gradients = evaluate([built.output, *grad(total, moved, unused="zeros")], feeds, engine)
    bias = feeds.get("output.bias", np.zeros(4))
    np.testing.assert_array_equal(y[1], np.broadcast_to(bias, y[1].shape))
    assert np.isfinite(y).all()
    for name, gradient in zip([*arrays, *built.parameters], gradients, strict=True):
        assert (name == "output.bias") == bool(gradient.any()), name


def test_all_forms_of_a_mask_are_equivalent() -> None:
    net = nn.MultiHeadAttention(2)
    x = RNG.normal(size=(3, 4, 4))
    places = RNG.random((3, 4)) < 0.7
    forms = [
        places,
        np.repeat(places[:, None], 4, 1),
        places[:, None],
        places[:, None, None],
        np.tile(places[:, None, None], (1, 2, 4, 1)),
    ]
    expected, *others = (applied(net, sequence=x, mask=form) for form in forms)
    assert len(others) == 4
    for other in others:
        np.testing.assert_array_equal(other, expected)


@nn.layer
class _BackwardMask(nn.Layer):
    """Attention to earlier positions by a custom mask, the same for all samples."""

    def __call__(self, x: Node, scope: Scope) -> Node:
        pairs = constant(np.tri(4, dtype=bool))
        return nn.MultiHeadAttention(3)({"sequence": x, "mask": pairs}, scope)


def test_a_constant_mask_of_pairs_applies_to_all_samples() -> None:
    x = RNG.normal(size=(3, 4, 6))
    expected = applied(nn.MultiHeadAttention(3, causal=True), x=x)
    np.testing.assert_allclose(applied(_BackwardMask(), x=x), expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["attention", "additive", "multi-head", "grouped"])
def test_causal_attention_does_not_look_ahead(name: str) -> None:
    kind, settings = type(HEADS[name]), HEADS[name].settings
    x = RNG.normal(size=(2, 5, 4))
    later = x.copy()
    later[:, 3:] += 1.0
    first, second = (applied(kind(**settings, causal=True), sequence=v) for v in (x, later))
    np.testing.assert_array_equal(first[:, :3], second[:, :3])
    assert not np.allclose(first[:, 3:], second[:, 3:])


def test_scores_of_any_size_do_not_overflow(net: nn.Layer) -> None:
    x = RNG.normal(size=(2, 3, 4)) * 1e4
    assert np.isfinite(applied(net, sequence=x)).all()


# --- heads -----------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(4)), name=st.sampled_from(list(HEADS)))
def test_attention_is_equivariant_to_permutations(order: list[int], name: str) -> None:
    x = np.random.default_rng(1).normal(size=(2, 4, 4))
    moved = applied(HEADS[name], sequence=x[:, order])
    np.testing.assert_allclose(moved, applied(HEADS[name], sequence=x)[:, order], rtol=1e-9, atol=1e-12)


def test_as_many_groups_as_heads_are_multi_head_attention() -> None:
    x = {"x": Spec((B, 3, 6), "float64")}
    for heads in (1, 2, 3):
        options = {"units": 12, "causal": True, "rotary": True}
        many = nn.build(nn.MultiHeadAttention(heads, **options), x, "float64")
        grouped = nn.build(nn.GroupedQueryAttention(heads, groups=heads, **options), x, "float64")
        assert many.output is grouped.output


def test_grouped_queries_are_multi_head_attention_with_keys_repeated() -> None:
    x = RNG.normal(size=(2, 3, 8))
    net = nn.GroupedQueryAttention(4, groups=2)
    built = nn.build(net, {"x": Spec((B, 3, 8), "float64")}, "float64")
    parameters = weights(built)
    wide = {
        path: a if path.split(".")[0] in ("query", "output") else a.reshape(2, 2, *a.shape[1:]).repeat(2, 0)
        for path, a in parameters.items()
    }
    wide = {path: a.reshape(8, *a.shape[2:]) if a.shape[:2] == (4, 2) else a for path, a in wide.items()}
    many = nn.build(nn.MultiHeadAttention(4), {"x": Spec((B, 3, 8), "float64")}, "float64")
    np.testing.assert_allclose(
        evaluate(built.output, {"x": x, **parameters}), evaluate(many.output, {"x": x, **wide}), rtol=1e-12
    )


def test_attention_weights_are_noted_and_sum_to_one() -> None:
    built = nn.build(nn.MultiHeadAttention(2), {"x": Spec((B, 3, 4), "float64")}, "float64")
    x = RNG.normal(size=(2, 3, 4))
    attention_weights = evaluate(built.book.notes["weights"], {"x": x, **weights(built)})
    assert attention_weights.shape == (2, 2, 3, 1, 3)
    np.testing.assert_allclose(attention_weights.sum(-1), 1.0, rtol=1e-14)


def test_dropout_of_attention_depends_on_the_key_only() -> None:
    built = nn.build(nn.Attention(dropout=0.5), {"x": Spec((B, 3, 4), "float64")}, "float64", training=True)
    x = RNG.normal(size=(2, 3, 4))
    first, again, other = (evaluate(built.output, {"x": x, KEY: key_of(k)}, "reference") for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_sequences_of_any_length_are_accepted() -> None:
    built = nn.build(nn.MultiHeadAttention(2), {"x": Spec((B, Size.symbol("T"), 4), "float64")}, "float64")
    x = RNG.normal(size=(2, 5, 4))
    expected = applied(nn.MultiHeadAttention(2), x=x)
    np.testing.assert_allclose(evaluate(built.output, {"x": x, **weights(built)}), expected, rtol=1e-12)


# --- errors ------------------------------------------------------------------------------------------------

Shapes = Mapping[str, tuple[Axis, ...]]


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E102", lambda: nn.Attention(scale="on")),
        ("E102", lambda: nn.Attention(causal=1)),
        ("E102", lambda: nn.Attention(dropout=1.0)),
        ("E102", lambda: nn.AdditiveAttention(units=0)),
        ("E102", lambda: nn.MultiHeadAttention(0)),
        ("E102", lambda: nn.MultiHeadAttention(2, units=2.5)),
        ("E102", lambda: nn.MultiHeadAttention(2, rotary="yes")),
        ("E101", lambda: nn.MultiHeadAttention(2, weight_initializer="hee")),
        ("E102", lambda: nn.GroupedQueryAttention(6, groups=4)),
        ("E102", lambda: nn.GroupedQueryAttention(6, groups=0)),
    ],
)
def test_a_setting_out_of_its_range_is_refused(code: str, make: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == code
    assert caught.value.where


def test_the_error_for_groups_lists_the_divisors() -> None:
    with pytest.raises(UsageError) as caught:
        nn.GroupedQueryAttention(6, groups=4)
    assert caught.value.expected == "a divisor of 6 heads: 1, 2, 3, 6"


@pytest.mark.parametrize(
    ("code", "layer", "shapes", "words"),
    [
        ("E220", nn.Attention(), {"x": (4,)}, ["(B, T, C)", "(B, 4)"]),
        ("E220", nn.MultiHeadAttention(2), {"x": (0, 4)}, ["T at least 1", "(B, 0, 4)"]),
        ("E220", nn.MultiHeadAttention(2), {"x": (2, 3, 4)}, ["(B, 2, 3, 4)"]),
        ("E220", nn.Attention(), {"x": (3, Size.symbol("C"))}, ["C known"]),
        ("E220", nn.Attention(causal=True), {"x": (Size.symbol("T"), 4)}, ["T known"]),
        ("E101", nn.Attention(), {"query": (3, 4)}, ['"value" is missing']),
        ("E101", nn.MultiHeadAttention(2), {"sequence": (3, 4), "masks": (3,)}, ['"masks" is not known']),
        ("E101", nn.Attention(), {"queri": (3, 4), "value": (3, 4)}, ["query"]),
        ("E226", nn.Attention(), {"query": (3, 4), "value": (3, 5)}, ["query (B, 3, 4)", "key (B, 3, 5)"]),
        ("E226", nn.Attention(), {"query": (3, 4), "key": (2, 4), "value": (5, 4)}, ["2 keys and 5 values"]),
        ("E221", nn.MultiHeadAttention(4), {"x": (3, 10)}, ["10 channels = 4 heads x 2 + 2", "12 channels"]),
        (
            "E221",
            nn.MultiHeadAttention(2, units=4, value_units=3),
            {"x": (3, 4)},
            ["3 channels = 2 heads x 1 + 1"],
        ),
        ("E221", nn.MultiHeadAttention(2, rotary=True), {"x": (3, 6)}, ["even", "3 channels"]),
        ("E222", nn.MultiHeadAttention(2), {"sequence": (3, 4), "mask": (2,)}, ["(B, 3)", "(B, 2)"]),
        ("E222", nn.Attention(), {"sequence": (3, 4), "mask": (3, 2)}, ["(B, 3, 3)", "(B, 3, 2)"]),
        ("E253", nn.Attention(), {"sequence": (3, 4), "mask": (3,), "": ()}, ["true where a place counts"]),
    ],
)
def test_an_input_that_does_not_fit_is_refused(
    code: str, layer: nn.Layer, shapes: Shapes, words: list[str]
) -> None:
    number = "" in shapes  # the mask consists of numbers
    specs = {
        name: Spec((B, *shape), "bool" if name == "mask" and not number else "float32")
        for name, shape in shapes.items()
        if name
    }
    with pytest.raises(ChainruleError) as caught:
        nn.build(nn.Sequential(layer), specs, "float32")
    assert caught.value.code == code
    assert f'{type(layer).__name__} "{layer.kind}1" (test_attention.py:' in str(caught.value)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "{" not in caught.value.clause("zh")


def test_all_differing_shapes_are_listed_in_one_error() -> None:
    specs = {
        name: Spec(shape, "float32")
        for name, shape in (("query", (B, 3, 4)), ("key", (2, 3, 4)), ("value", (2, 5, 4)))
    }
    with pytest.raises(ChainruleError) as caught:
        nn.build(nn.Attention(), specs, "float32")
    assert len(caught.value.notes) == 2
