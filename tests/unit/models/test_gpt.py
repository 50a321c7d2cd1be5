"""GPT-2: parameter counts, agreement with PyTorch, incremental decoding, and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError
from chainrule.generation.cached_decoder import Decoder
from chainrule.models import MODELS, gpt2
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Size, Spec
from torch_transformers import CLOSE, agree, gpt2_state, random_parameters, tensors
from torch_transformers import gpt2 as torch_gpt2

B = Size.symbol("B")
WORDS, LENGTH, DEPTH, HEADS = 23, 12, 2, 3
TEXTS = np.random.default_rng(1).integers(0, WORDS, (2, 9))


def small(**more: float) -> nn.Sequential:
    """A GPT-2 of two blocks."""
    return gpt2(vocabulary_size=WORDS, length=LENGTH, width=12, depth=DEPTH, heads=HEADS, **more)


@pytest.mark.parametrize(
    ("size", "count"),
    [("small", 124_439_808), ("medium", 354_823_168), ("large", 774_030_080), ("xl", 1_557_611_200)],
)
def test_parameter_counts_agree_with_the_published_weights(size: str, count: int) -> None:
    assert MODELS["gpt2"].count(size=size) == count


@pytest.mark.parametrize("dtype", CLOSE)
def test_outputs_agree_with_pytorch(dtype: str) -> None:
    built = nn.build(small(), {"x": Spec((B, TEXTS.shape[1]), "int64")}, dtype)
    parameters = random_parameters(built)
    words = tensors({"words": TEXTS})["words"]
    agree(built, {"x": TEXTS, **parameters}, torch_gpt2(gpt2_state(parameters, DEPTH), words, DEPTH, HEADS))


@pytest.mark.parametrize("chunk", [1, 4, 16])
def test_incremental_decoding_agrees_with_the_full_text(chunk: int) -> None:
    net = small()
    built = nn.build(net, {"x": Spec((B, TEXTS.shape[1]), "int64")}, "float32")
    parameters = random_parameters(built)
    full = evaluate(built.output, {"x": TEXTS, **parameters}, "reference")
    decoder = Decoder(net, parameters, {"x": Spec((B, 1), "int64")}, LENGTH, chunk=chunk)
    cache = decoder.begin(rows=2)
    first = decoder.feed(TEXTS[:, :5], cache)
    rest = [decoder.feed(TEXTS[:, i : i + 1], cache) for i in range(5, TEXTS.shape[1])]
    np.testing.assert_allclose(np.concatenate([first, *rest], 1), full, atol=1e-5)


def test_residual_projections_are_initialized_smaller_in_deeper_networks() -> None:
    net = gpt2(vocabulary_size=WORDS, length=LENGTH, width=64, depth=8, heads=4)
    built = nn.build(net, {"x": Spec((B, LENGTH), "int64")}, "float32")
    stds = {"attention.query": 0.02, "attention.output": 0.02 / 4, "feed_forward.output": 0.02 / 4}
    some = {name: built.parameters[f"blocks.layer3.{name}.weight"] for name in stds}
    drawing = nn.initial_values(some, dict.fromkeys(some, 5))
    assert drawing.outputs.keys() == stds.keys()
    for name, node in drawing.outputs.items():
        assert evaluate(node, {KEY: key_of(1)}).std() == pytest.approx(stds[name], rel=0.1)


def test_it_learns_to_repeat_and_is_saved(tmp_path: Path) -> None:
    words = (np.arange(12) + np.arange(32)[:, None]) % 4
    net = gpt2(vocabulary_size=4, length=11, width=16, depth=1, heads=2, dropout=0.0)
    model = cr.Model(net, loss="cross_entropy", optimizer=cr.Adam(0.01))
    model.fit(words[:, :-1], words[:, 1:], epochs=40, batch_size=16, seed=0, verbose=False)
    assert (np.asarray(model(words[:, :-1])).argmax(-1) == words[:, 1:]).all()
    model.save(tmp_path / "gpt.safetensors")
    again = cr.load(tmp_path / "gpt.safetensors")
    np.testing.assert_array_equal(again(words[:, :-1]), model(words[:, :-1]))
    assert nn.net_from_record(json.loads(json.dumps(nn.net_to_record(net)))) == net


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E101", lambda: gpt2("tiny")),
        ("E101", lambda: gpt2(layers=3)),  # pyright: ignore[reportCallIssue]
        ("E102", lambda: gpt2(depth=0)),
        ("E102", lambda: gpt2(vocabulary_size=0)),
        ("E102", lambda: gpt2(length=2.5)),  # pyright: ignore[reportArgumentType]
        ("E102", lambda: gpt2(dropout=1.0)),
        ("E221", lambda: gpt2(heads=7)),
    ],
)
def test_invalid_arguments_are_refused(code: str, make: Callable[[], nn.Layer]) -> None:
    with pytest.raises(ChainruleError) as error:
        make()
    assert error.value.code == code


def test_a_text_beyond_the_context_is_refused() -> None:
    with pytest.raises(ChainruleError, match="at most 12 places") as error:
        nn.build(small(), {"x": Spec((B, LENGTH + 1), "int64")}, "float32")
    assert error.value.code == "E224"


def test_a_word_outside_the_vocabulary_is_refused_with_its_position() -> None:
    model = cr.Model(small(), loss="cross_entropy")
    words = TEXTS.copy()
    words[1, 2] = WORDS
    with pytest.raises(ChainruleError, match='Embedding "words"') as error:
        model.fit(words[:, :-1], words[:, 1:] % WORDS, epochs=1, verbose=False)
    assert error.value.code == "E211"
