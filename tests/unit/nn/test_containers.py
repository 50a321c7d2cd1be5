"""Composing networks: names, shared layers, several inputs and outputs, custom layers, errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest

from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, ShapeError, UsageError
from chainrule.graph import Node
from chainrule.nn.scope import Scope, stream_of
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")


def specs(*shape: int, dtype: str = "float32") -> dict[str, Spec]:
    """One input of samples of this shape."""
    return {"x": Spec((B, *shape), dtype)}


def values(built: nn.Built, x: np.ndarray, seed: int = 0, key: int = 9) -> np.ndarray:
    """The network's output for initial values sampled with ``seed``."""
    graph = nn.initial_values(built.parameters, {path: stream_of(path) for path in built.parameters})
    initial = evaluate(list(graph.outputs.values()), {KEY: key_of(seed)} if graph.inputs else {})
    feeds = {**dict(zip(graph.outputs, initial, strict=True)), "x": x}
    return evaluate(built.output, {**feeds, KEY: key_of(key)} if built.book.key is not None else feeds)


# --- names -----------------------------------------------------------------------------------------------


def test_layers_are_called_by_kind_and_number() -> None:
    net = nn.Sequential(
        nn.Dense(3), nn.Dropout(0.1), nn.Dense(4), nn.Residual(nn.Dense(4)), nn.Sequential(nn.Dense(1))
    )
    built = nn.build(net, specs(2), "float32")
    assert list(built.parameters) == [
        "dense1.weight",
        "dense1.bias",
        "dense2.weight",
        "dense2.bias",
        "residual1.dense.weight",
        "residual1.dense.bias",
        "sequential1.dense1.weight",
        "sequential1.dense1.bias",
    ]
    assert built.parameters["dense2.weight"].spec == Spec((4, 3), "float32")
    assert {"dense1.z", "dense1.a", "residual1.dense.z"} <= set(built.book.notes)


def test_a_layer_without_bias_has_none() -> None:
    assert list(nn.build(nn.Dense(3, bias=False), specs(2), "float32").parameters) == ["weight"]


def test_the_text_of_a_network_is_its_forward_pass() -> None:
    net = nn.Sequential(
        nn.Dense(3, activation="relu", penalty=nn.L2(0.1)),
        nn.Residual(nn.Sequential(nn.Dense(3))),
        nn.Parallel(left=nn.Dense(1), right=nn.Flatten()),
    )
    assert str(net) == inspect.cleandoc("""
        Sequential(
          dense1: Dense(3, activation='relu', penalty=L2(strength=0.1))
          residual1: Residual(Sequential(
            dense1: Dense(3)
          ))
          parallel1: Parallel(merge_mode='concatenate'
            left: Dense(1)
            right: Flatten()
          )
        )""")


def test_summary_rows() -> None:
    net = nn.Sequential(
        nn.Dense(3, "relu"), nn.Residual(nn.Sequential(nn.Dense(3))), nn.Parallel("none", a=nn.Dense(1))
    )
    assert [tuple(row) for row in nn.summary_rows(net, specs(2))] == [
        ("dense1", "Dense(3, activation='relu')", "(B, 3)", 9),
        ("residual1", "Residual(...)", "(B, 3)", 0),
        ("residual1.sequential.dense1", "Dense(3)", "(B, 3)", 12),
        ("parallel1", "Parallel(...)", "a (B, 1)", 0),
        ("parallel1.a", "Dense(1)", "(B, 1)", 4),
    ]
    assert nn.summary_rows(nn.Dense(3), specs(2)) == [nn.Row("", "Dense(3)", "(B, 3)", 9)]


def test_a_summary_row_is_one_line_for_any_layer() -> None:
    block = nn.TransformerEncoderLayer(2, activation="gelu_tanh", dropout=0.3, norm_first=True, causal=True)
    row = nn.summary_rows(nn.Sequential(nn.Embedding(5, 4), block), {"x": Spec((B, 3), "int64")})[1]
    assert row.layer.startswith("TransformerEncoderLayer(2, ")
    assert "\n" not in row.layer
    assert "causal=True)" in row.layer


# --- custom layers -----------------------------------------------------------------------------------------


@nn.layer
class Scale(nn.Layer):
    """Multiplies each value by a learned factor."""

    start: float = 1.0

    def __call__(self, x: Node, scope: Scope) -> Node:
        return x * scope.parameter("factor", (x.shape[-1],), nn.Fill(self.start))


@nn.layer
class Tied(nn.Layer):
    """Calls one layer twice: its parameters are shared, since they have one name."""

    inner: nn.Layer

    def __call__(self, x: Node, scope: Scope) -> Node:
        return scope.run(self.inner, scope.run(self.inner, x, "inner"), "inner")


@nn.layer
class Counter(nn.Layer):
    """Counts the batches in a state."""

    def __call__(self, x: Node, scope: Scope) -> Node:
        seen = scope.state("seen", (), nn.Fill(0.0))
        scope.update("seen", seen + 1.0)
        return x + scope.normal("noise", x.shape) if scope.training else x


@nn.layer
class Clash(nn.Layer):
    """Requests two parameters of one name."""

    def __call__(self, x: Node, scope: Scope) -> Node:
        return x * scope.parameter("w", (2,), nn.Fill(1.0)) + scope.parameter("w", (1,), nn.Fill(1.0))


@nn.layer
class Returns(nn.Layer):
    """Returns its setting."""

    result: object = None

    def __call__(self, x: Node, scope: Scope) -> object:
        return self.result


@nn.layer
class PerSample(nn.Layer):
    """Requests a parameter for each sample of the batch."""

    def __call__(self, x: Node, scope: Scope) -> Node:
        return x * scope.parameter("factor", x.shape, nn.Fill(1.0))


@pytest.mark.parametrize("result", [None, 3.0, {}, {"a": 1}, np.ones(2)])
@pytest.mark.parametrize("inside", [True, False])
def test_a_layer_that_returns_no_node_is_refused(result: object, inside: bool) -> None:
    layer = Returns(result)
    with pytest.raises(UsageError) as caught:
        nn.build(nn.Sequential(layer) if inside else layer, specs(2), "float32")
    assert caught.value.code == "E119"
    assert "test_containers.py:" in caught.value.where
    assert ("return" in caught.value.fix) == (result is None)


def test_a_parameter_of_open_length_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        nn.build(nn.Sequential(PerSample()), specs(2), "float32")
    assert caught.value.code == "E102"
    assert "(B, 2)" in caught.value.received
    assert 'PerSample "per_sample1"' in caught.value.where


def test_several_values_are_refused_by_a_layer_of_one() -> None:
    parts = (
        nn.Dense(2),
        nn.Activation("relu"),
        nn.Flatten(),
        nn.Reshape((3,)),
        nn.Dropout(),
        nn.Residual(nn.Flatten()),
    )
    for part in parts:
        with pytest.raises(ShapeError) as caught:
            nn.build(
                nn.Sequential(nn.Parallel("none", a=nn.Dense(1), b=nn.Dense(1)), part), specs(2), "float32"
            )
        assert caught.value.code == "E208"
        assert caught.value.received == "a, b"


def test_a_custom_layer_has_parameters() -> None:
    built = nn.build(nn.Sequential(nn.Dense(2), Scale(3.0)), specs(2), "float32")
    assert list(built.parameters)[-1] == "scale1.factor"
    x = np.ones((4, 2), np.float32)
    plain = values(nn.build(nn.Sequential(nn.Dense(2)), specs(2), "float32"), x)
    np.testing.assert_allclose(values(built, x), 3 * plain, rtol=1e-6)
    assert str(Scale(2.0)) == "Scale(start=2.0)"
    assert Scale(2.0) == Scale(2.0) != Scale(3.0)


def test_parameters_of_one_name_are_shared() -> None:
    built = nn.build(Tied(nn.Dense(2, bias=False)), specs(2, dtype="float64"), "float64")
    assert list(built.parameters) == ["inner.weight"]
    w, x = np.array([[0.5, 1.0], [-1.0, 2.0]]), np.array([[1.0, 3.0]])
    np.testing.assert_allclose(evaluate(built.output, {"x": x, "inner.weight": w}), x @ w.T @ w.T, rtol=1e-12)


def test_states_and_random_keys_are_inputs_of_the_graph() -> None:
    training = nn.build(nn.Sequential(Counter()), specs(2), "float32", training=True)
    assert list(training.states) == list(training.book.updates) == ["counter1.seen"]
    assert float(evaluate(training.book.updates["counter1.seen"], {"counter1.seen": 4.0})) == 5.0
    assert training.book.key is not None
    assert nn.build(nn.Sequential(Counter()), specs(2), "float32").book.key is None


def test_initial_values_depend_on_path_and_seed() -> None:
    built = nn.build(nn.Sequential(nn.Dense(3), nn.Dense(3)), specs(3), "float32")
    graph = nn.initial_values(built.parameters, {path: stream_of(path) for path in built.parameters})
    first, again, other = (evaluate(list(graph.outputs.values()), {KEY: key_of(s)}) for s in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.allclose(first[0], other[0])
    assert not np.allclose(first[0], first[2])  # the weights of the two layers


# --- several inputs and outputs --------------------------------------------------------------------------


def test_several_inputs_and_outputs() -> None:
    net = nn.Sequential(
        nn.Parallel(left=nn.Dense(2), right=nn.Dense(3)),
        nn.Parallel("none", price=nn.Dense(1), kind=nn.Dense(4)),
    )
    built = nn.build(net, {"left": Spec((B, 5), "float32"), "right": Spec((B, 6), "float32")}, "float32")
    assert {name: node.shape for name, node in built.outputs.items()} == {"price": (B, 1), "kind": (B, 4)}
    assert built.parameters["parallel1.right.weight"].spec.shape == (3, 6)
    assert built.parameters["parallel2.kind.weight"].spec.shape == (4, 5)


# --- dropout ---------------------------------------------------------------------------------------------


def test_dropout_acts_in_training_only_and_keeps_the_mean() -> None:
    x = np.ones((400, 50), np.float32)
    inference = nn.build(nn.Dropout(0.25), specs(50), "float32")
    assert inference.output is inference.inputs["x"]
    y = values(nn.build(nn.Dropout(0.25), specs(50), "float32", training=True), x)
    assert set(np.unique(y).tolist()) == {0.0, float(np.float32(1 / 0.75))}
    assert abs((y == 0).mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / y.size)
    assert abs(y.mean() - 1) < 5 * np.sqrt(0.25 / 0.75 / y.size)


def test_the_mask_depends_on_key_and_position_only() -> None:
    x = np.ones((20, 10), np.float32)
    net = nn.Parallel(a=nn.Dropout(), b=nn.Dropout())
    built = nn.build(net, specs(10), "float32", training=True)
    first = values(built, x)
    np.testing.assert_array_equal(first, values(built, x))
    assert not np.array_equal(first, values(built, x, key=10))
    assert not np.array_equal(first[:, :10], first[:, 10:])
    np.testing.assert_array_equal(
        first[:5], values(built, x[:5])
    )  # the mask of a sample does not depend on the other samples


def test_dropout_of_rate_zero_is_the_identity() -> None:
    built = nn.build(nn.Dropout(0), specs(3), "float32", training=True)
    assert built.output is built.inputs["x"]


# --- errors ------------------------------------------------------------------------------------------------


def line() -> int:
    """The line of the call."""
    return inspect.stack()[1].lineno


def test_an_error_names_the_layer_its_line_and_both_shapes() -> None:
    net = nn.Sequential(nn.Dense(3), nn.Residual(nn.Dense(2)))
    number = line() - 1
    with pytest.raises(ShapeError) as caught:
        nn.build(net, specs(2), "float32")
    place = f'Residual "residual1" (test_containers.py:{number})'
    assert str(caught.value).splitlines()[:3] == [
        f"ShapeError E201 in {place}: Residual needs inputs of equal shape (C1)",
        "  expected  (B, 3)",
        "  received  (B, 2)",
    ]


@pytest.mark.parametrize(
    ("net", "shape", "code", "words"),
    [
        (lambda: nn.Dense(3), (), "E208", ["(B, I)", "(B,)", "cr.Flatten()"]),
        (lambda: nn.Sequential(nn.Reshape((4, 2))), (6,), "E204", ["6*B", "8*B", 'Reshape "reshape1"']),
        (lambda: nn.Sequential(nn.Reshape((4, -1))), (6,), "E204", ["6*B"]),
        (lambda: nn.Sequential(nn.Reshape((0, -1))), (6,), "E204", ["6*B"]),
        (lambda: nn.Parallel("add", a=nn.Dense(3), b=nn.Dense(1)), (2,), "E201", ["(B, 3) and (B, 1)"]),
        (lambda: nn.Parallel(a=nn.Dense(3), b=nn.Reshape((2, 1))), (2,), "E207", []),
        (lambda: nn.Sequential(Clash()), (2,), "E103", ["clash1.w", "(2,)", "(1,)"]),
        (lambda: nn.Dense(3, weight_initializer=nn.Scaled(), bias_initializer="orthogonal"), (2,), None, []),
    ],
)
def test_networks_that_do_not_fit_are_refused(
    net: Callable[[], nn.Layer], shape: tuple[int, ...], code: str | None, words: list[str]
) -> None:
    layer = net()
    if code is None:  # the error is raised when initial values are sampled: a bias has no directions
        built = nn.build(layer, specs(*shape), "float32")
        with pytest.raises(ShapeError):
            nn.initial_values(built.parameters, dict.fromkeys(built.parameters, 0))
        return
    with pytest.raises(ChainruleError) as caught:
        nn.build(layer, specs(*shape), "float32")
    assert caught.value.code == code
    assert "test_containers.py:" in str(caught.value)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("shapes", [{"left": (B, 2)}, {"left": (B, 2), "right": (B, 2), "middle": (B, 2)}])
def test_inputs_and_branches_must_have_the_same_names(shapes: dict[str, tuple]) -> None:
    net = nn.Parallel(left=nn.Dense(2), right=nn.Dense(3))
    with pytest.raises(UsageError) as caught:
        nn.build(net, {name: Spec(shape, "float32") for name, shape in shapes.items()}, "float32")
    assert caught.value.code == "E101"
    assert "left, right" in caught.value.expected


@pytest.mark.parametrize(
    ("bad", "code", "fix"),
    [
        (lambda: nn.Dense(0), "E102", "cr.Dense(10)"),
        (lambda: nn.Dense(2.0), "E102", "cr.Dense(10)"),
        (lambda: nn.Dense(True), "E102", "cr.Dense(10)"),
        (lambda: nn.Dense(10**30), "E102", "cr.Dense(10)"),
        (lambda: nn.Dense(10**5000), "E102", "cr.Dense(10)"),
        (lambda: nn.Dense(3, penalty=0.1), "E102", ""),
        (lambda: nn.Dense(3, "rleu"), "E101", 'activation="relu"'),
        (lambda: nn.Dense(3, np.tanh), "E101", ""),
        (lambda: nn.Activation("sigmod"), "E101", 'activation="sigmoid"'),
        (lambda: nn.Activation(["relu"]), "E101", ""),
        (lambda: nn.Sequential(nn.Dense(3), "relu"), "E104", 'cr.Activation("relu")'),
        (lambda: nn.Sequential([nn.Dense(3)]), "E104", "cr.Sequential(*layers)"),
        (lambda: nn.Residual(None), "E104", "cr.Dense(10)"),
        (lambda: nn.Parallel(a=3), "E104", "cr.Dense(10)"),
        (lambda: nn.Parallel(), "E102", ""),
        (lambda: nn.Parallel(**{"a b": nn.Dense(3)}), "E102", ""),
        (lambda: nn.Parallel("concat", a=nn.Dense(3)), "E101", 'merge_mode="concatenate"'),
        (lambda: nn.Reshape((-1, -1)), "E102", "cr.Reshape((8, -1))"),
        (lambda: nn.Reshape((2, -3)), "E102", "cr.Reshape((8, -1))"),
        (lambda: nn.Reshape(8), "E102", "cr.Reshape((8, -1))"),
        (lambda: nn.Dropout(1.0), "E102", ""),
        (lambda: nn.Dropout(-0.1), "E102", ""),
        (lambda: nn.Dropout("0.1"), "E102", ""),
    ],
)
def test_an_invalid_setting_is_refused_with_its_line(bad: Callable[[], object], code: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        bad()
    assert caught.value.code == code
    assert fix in caught.value.fix
    assert caught.value.render("zh") != caught.value.render("en")
    assert len(str(caught.value)) < 600


def test_lists_are_accepted_for_tuples() -> None:
    assert nn.Reshape([2, 3]) == nn.Reshape((2, 3))
