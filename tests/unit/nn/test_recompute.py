"""Recomputation changes only memory and time: values, bits of gradients, names and files are equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import UsageError
from chainrule.graph import Graph, Node, order
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.network import Network, Recipe
from chainrule.train.step_graph import training_step

Wrap = Callable[[nn.Layer], nn.Layer]


def plain(layer: nn.Layer) -> nn.Layer:
    return layer


def dense(wrap: Wrap) -> nn.Layer:
    block = nn.Residual(nn.Sequential(nn.Dense(6, "tanh"), nn.Dropout(0.3), nn.Dense(6, "relu")))
    return nn.Sequential(nn.Dense(6), wrap(block), wrap(block), nn.Dense(3))


def images(wrap: Wrap) -> nn.Layer:
    block = nn.Sequential(nn.Conv(4, 3, padding="same"), nn.BatchNorm(), nn.Activation("relu"), nn.MaxPool(2))
    return nn.Sequential(nn.Reshape((8, 8, 1)), wrap(block), wrap(block), nn.Flatten(), nn.Dense(3))


def words(wrap: Wrap) -> nn.Layer:
    block = nn.TransformerEncoderLayer(2, units=8, dropout=0.2, causal=True, norm_first=True)
    blocks = nn.TransformerEncoder(wrap(block), 2, norm=nn.LayerNorm())
    return nn.Sequential(nn.Reshape((16, 4)), blocks, wrap(nn.LSTM(5)), nn.Dense(3))


def nested(wrap: Wrap) -> nn.Layer:
    inner = nn.Residual(nn.Sequential(nn.Dense(6, "tanh"), nn.Dense(6, "sigmoid")))
    return nn.Sequential(nn.Dense(6), wrap(nn.Sequential(wrap(inner), nn.Dense(6), wrap(inner))), nn.Dense(3))


NETS = {make.__name__: make for make in (dense, images, words, nested)}
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((24, 64)).astype("float32"), RNG.integers(0, 3, 24)


def model_of(net: nn.Layer) -> cr.Model:
    return cr.Model(net, loss="cross_entropy", optimizer=nn.SGD(0.1, momentum=0.9))


def trained(net: nn.Layer, **options: Any) -> cr.Model:
    model = model_of(net)
    model.fit(X, Y, epochs=2, batch_size=8, seed=3, verbose=False, **options)
    return model


@pytest.mark.parametrize(("engine", "tolerance"), [("native", 2e-6), ("reference", 0.0)])
@pytest.mark.parametrize("name", ["dense", "images", "words"])
def test_training_with_recomputation_has_the_same_result(name: str, engine: str, tolerance: float) -> None:
    with cr.settings.using(engine=engine):
        once, twice = (trained(NETS[name](wrap)) for wrap in (plain, nn.Remat))
    assert list(once.parameters()) == list(twice.parameters())
    ends = {**twice.parameters(), **twice.states()}
    for path, value in {**once.parameters(), **once.states()}.items():  # the split of a batch may differ
        np.testing.assert_allclose(value, ends[path], rtol=tolerance, atol=tolerance, err_msg=path)


@pytest.mark.parametrize("name", ["dense", "nested"])
def test_the_bits_do_not_depend_on_the_number_of_threads(name: str) -> None:
    results = []
    for threads in (1, 2):
        with cr.settings.using(threads=threads):
            results.append(trained(NETS[name](nn.Remat)).parameters())
    assert results[0]
    for path, value in results[0].items():
        np.testing.assert_array_equal(value, results[1][path], err_msg=path)


def step_of(net: nn.Layer, shape: tuple[Any, ...] = (64,)) -> Any:
    spec = Spec((Size.symbol("B"), *shape), "float64")
    network = Network(Recipe(net, "cross_entropy", nn.SGD(0.1), dtype="float64"), {"x": spec})
    return network, training_step(network, False, 10)


@pytest.mark.parametrize("name", NETS)
def test_marked_layers_are_computed_twice(name: str) -> None:
    counts = [len(step_of(NETS[name](wrap))[1].graph.nodes) for wrap in (plain, nn.Remat)]
    assert counts[1] > counts[0]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_second_derivatives_agree(engine: str) -> None:
    x, w, v = (
        cr.input(name, shape, "float64") for name, shape in (("x", (None, 4)), ("w", (4, 4)), ("v", (4, 4)))
    )

    def curvature(wrap: Callable[[Node, Node], Node]) -> tuple[Node, ...]:
        h = x
        for _ in range(3):
            h = wrap(cr.tanh(cr.tanh(h @ w) @ v) + h, h)
        gradients = cr.grad((h * h).mean(), [x, w, v])
        return cr.grad(
            sum(((g * g).sum() for g in gradients[1:]), (gradients[0] * gradients[0]).sum()), [x, w, v]
        )

    arrays = {n: RNG.standard_normal((4, 4)) for n in "xwv"}
    once, twice = (
        cr.evaluate(curvature(wrap), arrays, engine) for wrap in (lambda y, h: y, lambda y, h: cr.remat(y, h))
    )
    assert len(once) == 3
    for a, b in zip(once, twice, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12 * np.abs(a).max())


def test_gradients_with_respect_to_a_recomputed_value() -> None:
    x = cr.input("x", (None,), "float64")
    inside = x * x
    y = cr.remat(cr.tanh(inside) * 3.0, x)
    by_inside, by_x = cr.grad(y.sum(), [inside, x])
    gradients = cr.evaluate([by_inside, by_x], {"x": [0.3, -0.7]}, "reference")
    slope = 3.0 * (1.0 - np.tanh(np.array([0.09, 0.49])) ** 2)
    np.testing.assert_allclose(gradients, [slope, slope * 2.0 * np.array([0.3, -0.7])])


def test_inputs_may_be_integers_and_lack_a_batch_axis() -> None:
    table, places = cr.input("table", (5, 3), "float64"), cr.input("places", (None,), "int64")
    y = cr.remat(cr.tanh(cr.gather(table, places)), places)
    alone = cr.remat(cr.tanh(cr.tanh(table)), table)
    arrays = {"table": RNG.standard_normal((5, 3)), "places": [0, 4, 4]}
    for marked in (y, alone):
        a, b = (cr.grad((n * n).sum(), [table])[0] for n in (marked, *marked.inputs))
        assert a is not b
        np.testing.assert_array_equal(*cr.evaluate([a, b], arrays, "reference"))


def test_every_recomputed_node_depends_on_a_cotangent() -> None:
    _, step = step_of(
        nn.Sequential(nn.Remat(nn.Sequential(nn.Dense(4, "tanh"), nn.Dense(4, "tanh"))), nn.Dense(3))
    )
    loss = set(order([step.graph.outputs["loss"]]))
    copies = [node for node in step.graph.nodes if node.op.name == "tanh" and node not in loss]
    assert len(copies) == 2
    for node in copies:
        assert any(n.op.name == "again" for n in order([node]))


# --- memory

CONVOLUTIONS = nn.Residual(
    nn.Sequential(*[nn.Conv(8, 3, padding="same", activation="relu")] * 3, nn.Conv(8, 3, padding="same"))
)
DEEP: dict[str, tuple[nn.Layer, int, nn.Layer, tuple[int, ...]]] = {
    "dense": (nn.Sequential(*[nn.Dense(64, "tanh")] * 8), 8, nn.Dense(64), (64,)),
    "convolutions": (CONVOLUTIONS, 5, nn.Conv(8, 1), (16, 16, 3)),
    "batch norm": (
        nn.Sequential(nn.Conv(8, 3, padding="same", bias=False), nn.BatchNorm(), nn.Activation("relu")),
        16,
        nn.Conv(8, 1),
        (16, 16, 3),
    ),
    "GPT": (nn.TransformerEncoderLayer(2, norm_first=True, causal=True), 6, nn.Dense(16), (32, 16)),
}


@pytest.mark.long
@pytest.mark.parametrize("name", DEEP)
def test_a_deep_network_takes_about_half_the_memory(name: str) -> None:
    block, count, first, shape = DEEP[name]
    work = []
    for wrap in (plain, nn.Remat):
        model = model_of(nn.Sequential(first, *[wrap(block)] * count, nn.Flatten(), nn.Dense(3)))
        model.initialize({"x": Spec((Size.symbol("B"), *shape), "float32")})
        work.append(model.memory(64).uses["work"])
    assert work[1] <= 0.6 * work[0]


# --- files, explanations, inference


def test_a_file_is_loaded_with_and_without_recomputation(tmp_path: Path) -> None:
    model = trained(dense(nn.Remat))
    model.save(tmp_path / "deep.safetensors")
    again = cr.load(tmp_path / "deep.safetensors")
    assert again.recipe.net == model.recipe.net
    np.testing.assert_array_equal(again(X), model(X))
    other = model_of(dense(plain)).initialize({"x": Spec((Size.symbol("B"), 64), "float32")})
    other.load_parameters(model.parameters())
    np.testing.assert_array_equal(other(X), model(X))


def test_explanations_do_not_change() -> None:
    explanations = [str(trained(dense(wrap)).explain(X[:1], Y[:1])) for wrap in (plain, nn.Remat)]
    assert explanations[0] == explanations[1]


def test_inference_computes_nothing_twice() -> None:
    network, _ = step_of(dense(nn.Remat))
    graph = Graph(network.inference.outputs)
    assert not {node.op.name for node in graph.nodes} & {"remat", "again"}


def test_remat_of_an_object_that_is_no_layer_is_refused() -> None:
    with pytest.raises(UsageError, match="E104"):
        nn.Remat("relu")  # pyright: ignore[reportArgumentType]
