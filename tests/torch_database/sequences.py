"""Recurrent layers, attention and the blocks of a Transformer, with PyTorch's weights under our names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch.nn import functional

from chainrule import nn
from chainrule.graph import Node, constant
from chainrule.ops import functional as F
from torch_database.layer_calls import layered
from torch_database.oracle import UnsupportedError, move, numbers

State = Mapping[str, Node]
Module = Callable[..., Any]
NAMES = ("query", "key", "value")


def _recurrent_parameters(gru: bool, state: State, suffix: str) -> dict[str, Node]:
    """The weights of one direction of one layer; PyTorch has two biases where one is enough."""
    weights = {"weight": state[f"weight_ih{suffix}"], "recurrent": state[f"weight_hh{suffix}"]}
    if f"bias_ih{suffix}" not in state:
        return weights
    outer, inner = state[f"bias_ih{suffix}"], state[f"bias_hh{suffix}"]
    if not gru:
        return {**weights, "bias": outer + inner}
    gates = 2 * int(outer.shape[0]) // 3
    bias = F.concatenate([outer[:gates] + inner[:gates], outer[gates:]], 0)
    return {**weights, "bias": bias, "recurrent_bias": inner[gates:]}


def _layer(kind: Any, module: Any, reverse: bool, returns: str) -> nn.Layer:
    options = {} if kind is not nn.RNN else {"activation": module.nonlinearity}
    return kind(module.hidden_size, returns, reverse, bias=module.bias, **options)


def recurrent(kind: Any, states: tuple[str, ...]) -> Module:
    """A stack of recurrent layers, bidirectional on request."""

    def apply(module: Any, state: State, x: Node, first: Any = None) -> list[Node]:
        if module.proj_size:
            raise UnsupportedError("proj_size")
        before = () if first is None else first if isinstance(first, tuple) else (first,)
        initial = dict(zip(states, before, strict=False))
        single = x.rank == 2
        x = x[None] if single else x if module.batch_first else move(x, 0, 1)
        ends: dict[str, list[Node]] = {name: [] for name in states}
        directions = 2 if module.bidirectional else 1
        for i in range(module.num_layers):
            outputs = []
            for reverse in range(directions):
                begin = {name: _row(node, i * directions + reverse, single) for name, node in initial.items()}
                weights = _recurrent_parameters(kind is nn.GRU, state, f"_l{i}{'_reverse' * reverse}")
                layer = _layer(kind, module, bool(reverse), "all")
                read = layered(layer, {"sequence": x, **begin}, **weights)
                outputs.append(read["sequence"])
                for name in states:
                    ends[name].append(read[name][0] if single else read[name])
            x = F.concatenate(outputs, -1)
        y = x[0] if single else x if module.batch_first else move(x, 0, 1)
        return [y, *(F.stack(values, 0) for values in ends.values())]

    return apply


def _row(state: Node, row: int, single: bool) -> Node:
    return state[row][None] if single else state[row]


def cell(kind: Any, states: tuple[str, ...]) -> Module:
    """One step: a sequence of one time step."""

    def apply(module: Any, state: State, x: Node, first: Any = None) -> list[Node]:
        before = () if first is None else first if isinstance(first, tuple) else (first,)
        single = x.rank == 1
        begin = {n: s[None] if single else s for n, s in zip(states, before, strict=False)}
        x = x[None] if single else x
        weights = _recurrent_parameters(kind is nn.GRU, state, "")
        read = layered(_layer(kind, module, False, "all"), {"sequence": x[:, None], **begin}, **weights)
        return [read[name][0] if single else read[name] for name in states]

    return apply


def _projections(state: State, path: str, name: str) -> dict[str, Node]:
    """Weights of an attention; PyTorch has those of queries, keys and values in one array."""
    weights = {}
    fused = {"weight": state.get(f"{path}in_proj_weight"), "bias": state.get(f"{path}in_proj_bias")}
    for kind, node in fused.items():
        if node is not None:
            third = int(node.shape[0]) // 3
            weights |= {
                f"{name}{part}.{kind}": node[i * third : (i + 1) * third] for i, part in enumerate(NAMES)
            }
    for kind in ("weight", "bias"):
        if f"{path}out_proj.{kind}" in state:
            weights[f"{name}output.{kind}"] = state[f"{path}out_proj.{kind}"]
    return weights


def _mask(attention_mask: Node | None, padding: Node | None, heads: int, batch: int) -> dict[str, Node]:
    """True at valid positions, (B, H or 1, Tq or 1, Tk); PyTorch's masks are true at the others."""
    if attention_mask is None and padding is None:
        return {}
    seen = np.ones((1, 1, 1, 1), bool)
    for mask in (attention_mask, padding):
        if mask is not None and numbers(mask).dtype != bool:
            raise UnsupportedError("mask that is added")
    if attention_mask is not None:
        table = numbers(attention_mask)
        seen = seen & ~(table.reshape(batch, heads, *table.shape[1:]) if table.ndim == 3 else table)
    if padding is not None:
        seen = seen & ~np.atleast_2d(numbers(padding))[:, None, None]
    if not seen.any(-1).all():
        raise UnsupportedError("every place masked")
    queries = seen.shape[2] if seen.shape[2] > 1 else seen.shape[3]
    mask = np.broadcast_to(seen, (batch, heads, queries, seen.shape[3]))
    return {"mask": constant(np.ascontiguousarray(mask))}


def attention(
    module: Any,
    state: State,
    *inputs: Node,
    key_padding_mask: Node | None = None,
    attn_mask: Node | None = None,
    need_weights: bool = False,
) -> Node:
    if module.bias_k is not None or module.add_zero_attn:
        raise UnsupportedError("add_bias_kv" if module.bias_k is not None else "add_zero_attn")
    if "in_proj_weight" not in state:
        raise UnsupportedError("kdim")
    single = inputs[0].rank == 2
    parts = [_batched(v, single, module.batch_first) for v in inputs]  # query, key, value
    mask = _mask(attn_mask, key_padding_mask, module.num_heads, int(parts[0].shape[0]))
    weights = {name.replace(".", "__"): node for name, node in _projections(state, "", "").items()}
    layer = nn.MultiHeadAttention(module.num_heads, bias="in_proj_bias" in state)
    y = layered(layer, {**dict(zip(NAMES, parts, strict=True)), **mask}, **weights)
    return _unbatched(y, single, module.batch_first)


def _batched(x: Node, single: bool, batch_first: bool) -> Node:
    return x[None] if single else x if batch_first else move(x, 0, 1)


def _unbatched(y: Node, single: bool, batch_first: bool) -> Node:
    return y[0] if single else y if batch_first else move(y, 0, 1)


def _block(module: Any, state: State, path: str) -> tuple[dict[str, Any], dict[str, Node]]:
    """The settings of a block and its weights under our names, with ``__`` for a point."""
    activation = {functional.relu: "relu", functional.gelu: "gelu"}.get(module.activation)
    if activation is None:
        raise UnsupportedError("custom activation")
    bias = f"{path}linear1.bias" in state
    settings = {
        "heads": module.self_attn.num_heads,
        "units": module.linear1.out_features,
        "activation": activation,
        "dropout": 0.0,
        "norm_first": module.norm_first,
        "bias": bias,
        "norm": nn.LayerNorm(epsilon=module.norm1.eps, shift=bias),
    }
    weights = _projections(state, f"{path}self_attn.", "attention.")
    norms = ["attention", "feed_forward"]
    if hasattr(module, "multihead_attn"):
        norms.insert(1, "memory_attention")
        weights |= _projections(state, f"{path}multihead_attn.", "memory_attention.")
    for i, norm in enumerate(norms, 1):
        weights |= _norm(state, f"{path}norm{i}.", f"{norm}_norm.")
    for i, part in enumerate(("hidden", "output"), 1):
        for kind in ("weight", "bias"):
            if f"{path}linear{i}.{kind}" in state:
                weights[f"feed_forward.{part}.{kind}"] = state[f"{path}linear{i}.{kind}"]
    return settings, {name.replace(".", "__"): node for name, node in weights.items()}


def _norm(state: State, path: str, name: str) -> dict[str, Node]:
    kinds = {"scale": "weight", "shift": "bias"}
    return {f"{name}{ours}": state[path + theirs] for ours, theirs in kinds.items() if path + theirs in state}


def _encode(module: Any, state: State, path: str, x: Node, mask: dict[str, Node]) -> Node:
    settings, weights = _block(module, state, path)
    return layered(nn.TransformerEncoderLayer(**settings), {"sequence": x, **mask}, **weights)


def encoder_layer(
    module: Any, state: State, x: Node, src_mask: Any = None, src_key_padding_mask: Any = None
) -> Node:
    single, order = x.rank == 2, module.self_attn.batch_first
    x = _batched(x, single, order)
    mask = _mask(src_mask, src_key_padding_mask, module.self_attn.num_heads, int(x.shape[0]))
    return _unbatched(_encode(module, state, "", x, mask), single, order)


def encoder(module: Any, state: State, x: Node, mask: Any = None, src_key_padding_mask: Any = None) -> Node:
    heads = module.layers[0].self_attn
    single, order = x.rank == 2, heads.batch_first
    x = _batched(x, single, order)
    seen = _mask(mask, src_key_padding_mask, heads.num_heads, int(x.shape[0]))
    return _unbatched(_encoded(module, state, "", x, seen), single, order)


def _encoded(module: Any, state: State, path: str, x: Node, mask: dict[str, Node]) -> Node:
    for i, layer in enumerate(module.layers):
        x = _encode(layer, state, f"{path}layers.{i}.", x, mask)
    return _final_norm(module, state, path, x)


def _final_norm(module: Any, state: State, path: str, x: Node) -> Node:
    """The normalization after the last block."""
    if module.norm is None:
        return x
    weights = _norm(state, f"{path}norm.", "")
    return layered(nn.LayerNorm(epsilon=module.norm.eps, shift="shift" in weights), x, **weights)


def _decode(module: Any, state: State, path: str, x: Node, memory: Node, masks: dict[str, Node]) -> Node:
    settings, weights = _block(module, state, path)
    layer = nn.TransformerDecoderLayer(**settings, causal=False)
    return layered(layer, {"target": x, "memory": memory, **masks}, **weights)


def _masks(heads: int, batch: int, target: tuple[Any, Any], memory: tuple[Any, Any]) -> dict[str, Node]:
    masks = {"target_mask": _mask(*target, heads, batch), "memory_mask": _mask(*memory, heads, batch)}
    return {name: mask["mask"] for name, mask in masks.items() if mask}


def decoder_layer(module: Any, state: State, x: Node, memory: Node, **masks: Any) -> Node:
    single, order = x.rank == 2, module.self_attn.batch_first
    x, memory = _batched(x, single, order), _batched(memory, single, order)
    pairs = [(masks.get(f"{name}_mask"), masks.get(f"{name}_key_padding_mask")) for name in ("tgt", "memory")]
    ours = _masks(module.self_attn.num_heads, int(x.shape[0]), *pairs)
    return _unbatched(_decode(module, state, "", x, memory, ours), single, order)


def transformer(module: Any, state: State, source: Node, target: Node, **masks: Any) -> Node:
    single, order = source.rank == 2, module.batch_first
    source, x = _batched(source, single, order), _batched(target, single, order)
    heads, batch = module.nhead, int(x.shape[0])
    own, other = ((masks.get(f"{n}_mask"), masks.get(f"{n}_key_padding_mask")) for n in ("src", "tgt"))
    seen = _mask(*own, heads, batch)
    memory = _encoded(module.encoder, state, "encoder.", source, seen)
    ours = _masks(heads, batch, other, (None, None))
    for i, layer in enumerate(module.decoder.layers):
        x = _decode(layer, state, f"decoder.layers.{i}.", x, memory, ours)
    return _unbatched(_final_norm(module.decoder, state, "decoder.", x), single, order)


def scaled_dot_product(
    query: Node,
    key: Node,
    value: Node,
    attn_mask: Node | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    **options: Any,
) -> Node:
    if options.get("dropout_p"):
        raise UnsupportedError("random")
    if attn_mask is not None and attn_mask.spec.is_float:
        raise UnsupportedError("mask that is added")
    if options.get("enable_gqa"):
        raise UnsupportedError("heads that are shared")
    if query.rank != key.rank:
        raise UnsupportedError("broadcasting")
    inputs = {"query": query, "key": key, "value": value}
    inputs |= {} if attn_mask is None else {"mask": attn_mask}
    return layered(nn.Attention(scale=scale, causal=is_causal), inputs)


SEQUENCE_OPERATIONS: dict[str, Callable[..., Any]] = {
    "nn.functional.scaled_dot_product_attention": scaled_dot_product
}
SEQUENCE_MODULES: dict[str, Module] = {
    "nn.RNN": recurrent(nn.RNN, ("hidden",)),
    "nn.GRU": recurrent(nn.GRU, ("hidden",)),
    "nn.LSTM": recurrent(nn.LSTM, ("hidden", "cell")),
    "nn.RNNCell": cell(nn.RNN, ("hidden",)),
    "nn.GRUCell": cell(nn.GRU, ("hidden",)),
    "nn.LSTMCell": cell(nn.LSTM, ("hidden", "cell")),
    "nn.MultiheadAttention": attention,
    "nn.TransformerEncoderLayer": encoder_layer,
    "nn.TransformerDecoderLayer": decoder_layer,
    "nn.TransformerEncoder": encoder,
    "nn.Transformer": transformer,
}
