"""Layers with running statistics: updates, initial values, and equal training on every engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ShapeError
from chainrule.nn.scope import stream_of
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")


def built(net: nn.Layer, *shape: int, training: bool = False) -> nn.Built:
    """The network for samples of this shape, in float64."""
    return nn.build(net, {"x": Spec((B, *shape), "float64")}, "float64", training)


def first(net: nn.Built) -> dict[str, np.ndarray]:
    """The initial parameters and states."""
    variables = {**net.parameters, **net.states}
    graph = nn.initial_values(variables, {path: stream_of(path) for path in variables})
    values = evaluate(list(graph.outputs.values()), {KEY: key_of(5)} if graph.inputs else {})
    return dict(zip(graph.outputs, values, strict=True))


def test_running_statistics_follow_pytorch() -> None:
    net, peer = built(nn.BatchNorm(momentum=0.3), 2, 2, training=True), torch.nn.BatchNorm1d(2, momentum=0.3)
    peer = peer.double().train()
    states, rng = first(net), np.random.default_rng(0)
    for rows in (3, 5, 2):
        x = rng.normal(3.0, 2.0, (rows, 2, 2))
        peer(torch.tensor(x).movedim(-1, 1))
        moved = evaluate(list(net.book.updates.values()), {**states, "x": x})
        states |= dict(zip(net.book.updates, moved, strict=True))
    expected = {name: value.numpy() for name, value in peer.named_buffers()}
    np.testing.assert_allclose(states["running_mean"], expected["running_mean"], rtol=1e-12)
    np.testing.assert_allclose(states["running_variance"], expected["running_var"], rtol=1e-12)


def test_weight_norm_starts_with_the_output_of_its_layer() -> None:
    inner = nn.Conv(3, 2)
    plain, normed = built(inner, 4, 2), built(nn.WeightNorm(inner), 4, 2)
    values, x = first(normed), np.random.default_rng(1).normal(size=(2, 4, 2))
    own = {"weight": values["conv.weight"], "bias": values["conv.bias"]}
    expected = evaluate(plain.output, {**own, "x": x})
    np.testing.assert_allclose(evaluate(normed.output, {**values, "x": x}), expected, rtol=1e-12)


def test_spectral_norm_converges_to_the_largest_singular_value() -> None:
    net = built(nn.SpectralNorm(nn.Dense(6, bias=False)), 5, training=True)
    states, x = first(net), np.eye(5)
    largest = np.linalg.svd(states["dense.weight"])[1][0]
    for close in (0.05, *[0.05] * 60, 1e-6):
        y, moved = evaluate([net.output, net.book.updates["dense.weight_direction"]], {**states, "x": x})
        assert np.linalg.svd(y)[1][0] == pytest.approx(1.0, abs=close)
        np.testing.assert_allclose(y.T, states["dense.weight"] / largest, atol=close)
        states["dense.weight_direction"] = moved


NET = cr.Sequential(
    cr.Conv(4, 3, padding="same", bias=False),
    cr.BatchNorm(),
    cr.Activation("relu"),
    cr.SqueezeExcite(reduction=2),
    cr.GroupNorm(2),
    cr.SpatialDropout(0.2),
    cr.AdaptiveAveragePool(2),
    cr.Flatten(),
    cr.SpectralNorm(cr.Dense(5)),
    cr.BatchNorm(),
    cr.Dense(1),
)


def trained(engine: str) -> tuple[cr.Model, np.ndarray]:
    """A network of many of these layers after three epochs, and its inputs."""
    x = np.random.default_rng(0).normal(size=(70, 4, 4, 2))
    model = cr.Model(NET, "mse", cr.SGD(0.02), engine=engine, dtype="float64")
    model.fit(x, x.mean((1, 2, 3)), batch_size=16, epochs=3, verbose=False)
    return model, x


@pytest.mark.long
def test_engines_agree_and_running_statistics_are_saved(tmp_path: Path) -> None:
    (model, x), (reference, _) = trained("native"), trained("reference")
    assert set(model.states()) == {
        "batch_norm1.running_mean",
        "batch_norm1.running_variance",
        "spectral_norm1.dense.weight_direction",
        "batch_norm2.running_mean",
        "batch_norm2.running_variance",
    }
    for name, value in {**reference.parameters(), **reference.states()}.items():
        ours = {**model.parameters(), **model.states()}[name]
        np.testing.assert_allclose(ours, value, rtol=1e-9, atol=1e-11, err_msg=name)
    model.save(tmp_path / "m.safetensors")
    again = cr.load(tmp_path / "m.safetensors")
    predictions, alone = np.asarray(model.predict(x)), model.predict(x[:1])
    np.testing.assert_allclose(np.asarray(again.predict(x)), predictions, rtol=1e-12)
    np.testing.assert_allclose(
        np.asarray(alone), predictions[:1], rtol=1e-9
    )  # no batch statistics in inference


@pytest.mark.parametrize(
    ("rows", "size", "fix"),
    [
        (33, 32, "batch_size=33"),
        (1, 32, "more rows, or cr.LayerNorm() instead of BatchNorm"),
        (5, 1, "batch_size=3"),
        (7, 3, "batch_size=4"),
    ],
)
def test_a_batch_of_one_sample_is_refused_before_the_training(rows: int, size: int, fix: str) -> None:
    model = cr.Model(cr.Sequential(cr.BatchNorm(), cr.Dense(1)), "mse")
    with pytest.raises(ShapeError, match=r'E230 in BatchNorm "batch_norm1"') as caught:
        model.fit(np.ones((rows, 2)), np.ones(rows), batch_size=size, verbose=False)
    assert caught.value.fix == fix


def test_one_image_of_several_positions_is_enough() -> None:
    model = cr.Model(cr.Sequential(cr.BatchNorm(), cr.Flatten(), cr.Dense(1)), "mse")
    model.fit(
        np.random.default_rng(0).normal(size=(3, 2, 1)), np.ones(3), batch_size=1, epochs=1, verbose=False
    )
    assert np.isfinite(model.states()["batch_norm1.running_variance"]).all()


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_word_outside_the_vocabulary_is_named_with_its_position(engine: str) -> None:
    words = np.random.default_rng(0).integers(0, 10, (40, 5))
    net = cr.Sequential(cr.EmbeddingBag(10, 4), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.05), engine=engine)
    model.fit(words, words.sum(1) > 22, epochs=20, verbose=False)
    assert model.evaluate(words, words.sum(1) > 22)["accuracy"] > 0.9
    words[7, 2] = 10
    for call in (lambda: model.predict(words), lambda: model.fit(words, words[:, 0] > 4, epochs=1)):
        with pytest.raises(ShapeError, match=r'E211 in EmbeddingBag "embedding_bag1"') as caught:
            call()
        assert (caught.value.expected, caught.value.received) == ("0 to 9", "10 at position (7, 2)")
