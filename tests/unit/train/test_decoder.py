"""Word by word with a cache is the whole text at once, in every option; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, ShapeError
from chainrule.spec import Size, Spec
from chainrule.train.generation.decoder import Cache, Decoder

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
    """Numbers for all parameters."""
    rng = np.random.default_rng(5)
    return {path: rng.normal(size=p.spec.at({}).shape) * 0.5 for path, p in built.parameters.items()}


def written(**options: Any) -> tuple[nn.Layer, dict[str, np.ndarray], np.ndarray]:
    """A net that continues texts, its parameters, and its answers to whole texts."""
    block = nn.TransformerEncoderLayer(4, units=6, dropout=0.1, causal=True, **options)
    places = nn.LearnedPosition(LENGTH), nn.SinusoidalPosition()
    net = nn.Sequential(
        nn.Embedding(WORDS, 8), *places, nn.TransformerEncoder(block, 2, norm=nn.LayerNorm()), nn.Dense(WORDS)
    )
    built = nn.build(net, {"x": Spec((B, PLACES), "int64")}, "float64")
    held = weights(built)
    return net, held, evaluate(built.output, {"x": TEXTS, **held}, "reference")


def one_by_one(decoder: Decoder, words: np.ndarray, cache: Cache) -> np.ndarray:
    """The answers to words that are fed one at a time."""
    return np.concatenate([decoder.feed(words[:, i : i + 1], cache) for i in range(words.shape[1])], 1)


@pytest.mark.parametrize("options", OPTIONS)
def test_word_by_word_is_the_whole_text_at_once(options: str) -> None:
    net, held, whole = written(**OPTIONS[options])
    decoder = Decoder(net, held, WORD, LENGTH, chunk=4, engine="reference")
    for feed in (one_by_one, Decoder.feed):
        cache = decoder.begin(rows=2)
        np.testing.assert_allclose(feed(decoder, TEXTS, cache), whole, rtol=1e-12, atol=1e-12)
        assert cache.filled.tolist() == [PLACES] * 2


def test_the_native_engine_agrees_and_compiles_twice_whatever_the_length() -> None:
    net, held, whole = written(rotary=True)
    decoder = Decoder(net, held, WORD, LENGTH, chunk=4)
    cache = decoder.begin(rows=2)
    programs = decoder.single.program, decoder.chunked.program
    prompt = decoder.feed(TEXTS[:, :6], cache)  # a chunk, and one that is not full
    rest = one_by_one(decoder, TEXTS[:, 6:], cache)
    np.testing.assert_allclose(np.concatenate([prompt, rest], 1), whole, rtol=1e-12, atol=1e-12)
    assert (decoder.single.program, decoder.chunked.program) == programs


def test_texts_of_different_length_stand_side_by_side() -> None:
    net, held, whole = written(alibi=True)
    decoder = Decoder(net, held, WORD, LENGTH, chunk=4, engine="reference")
    cache = decoder.begin(rows=2)
    prompt = np.where(np.arange(6) < np.array([[6], [3]]), TEXTS[:, :6], 0)
    first = decoder.feed(prompt, cache, [6, 3])
    np.testing.assert_allclose(first[0], whole[0, :6], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(first[1, :3], whole[1, :3], rtol=1e-12, atol=1e-12)
    second = decoder.feed(np.stack([TEXTS[0, 6:9], TEXTS[1, 3:6]]), cache)
    np.testing.assert_allclose(second, [whole[0, 6:9], whole[1, 3:6]], rtol=1e-12, atol=1e-12)
    assert cache.filled.tolist() == [9, 6]


def test_rows_of_a_cache_are_picked_as_beam_search_does() -> None:
    net, held, whole = written()
    decoder = Decoder(net, held, WORD, LENGTH, engine="reference")
    cache = decoder.begin(rows=2)
    decoder.feed(TEXTS[:, :5], cache)
    beam = cache.rows([1, 0, 1])
    found = decoder.feed(TEXTS[[1, 0, 1], 5:], beam)
    np.testing.assert_allclose(found, whole[[1, 0, 1], 5:], rtol=1e-12, atol=1e-12)
    assert cache.filled.tolist() == [5, 5], "the rows picked are a copy"
    np.testing.assert_allclose(decoder.feed(TEXTS[:, 5:6], cache), whole[:, 5:6], rtol=1e-12, atol=1e-12)


def test_what_is_translated_is_read_once() -> None:
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
    held, source = weights(built), TEXTS[:, :5]
    mask = np.arange(5) < np.array([[5], [3]])
    given = {"source": source, "source_mask": mask}
    whole = evaluate(built.output, {"target": TEXTS, **given, **held}, "reference")
    decoder = Decoder(
        net, held, {"target": Spec((B, 1), "int64"), **rest}, LENGTH, chunk=4, engine="reference"
    )
    cache = decoder.begin(rows=2, **given)
    np.testing.assert_allclose(decoder.feed(TEXTS, cache), whole, rtol=1e-12, atol=1e-12)
    beam = decoder.begin(rows=2, **given).rows([1, 1])
    np.testing.assert_allclose(decoder.feed(TEXTS[[1, 1]], beam), whole[[1, 1]], rtol=1e-12, atol=1e-12)
    assert not {name for name in decoder.single.program.graph.inputs if "encoder.layer" in name}


# --- what is refused -------------------------------------------------------------------------------------


def test_a_full_cache_takes_nothing_more() -> None:
    net, held, _ = written()
    decoder = Decoder(net, held, WORD, LENGTH, chunk=4, engine="reference")
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
    decoder.feed(np.concatenate([TEXTS[:, 7:], TEXTS[:, :3]], 1), cache)  # twelve words fill it to the brim
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
def test_a_net_that_cannot_go_word_by_word_is_refused(layer: nn.Layer) -> None:
    held = weights(nn.build(layer, {"x": Spec((B, 3, 4), "float64")}, "float64"))
    with pytest.raises(ChainruleError) as caught:
        Decoder(layer, held, {"x": Spec((B, 1, 4), "float64")}, LENGTH).begin(rows=1)
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
def test_what_does_not_fit_is_refused(code: str, act: Callable[[Decoder], object]) -> None:
    net, held, _ = written()
    with pytest.raises(ChainruleError) as caught:
        act(Decoder(net, held, WORD, LENGTH, engine="reference"))
    assert caught.value.code == code


def test_it_is_found_where_everything_is() -> None:
    assert (cr.Decoder, cr.Cache) == (Decoder, Cache)
