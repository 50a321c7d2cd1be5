"""Transformers: names of parts, masks of blocks, and a network that learns an order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, UsageError
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
RNG = np.random.default_rng(4)


def weights(built: nn.Built) -> dict[str, np.ndarray]:
    """Random values for all parameters."""
    rng = np.random.default_rng(5)
    return {path: rng.normal(size=p.spec.at({}).shape) * 0.5 for path, p in built.parameters.items()}


def test_parts_have_readable_names() -> None:
    net = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(2, norm=nn.RMSNorm(), bias=False), 1, norm=nn.LayerNorm()
    )
    built = nn.build(net, {"x": Spec((B, 3, 4), "float32")}, "float32")
    assert list(built.parameters) == [
        "layer1.attention.query.weight",
        "layer1.attention.key.weight",
        "layer1.attention.value.weight",
        "layer1.attention.output.weight",
        "layer1.attention_norm.scale",
        "layer1.feed_forward.hidden.weight",
        "layer1.feed_forward.output.weight",
        "layer1.feed_forward_norm.scale",
        "norm.scale",
        "norm.shift",
    ]
    assert built.parameters["layer1.feed_forward.hidden.weight"].spec.shape == (16, 4)


def test_the_parts_of_a_block_have_different_dropout_masks() -> None:
    """A shared stream of random numbers would drop the same positions in both parts."""
    net = nn.TransformerEncoderLayer(1, dropout=0.5)
    built = nn.build(net, {"x": Spec((B, 3, 4), "float32")}, "float32", training=True)
    draws = [built.book.results[f"{part}_dropout"] for part in ("attention", "feed_forward")]
    x, parameters = RNG.normal(size=(2, 3, 4)).astype("float32"), weights(built)
    first, second = evaluate(draws, {"x": x, **parameters, KEY: key_of(1)}, "reference")
    assert not np.array_equal(first == 0, second == 0)


def test_a_decoder_ignores_masked_and_later_positions() -> None:
    net = nn.TransformerDecoder(nn.TransformerDecoderLayer(2, dropout=0.0), 2)
    specs = {name: Spec((B, n, 4), "float64") for name, n in (("target", 3), ("memory", 5))}
    built = nn.build(net, {**specs, "memory_mask": Spec((B, 5), "bool")}, "float64")
    mask = np.array([[True, True, False, False, True]])
    target, memory = RNG.normal(size=(1, 3, 4)), RNG.normal(size=(1, 5, 4))
    other = np.where(mask[..., None], memory, 9.0)
    later = target + np.array([0.0, 0.0, 1.0])[:, None]
    feeds = {"target": target, "memory": memory, "memory_mask": mask, **weights(built)}
    y, same, ahead = (
        evaluate(built.output, {**feeds, **changed}, "reference")
        for changed in ({}, {"memory": other}, {"target": later})
    )
    np.testing.assert_array_equal(y, same)
    np.testing.assert_array_equal(y[:, :2], ahead[:, :2])


def test_a_transformer_maps_words_to_words() -> None:
    words = nn.Sequential(nn.Embedding(7, 4), nn.SinusoidalPosition())
    block = nn.TransformerEncoderLayer(2, dropout=0.0), nn.TransformerDecoderLayer(2, dropout=0.0)
    net = nn.Sequential(
        nn.Parallel("none", source=words, target=words, source_mask=nn.Identity()),
        nn.Transformer(nn.TransformerEncoder(block[0], 1), nn.TransformerDecoder(block[1], 1)),
        nn.Dense(7),
    )
    specs = {
        "source": Spec((B, 5), "int64"),
        "target": Spec((B, 3), "int64"),
        "source_mask": Spec((B, 5), "bool"),
    }
    assert nn.build(net, specs, "float32").output.shape == (B, 3, 7)
    assert nn.net_from_record(nn.net_to_record(net)) == net


def test_a_transformer_with_positions_learns_an_order() -> None:
    """Which of two words comes first: a network that is invariant to permutations cannot learn it."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 256)
    x = np.stack([y, np.full(256, 2), 1 - y], 1)  # a word without meaning between the two
    block = nn.TransformerEncoderLayer(2, units=8, dropout=0.0, norm_first=True)
    net = nn.Sequential(
        nn.Embedding(3, 8),
        nn.LearnedPosition(3),
        nn.TransformerEncoder(block, 1, norm=nn.LayerNorm()),
        nn.GlobalAveragePool(),
        nn.Dense(2),
    )
    model = cr.Model(net, loss="cross_entropy", optimizer=cr.Adam(0.02))
    history = model.fit(x, y, epochs=12, batch_size=32, seed=0, verbose=False)
    assert history[-1]["loss"] < 0.05
    assert (model.predict(x) == y).all()


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E102", lambda: nn.FeedForward(0)),
        ("E101", lambda: nn.FeedForward(3, activation="rleu")),
        ("E102", lambda: nn.FeedForward(3, gated="yes")),
        ("E102", lambda: nn.TransformerEncoderLayer(0)),
        ("E102", lambda: nn.TransformerEncoderLayer(2, dropout=1.0)),
        ("E104", lambda: nn.TransformerEncoderLayer(2, norm="layer")),
        ("E102", lambda: nn.TransformerDecoderLayer(4, groups=3)),
        ("E104", lambda: nn.TransformerEncoder("block", 2)),
        ("E102", lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(2), 0)),
        ("E104", lambda: nn.Transformer(nn.TransformerEncoderLayer(2), None)),
    ],
)
def test_a_setting_out_of_its_range_is_refused(code: str, make: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("code", "layer", "shapes"),
    [
        ("E208", nn.FeedForward(3), {"x": ()}),
        ("E220", nn.TransformerEncoderLayer(2), {"x": (4,)}),
        ("E221", nn.TransformerEncoderLayer(3), {"x": (2, 4)}),
        ("E101", nn.TransformerDecoderLayer(2), {"x": (2, 4)}),
        ("E101", nn.TransformerDecoder(nn.TransformerDecoderLayer(2), 1), {"target": (2, 4)}),
        ("E220", nn.TransformerDecoderLayer(2), {"target": (2, 4), "memory": (4,)}),
        ("E101", nn.Transformer(nn.FeedForward(2), nn.FeedForward(2)), {"source": (2, 4), "targets": (2, 4)}),
    ],
)
def test_an_input_that_does_not_fit_is_refused(code: str, layer: nn.Layer, shapes: dict[str, tuple]) -> None:
    specs = {name: Spec((B, *shape), "float32") for name, shape in shapes.items()}
    with pytest.raises(ChainruleError) as caught:
        nn.build(nn.Sequential(layer), specs, "float32")
    assert caught.value.code == code
    assert "(test_transformer.py:" in str(caught.value)
