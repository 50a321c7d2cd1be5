"""Text encoders, translators, tied and scaled embeddings, patches, sequence pooling, hierarchical softmax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases import attention
from layer_cases.case import Case, P, conv, dense

ENCODED = {"sequence": (3,), "mask": (3,), "types": (3,)}
READ = {"sequence": (4, 2), "mask": (4,)}


def _rows(p: P, name: str, words: torch.Tensor) -> torch.Tensor:
    return functional.embedding(words, p[f"{name}.weight"])


def _norm(x: torch.Tensor, p: P, name: str) -> torch.Tensor:
    return functional.layer_norm(x, x.shape[-1:], p[f"{name}.scale"], p[f"{name}.shift"])


def _below(p: P, name: str) -> P:
    """The parameters of a part, by their paths inside it."""
    return {path.removeprefix(name): a for path, a in p.items() if path.startswith(name)}


def _encoder(x: Any, p: P) -> torch.Tensor:
    """The sum of three embeddings, PyTorch's encoder layer, then the head: a layer at the first position."""
    words = x["sequence"] if isinstance(x, Mapping) else x
    types = x["types"] if isinstance(x, Mapping) else words * 0
    mask = x["mask"] if isinstance(x, Mapping) else words != 1
    y = _rows(p, "words", words) + p["position.weight"][: words.shape[1]] + _rows(p, "types", types)
    y = attention.block_of({"sequence": _norm(y, p, "norm"), "mask": mask}, _below(p, "blocks."))
    if "head.dense1.weight" not in p:
        return y
    first = torch.argmax(mask.long(), 1)
    some = mask.any(1, keepdim=True)
    return torch.tanh(dense(y[torch.arange(len(y)), first] * some, p, "head.dense1."))


def _translated(x: Any, p: P) -> torch.Tensor:
    """PyTorch's Transformer between embeddings and logits."""
    own = "target_words" if "target_words.weight" in p else "words"
    positions = attention.sinusoidal_positions
    source, target = _rows(p, "words", x["source"]) * 2.0, _rows(p, own, x["target"]) * 2.0
    inputs = {"source": source + positions(source), "target": target + positions(target)}
    inputs["source_mask"] = x["source_mask"] if "source_mask" in x else x["source"] != 1
    y = attention.transformer_of(inputs, _below(p, "transformer."))
    return dense(y, p, "output.") if "output.weight" in p else y @ p["words.weight"].T


def _pooled(how: str) -> Any:
    def peer(x: Any, p: P) -> torch.Tensor:
        rows = []
        for row, mask in zip(x["sequence"], x["mask"], strict=True):
            valid = row[mask]
            rows.append(
                {"mean": valid.mean(0), "max": valid.amax(0), "first": valid[0], "last": valid[-1]}[how]
            )
        return torch.stack(rows)

    return peer


def _hierarchical(x: torch.Tensor, p: P) -> torch.Tensor:
    """The log-probabilities of PyTorch's module with these weights."""
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(6, 7, (2, 4), 2.0, "head.bias" in p, dtype=x.dtype)
    names = {"head.weight": "head.weight", "head.bias": "head.bias"}
    names |= {
        f"tail.{i}.{j}.weight": f"cluster{i + 1}.{side}.weight"
        for i in (0, 1)
        for j, side in enumerate(("narrow", "wide"))
    }
    state = {theirs: p[ours] for theirs, ours in names.items() if ours in p}
    state = {f"module.{name}": weight for name, weight in state.items()}
    rows = torch.func.functional_call(_LogProbabilities(module), state, (x.reshape(-1, 6),))
    return rows.reshape(*x.shape[:-1], 7)


class _LogProbabilities(torch.nn.Module):
    """A module whose forward pass is ``log_prob`` of another."""

    def __init__(self, module: torch.nn.AdaptiveLogSoftmaxWithLoss) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module.log_prob(x)


WORDS = nn.Embedding(4, 3, scale=2.0)
BLOCK = nn.TransformerEncoderLayer(3, units=2, dropout=0.0)
READER = nn.TextEncoder(
    nn.Embedding(4, 3),
    nn.LearnedPosition(4),
    BLOCK,
    types=nn.Embedding(4, 3),
    norm=nn.LayerNorm(),
    dropout=0.0,
    padding_index=1,
)
BODY = nn.Transformer(
    nn.TransformerEncoder(attention.ENCODER, 1, norm=nn.LayerNorm()),
    nn.TransformerDecoder(attention.DECODER, 1, norm=nn.LayerNorm()),
)
SINES = nn.SinusoidalPosition()
TEXTS = {"source": (2,), "target": (3,)}
HEAD = nn.Sequential(nn.SequencePool("first"), nn.Dense(2, "tanh"))


def _span_reader(x: Any, p: P) -> torch.Tensor:
    """Two gated convolutions; questions without a word align with nothing."""
    passage, question = x["passage"], x["question"]
    e, q = (_rows(p, "embedding", words) * (words != 0)[..., None] for words in (passage, question))
    exists = question != 0
    keys, queries = (torch.relu(dense(part, p, "align.")) for part in (q, e))
    scores = queries @ keys.mT / keys.shape[-1] ** 0.5
    weights = torch.softmax(scores.masked_fill(~exists[:, None], -1e30), -1) * exists.any(1)[:, None, None]
    convolved = torch.relu(conv(q, p, (1, 1), name="question.")) * exists[..., None]
    v = convolved.max(1).values
    both = torch.cat([e, weights @ q, x["features"].to(e.dtype)], -1)
    h = torch.relu(dense(both, p, "input.") + dense(v, p, "kind.")[:, None])
    for i, dilation in ((1, 1), (2, 2)):
        y = torch.relu(conv(_norm(h, p, f"norm{i}"), p, (dilation, dilation), 1, dilation, name=f"conv{i}."))
        h = h + 2 * torch.sigmoid(dense(v, p, f"gate{i}."))[:, None] * y
    h, never = _norm(h, p, "norm"), 30.0 * (passage == 0)[..., None]
    marks = (dense(h, p, "span.") - never).mT
    if "none.weight" not in p:
        return marks
    summary = torch.relu(dense(torch.cat([(h - never).max(1).values, v], -1), p, "summary."))
    return torch.cat([marks, dense(summary, p, "none.")[..., None]], -1)


CASES: dict[str, Case] = {
    "embedding, scaled": Case(
        nn.Embedding(5, 2, scale=1.5),
        (3,),
        lambda x, p: _rows({".weight": p["weight"]}, "", x) * 1.5,
        None,
        5,
    ),
    "unembedding": Case(
        nn.Sequential(nn.Embedding(5, 2), nn.Dense(2, "tanh"), nn.Unembedding()),
        (3,),
        lambda x, p: torch.tanh(dense(_rows(p, "embedding1", x), p, "dense1.")) @ p["embedding1.weight"].T,
        None,
        5,
    ),
    "class token": Case(
        nn.ClassToken(), (2, 3), lambda x, p: torch.cat([p["weight"].expand(x.shape[0], 1, -1), x], 1)
    ),
    "patches": Case(
        nn.PatchEmbedding(3, 2, image_size=4), (4, 4, 2), lambda x, p: conv(x, p, stride=2).flatten(1, 2)
    ),
    "pool by the mean": Case(nn.SequencePool(), (3, 2), lambda x, p: x.mean(1)),
    "pool by the maximum": Case(nn.SequencePool("max"), (3, 2), lambda x, p: x.amax(1)),
    "pool by the first position": Case(nn.SequencePool("first"), (3, 2), lambda x, p: x[:, 0]),
    "pool by the last position": Case(nn.SequencePool("last"), (3, 2), lambda x, p: x[:, -1]),
    **{
        f"pool by {how} with a mask": Case(nn.SequencePool(how), READ, _pooled(how), masks=("mask",))
        for how in ("mean", "max", "first", "last")
    },
    "text encoder": Case(replace(READER, head=HEAD), ENCODED, _encoder, None, 4, ("mask",)),
    "text encoder that computes its mask": Case(replace(READER, dropout=0.2), (3,), _encoder, None, 4),
    "translator": Case(
        nn.Translator(WORDS, SINES, BODY, nn.Unembedding("words"), dropout=0.0),
        {**TEXTS, "source_mask": (2,)},
        _translated,
        None,
        4,
        ("source_mask",),
    ),
    "translator of two vocabularies": Case(
        nn.Translator(WORDS, SINES, BODY, nn.Dense(5), target_words=WORDS, dropout=0.0, padding_index=1),
        TEXTS,
        _translated,
        None,
        4,
    ),
    "span reader": Case(
        nn.SpanReader(4, 3, embedding=2, convolutions=2),
        {"passage": (5,), "question": (3,), "features": (5, 2)},
        _span_reader,
        None,
        4,
    ),
    "span reader that may mark none": Case(
        nn.SpanReader(4, 3, embedding=2, convolutions=2, no_answer=True),
        {"passage": (5,), "question": (3,), "features": (5, 2)},
        _span_reader,
        None,
        4,
    ),
    "hierarchical softmax": Case(nn.AdaptiveLogSoftmax(7, (2, 4), div_value=2.0), (6,), _hierarchical),
    "hierarchical softmax of sequences": Case(
        nn.AdaptiveLogSoftmax(7, (2, 4), div_value=2.0, head_bias=True), (3, 6), _hierarchical
    ),
}
