"""Generated texts: greedy, sampled and beam search, at once and streamed; errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError
from chainrule.generation import strategies_of  # noqa: F401 the package exports it
from chainrule.generation.cached_decoder import Decoder
from chainrule.generation.sampling_strategies import log_softmax, softmax
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
WORDS, LENGTH = 7, 12
WORD = {"x": Spec((B, 1), "int64")}


def chain(scores: np.ndarray, length: int = LENGTH) -> Decoder:
    """A network whose next token depends only on the last one: ``scores[last, next]``."""
    count = len(scores)
    net = nn.Sequential(nn.Embedding(count, count, weight_initializer="eye"), nn.Dense(count, bias=False))
    parameters = {"embedding1.weight": np.eye(count), "dense1.weight": np.ascontiguousarray(scores.T)}
    return Decoder(net, parameters, WORD, length, engine="reference")


def writer(
    engine: str = "reference", length: int = LENGTH
) -> tuple[nn.Layer, dict[str, np.ndarray], Decoder]:
    """A small causal Transformer with random weights."""
    block = nn.TransformerEncoderLayer(2, units=6, causal=True, norm_first=True)
    net = nn.Sequential(
        nn.Embedding(WORDS, 8),
        nn.LearnedPosition(length),
        nn.TransformerEncoder(block, 2, norm=nn.LayerNorm()),
        nn.Dense(WORDS),
    )
    built = nn.build(net, {"x": Spec((B, length), "int64")}, "float64")
    rng = np.random.default_rng(3)
    parameters = {path: rng.normal(size=p.spec.at({}).shape) * 0.7 for path, p in built.parameters.items()}
    return net, parameters, Decoder(net, parameters, WORD, length, chunk=4, engine=engine)


def last_scores(net: nn.Layer, parameters: dict[str, np.ndarray], tokens: list[int]) -> np.ndarray:
    """The scores after a text, without a cache."""
    built = nn.build(net, {"x": Spec((B, len(tokens)), "int64")}, "float64")
    return evaluate(built.output, {"x": np.array([tokens]), **parameters}, "reference")[0, -1]


SCORES = np.random.default_rng(8).normal(size=(5, 5)) * 1.5


def test_greedy_decoding_takes_the_most_likely_token() -> None:
    net, parameters, decoder = writer()
    text = [3, 1]
    for _ in range(8):
        text.append(int(last_scores(net, parameters, text).argmax()))
    (generated,) = cr.generate(decoder, [3, 1], max_new_tokens=8, greedy=True)
    assert generated.tokens.tolist() == text[2:]
    assert not generated.is_ended
    logs = [log_softmax(last_scores(net, parameters, text[:n])[None])[0, text[n]] for n in range(2, 10)]
    assert generated.log_probability == pytest.approx(sum(logs), rel=1e-9)


@pytest.mark.parametrize("stop", [[], [2]])
def test_one_beam_is_greedy(stop: list[int]) -> None:
    for seed in range(6):
        decoder = chain(np.random.default_rng(seed).normal(size=(5, 5)))
        for first in range(5):
            (one,) = cr.generate(decoder, [first], max_new_tokens=6, num_beams=1, stop=stop)
            (best,) = cr.generate(decoder, [first], max_new_tokens=6, greedy=True, stop=stop)
            assert one.tokens.tolist() == best.tokens.tolist()
            assert one.is_ended == best.is_ended
            assert one.log_probability == pytest.approx(best.log_probability)


def every_text(logs: np.ndarray, first: int, length: int, stop: int) -> dict[tuple[int, ...], float]:
    """All texts of at most ``length`` tokens, cut after the stop token, with their log-probability."""
    log_probabilities = {}
    for text in itertools.product(range(len(logs)), repeat=length):
        cut = text[: text.index(stop) + 1] if stop in text else text
        log_probabilities[cut] = sum(logs[a, b] for a, b in itertools.pairwise((first, *cut)))
    return log_probabilities


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0])
def test_an_exhaustive_beam_search_finds_the_best_texts(penalty: float) -> None:
    logs = log_softmax(SCORES)
    log_probabilities = every_text(logs, 0, 3, stop=4)
    ranked = sorted(log_probabilities, key=lambda text: -log_probabilities[text] / len(text) ** penalty)
    texts = cr.generate(
        chain(SCORES), [0], max_new_tokens=3, num_beams=125, samples=10, stop=[4], length_penalty=penalty
    )
    assert [tuple(text.tokens.tolist()) for text in texts] == ranked[:10]
    for text in texts:
        assert text.log_probability == pytest.approx(log_probabilities[tuple(text.tokens.tolist())])
        assert text.is_ended == (4 in text.tokens)


def test_beam_search_finds_a_text_that_greedy_decoding_misses() -> None:
    """Token 1 has the higher probability at first, but token 2 leads to the more probable text."""
    scores = np.log(np.array([[0.1, 0.5, 0.4], [0.34, 0.33, 0.33], [0.98, 0.01, 0.01]]))
    (greedy,) = cr.generate(chain(scores), [0], max_new_tokens=2, greedy=True)
    (best,) = cr.generate(chain(scores), [0], max_new_tokens=2, num_beams=2)
    assert (greedy.tokens.tolist(), best.tokens.tolist()) == ([1, 0], [2, 0])
    assert best.log_probability > greedy.log_probability


def test_beams_of_several_prompts_are_independent() -> None:
    _, _, decoder = writer()
    prompts = [[3, 1, 4], [5], [0, 6]]
    together = cr.generate(decoder, prompts, max_new_tokens=5, num_beams=3, samples=2, stop=[2])
    assert len(together) == 6
    for i, prompt in enumerate(prompts):
        alone = cr.generate(decoder, prompt, max_new_tokens=5, num_beams=3, samples=2, stop=[2])
        for one, other in zip(alone, together[2 * i : 2 * i + 2], strict=True):
            assert one.tokens.tolist() == other.tokens.tolist()
            assert one.log_probability == pytest.approx(other.log_probability)


def test_sampled_tokens_follow_the_softmax() -> None:
    texts = cr.generate(chain(SCORES), [1], max_new_tokens=1, samples=20_000, seed=4)
    counts = np.bincount([int(text.tokens[0]) for text in texts], minlength=5)
    p = softmax(SCORES[1:2])[0]
    assert (abs(counts - 20_000 * p) < 5 * np.sqrt(20_000 * p * (1 - p))).all()
    warm = cr.generate(chain(SCORES), [1], max_new_tokens=1, samples=20_000, temperature=0.5, seed=4)
    counts = np.bincount([int(text.tokens[0]) for text in warm], minlength=5)
    p = softmax(SCORES[1:2] / 0.5)[0]
    assert (abs(counts - 20_000 * p) < 5 * np.sqrt(20_000 * p * (1 - p)) + 1e-9).all()


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_sample_depends_on_seed_and_index_only(engine: str) -> None:
    _, _, decoder = writer(engine)
    options: dict[str, Any] = {"max_new_tokens": 9, "temperature": 1.5, "stop": [2]}
    many = cr.generate(decoder, [3, 1], samples=9, seed=5, **options)
    few = cr.generate(decoder, [3, 1], samples=4, seed=5, **options)
    assert [t.tokens.tolist() for t in many[:4]] == [t.tokens.tolist() for t in few]
    beside = cr.generate(decoder, [[3, 1], [4, 4, 4]], samples=4, seed=5, **options)
    assert [t.tokens.tolist() for t in beside[:4]] == [t.tokens.tolist() for t in few]
    assert len({tuple(t.tokens.tolist()) for t in many}) > 1
    other = cr.generate(decoder, [3, 1], samples=4, seed=6, **options)
    assert [t.tokens.tolist() for t in other] != [t.tokens.tolist() for t in few]


def test_a_text_ends_after_its_stop_token_and_others_continue() -> None:
    scores = np.full((3, 3), -50.0)
    scores[0, 1] = scores[1, 0] = 0.0  # 0 1 0 1 ..., and 2 only after 2
    scores[2, 2] = 0.0
    texts = cr.generate(chain(scores), [[2], [0]], max_new_tokens=5, stop=[2])
    assert [text.tokens.tolist() for text in texts] == [[2], [1, 0, 1, 0, 1]]
    assert [text.is_ended for text in texts] == [True, False]


def test_streaming_gives_the_same_tokens_step_by_step() -> None:
    _, _, decoder = writer()
    options: dict[str, Any] = {"max_new_tokens": 8, "samples": 3, "seed": 2, "stop": [2], "top_p": 0.9}
    steps = np.stack(list(cr.stream_tokens(decoder, [3], **options)), axis=1)
    texts = cr.generate(decoder, [3], **options)
    assert [row[row >= 0].tolist() for row in steps] == [text.tokens.tolist() for text in texts]


def test_a_callback_receives_every_step_and_can_stop() -> None:
    _, _, decoder = writer()
    received: list[list[int]] = []

    def callback(tokens: np.ndarray) -> bool:
        received.append(tokens.tolist())
        return len(received) == 3

    texts = cr.generate(decoder, [3], samples=2, max_new_tokens=8, callback=callback)
    assert len(received) == 3
    assert np.array(received).T.tolist() == [text.tokens.tolist() for text in texts]
    received.clear()
    assert len(list(cr.stream_tokens(decoder, [3], max_new_tokens=8, callback=callback))) == 3


def test_a_text_ends_at_the_end_of_the_context() -> None:
    _, _, decoder = writer()
    (text,) = cr.generate(decoder, [3] * 4)
    assert len(text.tokens) == LENGTH - 4 + 1
    (last,) = cr.generate(decoder, [3] * LENGTH)
    assert len(last.tokens) == 1


def test_a_repetition_penalty_ends_loops() -> None:
    scores = np.array([[3.0, 2.9, 2.8], [3.0, 2.9, 2.8], [3.0, 2.9, 2.8]])
    (plain,) = cr.generate(chain(scores), [0], max_new_tokens=3, greedy=True)
    (varied,) = cr.generate(chain(scores), [0], max_new_tokens=2, greedy=True, repetition_penalty=1.5)
    assert (plain.tokens.tolist(), varied.tokens.tolist()) == ([0, 0, 0], [1, 2])


def test_every_prompt_has_its_source() -> None:
    words = nn.Embedding(WORDS, 4)
    blocks = (
        nn.TransformerEncoderLayer(2, dropout=0.0),
        nn.TransformerDecoderLayer(2, dropout=0.0, rotary=True),
    )
    net = nn.Sequential(
        nn.Parallel("none", source=words, target=words),
        nn.Transformer(nn.TransformerEncoder(blocks[0], 1), nn.TransformerDecoder(blocks[1], 1)),
        nn.Dense(WORDS),
    )
    inputs = {"source": Spec((B, 4), "int64"), "target": Spec((B, 1), "int64")}
    built = nn.build(net, inputs, "float64")
    rng = np.random.default_rng(5)
    parameters = {path: rng.normal(size=p.spec.at({}).shape) for path, p in built.parameters.items()}
    decoder = Decoder(net, parameters, inputs, LENGTH, engine="reference")
    source = rng.integers(0, WORDS, (3, 4))
    for options in ({"greedy": True}, {"num_beams": 2}):
        together = cr.generate(decoder, [2], 6, inputs={"source": source}, stop=[3], **options)
        assert len(together) == 3
        for i, text in enumerate(together):
            (alone,) = cr.generate(decoder, [2], 6, inputs={"source": source[i : i + 1]}, stop=[3], **options)
            assert alone.tokens.tolist() == text.tokens.tolist()
    with pytest.raises(ChainruleError) as caught:
        cr.generate(decoder, [[2], [2]], inputs={"source": source})
    assert caught.value.code == "E209"


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a prompt longer than the context": ([1] * 13, {}, "E229"),
    "more new tokens than there is room for": ([1] * 4, {"max_new_tokens": 10}, "E229"),
    "no prompt": ([], {}, "E102"),
    "letters": (["a"], {}, "E113"),
    "a token that is none": ([9], {}, "E211"),
    "a negative token": ([1, -1], {}, "E211"),
    "no new token": ([1], {"max_new_tokens": 0}, "E102"),
    "half a token": ([1], {"max_new_tokens": 2.5}, "E102"),
    "temperature 0": ([1], {"temperature": 0}, "E102"),
    "k 0": ([1], {"top_k": 0}, "E102"),
    "p 0": ([1], {"top_p": 0.0}, "E102"),
    "p above 1": ([1], {"top_p": 1.5}, "E102"),
    "no beams": ([1], {"num_beams": 0}, "E102"),
    "beams that draw": ([1], {"num_beams": 2, "top_p": 0.9}, "E124"),
    "beams with a callback": ([1], {"num_beams": 2, "callback": print}, "E124"),
    "more samples than beams": ([1], {"num_beams": 2, "samples": 3}, "E102"),
    "no samples": ([1], {"samples": 0}, "E102"),
    "a stop that is no token": ([1], {"stop": ["a"]}, "E113"),
    "an unknown option": ([1], {"temprature": 0.5}, "E101"),
    "a strategy that is none": ([1], {"strategy": ["greedy"]}, "E113"),
    "nothing left": ([1], {"suppress_tokens": range(7)}, "E125"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_invalid_generation_arguments_are_refused(what: str) -> None:
    prompt, options, code = REFUSED[what]
    with pytest.raises(ChainruleError) as caught:
        cr.generate(writer()[2], prompt, **options)
    assert caught.value.code == code


def test_beam_search_cannot_be_streamed() -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.stream_tokens(writer()[2], [1], num_beams=2)
    assert caught.value.code == "E124"


def test_a_network_with_non_finite_scores_is_refused() -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.generate(chain(np.full((3, 3), np.nan)), [0], max_new_tokens=2, greedy=True)
    assert caught.value.code == "E501"


@pytest.mark.parametrize("ways", [{"greedy": True}, {"num_beams": 1}, {"seed": 1}])
def test_min_new_tokens_delays_the_stop_token(ways: dict[str, Any]) -> None:
    scores = np.zeros((3, 3))
    scores[:, 2] = 9.0  # without a minimum the text stops at once
    (short,) = cr.generate(chain(scores), [0], stop=[2], **ways)
    (long,) = cr.generate(chain(scores), [0], stop=[2], min_new_tokens=4, **ways)
    assert (len(short.tokens), len(long.tokens)) == (1, 5)
    assert long.is_ended
    assert 2 not in long.tokens[:4]
