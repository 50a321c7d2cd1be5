"""The Transformer of 2017: parameter count, agreement with PyTorch, padding, incremental decoding."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError
from chainrule.generation.cached_decoder import Decoder
from chainrule.models import MODELS, transformer
from chainrule.nn.layers.position_encoding import sinusoids
from chainrule.symbolic_shape import Size, Spec
from layer_cases.attention import parts_of_block
from torch_transformers import CLOSE, agree, random_parameters, tensors

B = Size.symbol("B")
WORDS, WIDTH, HEADS, DEPTH, UNITS = 17, 12, 3, 2, 20
RNG = np.random.default_rng(8)
SOURCE, TARGET = RNG.integers(1, WORDS, (3, 7)), RNG.integers(1, WORDS, (3, 5))
SOURCE[0, 4:] = SOURCE[1, 6:] = 0
SPECS = {"source": Spec((B, 7), "int64"), "target": Spec((B, 5), "int64")}
TEXTS = {"source": SOURCE, "target": TARGET}


def small(**more: Any) -> nn.Translator:
    """A Transformer of two blocks each way."""
    return transformer(vocabulary_size=WORDS, width=WIDTH, depth=DEPTH, heads=HEADS, units=UNITS, **more)


def peer(parameters: dict[str, torch.Tensor], dtype: torch.dtype, target: str = "words") -> torch.Tensor:
    """PyTorch's Transformer without its final norms, with the embeddings and positions of the paper."""
    form = WIDTH, HEADS, UNITS, 0.0
    reads = torch.nn.TransformerEncoderLayer(*form, batch_first=True, dtype=dtype)
    writes = torch.nn.TransformerDecoderLayer(*form, batch_first=True, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about a fast path that it does not take
        net = torch.nn.Transformer(
            WIDTH,
            HEADS,
            batch_first=True,
            dtype=dtype,
            custom_encoder=torch.nn.TransformerEncoder(reads, DEPTH),
            custom_decoder=torch.nn.TransformerDecoder(writes, DEPTH),
        )
    known = {}
    for stack in ("encoder", "decoder"):
        for i in range(DEPTH):
            known |= parts_of_block(parameters, f"transformer.{stack}.layer{i + 1}.", f"{stack}.layers.{i}.")
    read, text = torch.from_numpy(SOURCE), torch.from_numpy(TARGET)
    vectors = [
        parameters[f"{table}.weight"][words] * math.sqrt(WIDTH)
        + torch.tensor(sinusoids(words.shape[1], WIDTH), dtype=dtype)
        for table, words in (("words", read), (target, text))
    ]
    inputs = {
        "tgt_mask": torch.ones(5, 5).triu(1).bool(),
        "src_key_padding_mask": read == 0,
        "memory_key_padding_mask": read == 0,
    }
    return torch.func.functional_call(net, known, tuple(vectors), inputs) @ parameters[f"{target}.weight"].T


def test_the_parameter_count_agrees_with_the_page() -> None:
    attention, net, norm = 4 * (512 * 512 + 512), 512 * 2048 + 2048 + 2048 * 512 + 512, 2 * 512
    encoder, decoder = 6 * (attention + net + 2 * norm), 6 * (2 * attention + net + 3 * norm)
    assert 37_000 * 512 + encoder + decoder == 63_082_496 == MODELS["transformer"].count()


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("own", [None, WORDS])
def test_outputs_agree_with_pytorch(dtype: str, own: int | None) -> None:
    built = nn.build(small(target_vocabulary_size=own), SPECS, dtype)
    parameters = random_parameters(built)
    table = "words" if own is None else "target_words"
    agree(built, {**TEXTS, **parameters}, peer(tensors(parameters), getattr(torch, dtype), table))


def test_a_mask_replaces_the_padding_index() -> None:
    built = nn.build(small(), SPECS, "float64")
    other = nn.build(small(padding=None), {**SPECS, "source_mask": Spec((B, 7), "bool")}, "float64")
    parameters = random_parameters(built)
    actual = evaluate(built.output, {**TEXTS, **parameters})
    np.testing.assert_array_equal(
        evaluate(other.output, {**TEXTS, "source_mask": SOURCE != 0, **parameters}), actual
    )
    plain = nn.build(small(padding=None), SPECS, "float64")
    assert not np.allclose(evaluate(plain.output, {**TEXTS, **parameters}), actual)


@pytest.mark.parametrize("norm_first", [False, True])
def test_incremental_decoding_agrees_with_the_full_text(norm_first: bool) -> None:
    net = small(norm_first=norm_first)
    built = nn.build(net, SPECS, "float32")
    parameters = random_parameters(built)
    full = evaluate(built.output, {**TEXTS, **parameters}, "reference")
    decoder = Decoder(net, parameters, SPECS, 6)
    cache = decoder.begin(3, source=SOURCE)
    actual = np.concatenate([decoder.feed(TARGET[:, i : i + 1], cache) for i in range(5)], 1)
    np.testing.assert_allclose(actual, full, atol=1e-5)


@pytest.mark.long
def test_it_learns_to_reverse_a_sentence() -> None:
    words = np.random.default_rng(2).integers(2, 6, (192, 3))
    started = np.concatenate([np.ones((192, 1), words.dtype), words[:, ::-1]], 1)  # 1 begins every sentence
    net = transformer(vocabulary_size=6, width=32, depth=1, heads=4, dropout=0.0, norm_first=True)
    model = cr.Model(net, loss="cross_entropy", optimizer=cr.Adam(0.005))
    inputs = {"source": words, "target": started[:, :-1]}
    model.fit(inputs, started[:, 1:], epochs=30, batch_size=16, seed=0, verbose=False)
    assert (np.asarray(model(inputs)).argmax(-1) == started[:, 1:]).mean() > 0.95


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E101", lambda: transformer("huge")),
        ("E101", lambda: transformer(layers=3)),  # pyright: ignore[reportCallIssue]
        ("E102", lambda: transformer(vocabulary_size=0)),
        ("E102", lambda: transformer(target_vocabulary_size=0)),
        ("E102", lambda: transformer(padding=-1)),
        ("E102", lambda: transformer(units=0)),
        ("E221", lambda: transformer(width=100)),
    ],
)
def test_invalid_arguments_are_refused(code: str, make: Callable[[], nn.Layer]) -> None:
    with pytest.raises(ChainruleError) as error:
        make()
    assert error.value.code == code


def test_a_word_outside_the_vocabulary_is_refused_in_either_text() -> None:
    model = cr.Model(small(), loss="cross_entropy")
    for name in ("source", "target"):
        words = {**TEXTS, name: TEXTS[name].copy()}
        words[name][1, 2] = WORDS
        with pytest.raises(ChainruleError, match='Embedding "words"') as error:
            model.fit(words, TARGET, epochs=1, verbose=False)
        assert error.value.code == "E211"
