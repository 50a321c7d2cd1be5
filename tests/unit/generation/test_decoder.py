"""Decoding token by token with a cache equals the output for the complete text, for every option; errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, ShapeError
from chainrule.generation.cached_decoder import Cache, Decoder
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
WORDS, PLACES, LENGTH = 11, 9, 12
TEXTS = np.random.default_rng(1).integers(0, WORDS, (2, PLACES))
WORD = {"x": Spec((B, 1), "int64")}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "norm first, gated": {"norm_first": True, "gated": True},
    "turned": {"rotary": True},
    "sloped": {"alibi": True},
    "grouped": {"groups": 2, "rotary": nn.RotaryPosition(base=100.0, pairs="neighbors")},
    "multi-query, sloped": {"groups": 1, "alibi": True},
}


def weights(built: nn.Built) -> dict[str, np.ndarray]:
    """Random values for all parameters."""
    rng = np.random.default_rng(5)
    return {path: rng.normal(size=p.spec.at({}).shape) * 0.5 for path, p in built.parameters.items()}


def language_model(**options: Any) -> tuple[nn.Layer, dict[str, np.ndarray], np.ndarray]:
    """A network that continues texts, its parameters, and its outputs for complete texts."""
    block = nn.TransformerEncoderLayer(4, units=6, dropout=0.1, causal=True, **options)
    places = nn.LearnedPosition(LENGTH), nn.SinusoidalPosition()
    net = nn.Sequential(
        nn.Embedding(WORDS, 8), *places, nn.TransformerEncoder(block, 2, norm=nn.LayerNorm()), nn.Dense(WORDS)
    )
    built = nn.build(net, {"x": Spec((B, PLACES), "int64")}, "float64")
    parameters = weights(built)
    return net, parameters, evaluate(built.output, {"x": TEXTS, **parameters}, "reference")


def one_by_one(decoder: Decoder, words: np.ndarray, cache: Cache) -> np.ndarray:
    """The outputs for tokens that are fed one at a time."""
    return np.concatenate([decoder.feed(words[:, i : i + 1], cache) for i in range(words.shape[1])], 1)


@pytest.mark.parametrize("options", OPTIONS)
def test_decoding_by_token_equals_the_complete_text(options: str) -> None:
    net, parameters, expected = language_model(**OPTIONS[options])
    decoder = Decoder(net, parameters, WORD, LENGTH, chunk=4, engine="reference")
    for feed in (one_by_one, Decoder.feed):
        cache = decoder.begin(rows=2)
        np.testing.assert_allclose(feed(decoder, TEXTS, cache), expected, rtol=1e-12, atol=1e-12)
        assert cache.filled.tolist() == [PLACES] * 2


def test_the_native_engine_agrees_and_compiles_two_programs() -> None:
    net, parameters, expected = language_model(rotary=True)
    decoder = Decoder(net, parameters, WORD, LENGTH, chunk=4)
    cache = decoder.begin(rows=2)
    programs = decoder.single.program, decoder.chunked.program
    prompt = decoder.feed(TEXTS[:, :6], cache)  # a full chunk and a partial one
    rest = one_by_one(decoder, TEXTS[:, 6:], cache)
    np.testing.assert_allclose(np.concatenate([prompt, rest], 1), expected, rtol=1e-12, atol=1e-12)
    assert (decoder.single.program, decoder.chunked.program) == programs


def test_texts_of_different_length_in_one_batch() -> None:
    net, parameters, expected = language_model(alibi=True)
    decoder = Decoder(net, parameters, WORD, LENGTH, chunk=4, engine="reference")
    cache = decoder.begin(rows=2)
    prompt = np.where(np.arange(6) < np.array([[6], [3]]), TEXTS[:, :6], 0)
    first = decoder.feed(prompt, cache, [6, 3])
    np.testing.assert_allclose(first[0], expected[0, :6], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(first[1, :3], expected[1, :3], rtol=1e-12, atol=1e-12)
    second = decoder.feed(np.stack([TEXTS[0, 6:9], TEXTS[1, 3:6]]), cache)
    np.testing.assert_allclose(second, [expected[0, 6:9], expected[1, 3:6]], rtol=1e-12, atol=1e-12)
    assert cache.filled.tolist() == [9, 6]


def test_rows_of_a_cache_can_be_selected() -> None:
    net, parameters, expected = language_model()
    decoder = Decoder(net, parameters, WORD, LENGTH, engine="reference")
    cache = decoder.begin(rows=2)
    decoder.feed(TEXTS[:, :5], cache)
    beam = cache.rows([1, 0, 1])
    output = decoder.feed(TEXTS[[1, 0, 1], 5:], beam)
    np.testing.assert_allclose(output, expected[[1, 0, 1], 5:], rtol=1e-12, atol=1e-12)
    assert cache.filled.tolist() == [5, 5], "the selected rows must be a copy"
    np.testing.assert_allclose(decoder.feed(TEXTS[:, 5:6], cache), expected[:, 5:6], rtol=1e-12, atol=1e-12)


def test_the_encoder_runs_once() -> None:
    block = (
        nn.TransformerEncoderLayer(2, dropout=0.0),
        nn.TransformerDecoderLayer(2, dropout=0.0, rotary=True),
    )
    words = nn.Embedding(WORDS, 4)
    net = nn.Sequential(
        nn.Parallel("none", source=words, target=words, source_mask=nn.Identity()),
        nn.Transformer(nn.TransformerEncoder(block[0], 1), nn.TransformerDecoder(block[1], 2)),
        nn.Dense(WORDS),
    )
    rest = {"source": Spec((B, 5), "int64"), "source_mask": Spec((B, 5), "bool")}
    built = nn.build(net, {"target": Spec((B, PLACES), "int64"), **rest}, "float64")
    parameters, source = weights(built), TEXTS[:, :5]
    mask = np.arange(5) < np.array([[5], [3]])
    sources = {"source": source, "source_mask": mask}
    expected = evaluate(built.output, {"target": TEXTS, **sources, **parameters}, "reference")
    decoder = Decoder(
        net, parameters, {"target": Spec((B, 1), "int64"), **rest}, LENGTH, chunk=4, engine="reference"
    )
    cache = decoder.begin(rows=2, **sources)
    np.testing.assert_allclose(decoder.feed(TEXTS, cache), expected, rtol=1e-12, atol=1e-12)
    beam = decoder.begin(rows=2, **sources).rows([1, 1])
    np.testing.assert_allclose(decoder.feed(TEXTS[[1, 1]], beam), expected[[1, 1]], rtol=1e-12, atol=1e-12)
    assert not {name for name in decoder.single.program.graph.inputs if "encoder.layer" in name}


# --- errors ------------------------------------------------------------------------------------------------


def test_a_full_cache_refuses_tokens() -> None:
    net, parameters, _ = language_model()
    decoder = Decoder(net, parameters, WORD, LENGTH, chunk=4, engine="reference")
    cache = decoder.begin(rows=2)
    decoder.feed(TEXTS[:, :7], cache)
    before = {path: a.copy() for path, a in cache.entries.items()}
    with pytest.raises(ShapeError) as caught:
        decoder.feed(TEXTS[:, :6], cache, [1, 6])
    assert caught.value.code == "E225"
    assert (caught.value.expected, caught.value.received) == (
        "at most 12 tokens in a row",
        "13 tokens in row 1",
    )
    assert cache.filled.tolist() == [7, 7]
    assert all(np.array_equal(before[path], a) for path, a in cache.entries.items())
    decoder.feed(np.concatenate([TEXTS[:, 7:], TEXTS[:, :3]], 1), cache)  # twelve tokens fill it completely
    assert cache.filled.tolist() == [12, 12]


@pytest.mark.parametrize(
    "layer",
    [
        nn.MultiHeadAttention(2),
        nn.Attention(causal=True),
        nn.AdditiveAttention(causal=True),
        nn.TransformerEncoderLayer(2),
        nn.Parallel("none", a=nn.Dense(2), b=nn.Dense(2)),
        nn.GlobalAveragePool(),
        nn.GroupNorm(2),
        nn.Conv(4, 3, padding="same"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_network_without_incremental_form_is_refused(layer: nn.Layer) -> None:
    parameters = weights(nn.build(layer, {"x": Spec((B, 3, 4), "float64")}, "float64"))
    with pytest.raises(ChainruleError) as caught:
        Decoder(layer, parameters, {"x": Spec((B, 1, 4), "float64")}, LENGTH).begin(rows=1)
    assert caught.value.code == "E223"


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("E102", lambda d: Decoder(d.net, {}, WORD, 0)),
        ("E102", lambda d: Decoder(d.net, {}, WORD, 5, chunk=0)),
        ("E101", lambda d: Decoder(d.net, {}, WORD, 5, "y")),
        ("E101", lambda d: Decoder(d.net, {}, {**WORD, "y": Spec((B, 2), "int64")}, 5)),
        ("E101", lambda d: d.begin(2, memory=np.ones((2, 3)))),
        ("E224", lambda d: Decoder(d.net, d.parameters, WORD, LENGTH + 1).begin(1)),
        ("E209", lambda d: d.feed(TEXTS[:1], d.begin(2))),
        ("E209", lambda d: d.feed(TEXTS[:, :0], d.begin(2))),
        ("E209", lambda d: d.feed(TEXTS[0], d.begin(2))),
        ("E209", lambda d: d.feed(TEXTS[..., None], d.begin(2))),
        ("E209", lambda d: d.feed(TEXTS, d.begin(2), [1])),
        ("E209", lambda d: d.feed(TEXTS, d.begin(2), [-1, 2])),
        ("E209", lambda d: d.feed(TEXTS, d.begin(2), [10, 2])),
        ("E210", lambda d: Decoder(d.net, {}, WORD, LENGTH).begin(2)),
        ("E211", lambda d: d.feed(TEXTS + WORDS, d.begin(2))),
    ],
)
def test_inputs_that_do_not_fit_the_decoder_are_refused(code: str, act: Callable[[Decoder], object]) -> None:
    net, parameters, _ = language_model()
    with pytest.raises(ChainruleError) as caught:
        act(Decoder(net, parameters, WORD, LENGTH, engine="reference"))
    assert caught.value.code == code


def test_the_decoder_is_a_public_name() -> None:
    assert (cr.Decoder, cr.Cache) == (Decoder, Cache)
