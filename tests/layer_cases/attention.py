"""Attention with and without heads, positions, and the blocks of a Transformer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn as peer
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, dense

QUERY = {"query": (2, 4), "value": (3, 4)}
WIDE = {"query": (2, 4), "key": (3, 6), "value": (3, 2)}
READS = {"target": (2, 3), "memory": (2, 3)}


def _split(x: torch.Tensor, heads: int) -> torch.Tensor:
    """(B, T, H D) -> (B, H, T, D)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _rotated(x: torch.Tensor, pairs: str, base: float = 10_000.0) -> torch.Tensor:
    """Rotary positions by complex numbers, along the last axis but one."""
    half = x.shape[-1] // 2
    steps = torch.arange(x.shape[-2], dtype=torch.float64)
    angles = steps[:, None] / base ** (torch.arange(half, dtype=torch.float64) / half)
    turn = torch.polar(torch.ones_like(angles), angles).to(torch.complex(x, x).dtype)
    if pairs == "halves":
        y = torch.complex(x[..., :half], x[..., half:]) * turn
        return torch.cat([y.real, y.imag], -1)
    return torch.view_as_real(torch.complex(x[..., 0::2], x[..., 1::2]) * turn).flatten(-2)


def sinusoidal_positions(x: torch.Tensor) -> torch.Tensor:
    """The sinusoidal positions of the paper, computed element by element."""
    _, positions, channels = x.shape
    table = torch.zeros(positions, channels, dtype=x.dtype)
    for t in range(positions):
        for i in range(channels):
            angle = torch.tensor(t / 10_000 ** (2 * (i // 2) / channels), dtype=torch.float64)
            table[t, i] = torch.cos(angle) if i % 2 else torch.sin(angle)
    return table


def _heads(x: Any, p: P, heads: int, keys: int = 0, rotary: Any = (), **options: Any) -> torch.Tensor:
    """Attention with heads by PyTorch's scaled dot product; ``keys`` heads of keys, ``heads`` of queries."""
    x = x if isinstance(x, Mapping) else {"query": x, "value": x}
    query = _split(dense(x["query"], p, "query."), heads)
    key = _split(dense(x.get("key", x["value"]), p, "key."), keys or heads)
    value = _split(dense(x["value"], p, "value."), keys or heads)
    if rotary:
        query, key = _rotated(query, *rotary), _rotated(key, *rotary)
    attended = functional.scaled_dot_product_attention(query, key, value, enable_gqa=bool(keys), **options)
    return dense(attended.transpose(1, 2).flatten(2), p, "output.")


def _torch_heads(x: Any, p: P, heads: int) -> torch.Tensor:
    """PyTorch's multi-head attention, with a mask of the positions of the keys."""
    layer = peer.MultiheadAttention(4, heads, batch_first=True, dtype=x["query"].dtype)
    options = {"key_padding_mask": ~x["mask"], "need_weights": False}
    value = x["value"]
    return torch.func.functional_call(layer, _attention(p, ""), (x["query"], value, value), options)[0]


def _attention(p: P, name: str, to: str = "") -> P:
    """Our parameters of an attention under PyTorch's names."""
    return {
        f"{to}in_proj_weight": torch.cat([p[f"{name}{part}.weight"] for part in ("query", "key", "value")]),
        f"{to}in_proj_bias": torch.cat([p[f"{name}{part}.bias"] for part in ("query", "key", "value")]),
        f"{to}out_proj.weight": p[f"{name}output.weight"],
        f"{to}out_proj.bias": p[f"{name}output.bias"],
    }


def parts_of_block(p: P, name: str, to: str = "") -> P:
    """Our parameters of a block under PyTorch's names."""
    is_decoder = f"{name}memory_attention.query.weight" in p
    norms = ["attention", "memory_attention", "feed_forward"] if is_decoder else ["attention", "feed_forward"]
    state = _attention(p, f"{name}attention.", f"{to}self_attn.")
    if is_decoder:
        state |= _attention(p, f"{name}memory_attention.", f"{to}multihead_attn.")
    for i, norm in enumerate(norms, 1):
        state[f"{to}norm{i}.weight"] = p[f"{name}{norm}_norm.scale"]
        state[f"{to}norm{i}.bias"] = p[f"{name}{norm}_norm.shift"]
    for i, part in enumerate(("hidden", "output"), 1):
        for kind in ("weight", "bias"):
            state[f"{to}linear{i}.{kind}"] = p[f"{name}feed_forward.{part}.{kind}"]
    return state


def _norm(p: P, name: str, to: str) -> P:
    return {f"{to}weight": p[f"{name}scale"], f"{to}bias": p[f"{name}shift"]}


def _stack(p: P, name: str, to: str) -> P:
    """Our parameters of one block and a normalization after it, under PyTorch's names."""
    return {**_norm(p, f"{name}norm.", f"{to}norm."), **parts_of_block(p, f"{name}layer1.", f"{to}layers.0.")}


def block_of(x: Any, p: P, causal: bool = False, **options: Any) -> torch.Tensor:
    x = x if isinstance(x, Mapping) else {"sequence": x}
    sequence = x["sequence"]
    layer = peer.TransformerEncoderLayer(3, 3, 2, 0.0, batch_first=True, dtype=sequence.dtype, **options)
    future = torch.ones(sequence.shape[1], sequence.shape[1]).triu(1).bool() if causal else None
    padding = ~x["mask"] if "mask" in x else None
    options = {"src_mask": future, "src_key_padding_mask": padding}
    return torch.func.functional_call(layer, parts_of_block(p, ""), (sequence,), options)


def _decoder(x: Any, p: P) -> torch.Tensor:
    target = x["target"]
    layer = peer.TransformerDecoderLayer(3, 3, 2, 0.0, batch_first=True, dtype=target.dtype)
    future = torch.ones(target.shape[1], target.shape[1]).triu(1).bool()
    options = {"tgt_mask": future, "memory_key_padding_mask": ~x["memory_mask"]}
    return torch.func.functional_call(layer, parts_of_block(p, ""), (target, x["memory"]), options)


def transformer_of(x: Any, p: P) -> torch.Tensor:
    """PyTorch's Transformer."""
    dtype = x["target"].dtype
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns that it does not use its fast path
        net = peer.Transformer(3, 3, 1, 1, 2, 0.0, batch_first=True, norm_first=True, dtype=dtype)
    future = torch.ones(x["target"].shape[1], x["target"].shape[1]).triu(1).bool()
    padding = ~x["source_mask"]
    options = {"tgt_mask": future, "src_key_padding_mask": padding, "memory_key_padding_mask": padding}
    parameters = {**_stack(p, "encoder.", "encoder."), **_stack(p, "decoder.", "decoder.")}
    return torch.func.functional_call(net, parameters, (x["source"], x["target"]), options)


def _additive(x: Any, p: P, units: bool = False) -> torch.Tensor:
    query = dense(x["query"], p, "query.") if units else x["query"]
    key = dense(x["value"], p, "key.") if units else x["value"]
    hidden = torch.tanh(query[:, :, None] + key[:, None])
    scores = (hidden * p["scale"]).sum(-1) if "scale" in p else hidden.sum(-1)
    return torch.softmax(scores, -1) @ x["value"]


def _gated(x: torch.Tensor, p: P) -> torch.Tensor:
    return dense(functional.silu(dense(x, p, "hidden.")) * dense(x, p, "gate."), p, "output.")


def _alibi(x: torch.Tensor, p: P) -> torch.Tensor:
    """ALiBi with two causal heads: each step of distance subtracts 1/16 or 1/256 from a score."""
    steps = torch.arange(x.shape[1], dtype=x.dtype)
    away = steps[:, None] - steps
    bias = -away * torch.tensor([2.0**-4, 2.0**-8], dtype=x.dtype)[:, None, None]
    return _heads(x, p, 2, attn_mask=bias.masked_fill(away < 0, -torch.inf))


def _dot(x: Any, **options: Any) -> torch.Tensor:
    mask = x.get("mask")
    mask = mask if mask is None or mask.ndim == 3 else mask[:, None]
    key = x.get("key", x["value"])
    return functional.scaled_dot_product_attention(x["query"], key, x["value"], mask, **options)


ENCODER = nn.TransformerEncoderLayer(3, units=2, dropout=0.0, norm_first=True)
DECODER = nn.TransformerDecoderLayer(3, units=2, dropout=0.0, norm_first=True)

CASES: dict[str, Case] = {
    "attention": Case(
        nn.Attention(), {"query": (2, 3), "key": (4, 3), "value": (4, 2)}, lambda x, p: _dot(x)
    ),
    "self-attention, causal": Case(
        nn.Attention(causal=True),
        (3, 2),
        lambda x, p: functional.scaled_dot_product_attention(x, x, x, is_causal=True),
    ),
    "attention with a mask of positions": Case(
        nn.Attention(scale=1.0),
        {"query": (2, 3), "value": (4, 3), "mask": (4,)},
        lambda x, p: _dot(x, scale=1.0),
        masks=("mask",),
    ),
    "attention with a mask of pairs": Case(
        nn.Attention(scale="learned"),
        {"query": (2, 3), "value": (4, 3), "mask": (2, 4)},
        lambda x, p: _dot({**x, "query": x["query"] * p["scale"]}, scale=1.0),
        masks=("mask",),
    ),
    "attention with dropout": Case(
        nn.Attention(dropout=0.3), (3, 2), lambda x, p: functional.scaled_dot_product_attention(x, x, x)
    ),
    "additive attention": Case(nn.AdditiveAttention(), QUERY, _additive),
    "additive attention with projections": Case(
        nn.AdditiveAttention(units=3, scale=False), QUERY, lambda x, p: _additive(x, p, True)
    ),
    "multi-head": Case(nn.MultiHeadAttention(2, bias=False), (3, 4), lambda x, p: _heads(x, p, 2)),
    "multi-head as PyTorch's": Case(
        nn.MultiHeadAttention(2), {**QUERY, "mask": (3,)}, lambda x, p: _torch_heads(x, p, 2), masks=("mask",)
    ),
    "multi-head of other widths": Case(
        nn.MultiHeadAttention(
            2, units=6, value_units=4, bias=False, weight_initializer="he", penalty=nn.L1(0.1)
        ),
        WIDE,
        lambda x, p: _heads(x, p, 2),
    ),
    "multi-head, causal": Case(
        nn.MultiHeadAttention(2, causal=True), (3, 4), lambda x, p: _heads(x, p, 2, is_causal=True)
    ),
    "multi-head with a mask of heads": Case(
        nn.MultiHeadAttention(2),
        {**QUERY, "mask": (2, 2, 3)},
        lambda x, p: _heads(x, p, 2, attn_mask=x["mask"]),
        masks=("mask",),
    ),
    "multi-head, rotary": Case(
        nn.MultiHeadAttention(1, rotary=True), (3, 4), lambda x, p: _heads(x, p, 1, rotary=("halves",))
    ),
    "multi-head, ALiBi": Case(nn.MultiHeadAttention(2, causal=True, alibi=True), (3, 4), _alibi),
    "grouped queries": Case(
        nn.GroupedQueryAttention(4, groups=2, bias=False), (2, 4), lambda x, p: _heads(x, p, 4, 2)
    ),
    "multi-query": Case(
        nn.GroupedQueryAttention(2, rotary=nn.RotaryPosition(base=100.0, pairs="neighbors"), causal=True),
        (3, 4),
        lambda x, p: _heads(x, p, 2, 1, ("neighbors", 100.0), is_causal=True),
    ),
    "sinusoidal positions": Case(nn.SinusoidalPosition(), (3, 5), lambda x, p: x + sinusoidal_positions(x)),
    "learned positions": Case(
        nn.LearnedPosition(4, penalty=nn.L1(0.1)), (3, 2), lambda x, p: x + p["weight"][:3]
    ),
    "rotary halves": Case(nn.RotaryPosition(), (3, 4), lambda x, p: _rotated(x, "halves")),
    "rotary neighbors": Case(
        nn.RotaryPosition(base=50.0, pairs="neighbors"),
        (2, 3, 4),
        lambda x, p: _rotated(x, "neighbors", 50.0),
    ),
    "feed forward": Case(
        nn.FeedForward(3, activation="gelu"),
        (2, 2),
        lambda x, p: dense(functional.gelu(dense(x, p, "hidden.")), p, "output."),
    ),
    "feed forward, gated": Case(nn.FeedForward(3, activation="silu", gated=True, bias=False), (2, 2), _gated),
    "encoder block": Case(nn.TransformerEncoderLayer(3, units=2, dropout=0.0), (2, 3), block_of),
    "encoder block, norm first": Case(
        nn.TransformerEncoderLayer(3, units=2, activation="gelu", dropout=0.0, norm_first=True),
        {"sequence": (3, 3), "mask": (3,)},
        lambda x, p: block_of(x, p, activation="gelu", norm_first=True),
        masks=("mask",),
    ),
    "encoder block, causal": Case(
        nn.TransformerEncoderLayer(3, units=2, dropout=0.0, causal=True),
        (2, 3),
        lambda x, p: block_of(x, p, True),
    ),
    "encoder block with dropout": Case(nn.TransformerEncoderLayer(3, units=2), (2, 3), block_of),
    "decoder block": Case(
        nn.TransformerDecoderLayer(3, units=2, dropout=0.0),
        {**READS, "memory_mask": (2,)},
        _decoder,
        masks=("memory_mask",),
    ),
    "transformer": Case(
        nn.Transformer(
            nn.TransformerEncoder(ENCODER, 1, norm=nn.LayerNorm()),
            nn.TransformerDecoder(DECODER, 1, norm=nn.LayerNorm()),
        ),
        {"source": (2, 3), "target": (2, 3), "source_mask": (2,)},
        transformer_of,
        masks=("source_mask",),
    ),
    "einsum": Case(
        nn.EinsumDense("btc,chd->bthd", (None, 2, 3), bias_axes="hd", activation="tanh"),
        (3, 4),
        lambda x, p: torch.tanh(torch.einsum("btc,chd->bthd", x, p["weight"]) + p["bias"]),
    ),
    "einsum of any axes": Case(
        nn.EinsumDense("...c,cd->...d", 3, penalty=nn.L1(0.1)),
        (2, 4),
        lambda x, p: torch.einsum("...c,cd->...d", x, p["weight"]),
    ),
    "einsum with a bias of one axis": Case(
        nn.EinsumDense("bhtcu,hcd->bdht", (3, None, None), bias_axes="h", weight_initializer="he"),
        (2, 2, 3, 2),
        lambda x, p: torch.einsum("bhtcu,hcd->bdht", x, p["weight"]) + p["bias"][:, None],
    ),
}
