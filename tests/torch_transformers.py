"""GPT-2 and BERT in PyTorch, written from their papers, with the parameter names of Hugging Face."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from chainrule import nn
from chainrule.engines import evaluate

State = Mapping[str, torch.Tensor]
CLOSE = {"float64": 1e-10, "float32": 1e-4}
ENGINES = {"float64": "reference", "float32": "native"}


def random_parameters(built: nn.Built, seed: int = 3) -> dict[str, np.ndarray]:
    """Random values for all parameters, scaled so that no layer dominates the next."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for path, parameter in built.parameters.items():
        shape = parameter.spec.at({}).shape
        divisor = math.sqrt(shape[-1]) if len(shape) > 1 else 3.0
        values = rng.normal(size=shape) / divisor + path.endswith("scale")
        arrays[path] = values.astype(parameter.spec.dtype)
    return arrays


def tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The arrays as tensors of PyTorch."""
    return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}


def agree(built: nn.Built, arrays: Mapping[str, np.ndarray], expected: torch.Tensor) -> None:
    """Fail unless the output of the network is PyTorch's; the dtype decides the engine."""
    dtype = built.output.dtype
    ours, theirs = evaluate(built.output, dict(arrays), ENGINES[dtype]), expected.detach().numpy()
    scale = max(1.0, float(np.abs(theirs).max()))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=CLOSE[dtype] * scale)


def _linear(x: torch.Tensor, state: State, name: str) -> torch.Tensor:
    return functional.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def _conv1d(x: torch.Tensor, state: State, name: str) -> torch.Tensor:
    """OpenAI's fully connected layer: its weights are (I, O)."""
    return x @ state[f"{name}.weight"] + state[f"{name}.bias"]


def _norm(x: torch.Tensor, state: State, name: str, epsilon: float) -> torch.Tensor:
    return functional.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], epsilon)


def _heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """(B, T, H D) -> (B, H, T, D)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int, **more: Any
) -> torch.Tensor:
    q, k, v = (_heads(x, heads) for x in (query, key, value))
    return functional.scaled_dot_product_attention(q, k, v, **more).transpose(1, 2).flatten(2)


def gpt2(state: State, words: torch.Tensor, depth: int, heads: int) -> torch.Tensor:
    """The scores of GPT2LMHeadModel: (B, T) -> (B, T, vocabulary)."""
    x = state["wte.weight"][words] + state["wpe.weight"][: words.shape[1]]
    for i in range(depth):
        block = f"h.{i}"
        normalized = _norm(x, state, f"{block}.ln_1", 1e-5)
        parts = _conv1d(normalized, state, f"{block}.attn.c_attn").chunk(3, -1)
        x = x + _conv1d(_attention(*parts, heads, is_causal=True), state, f"{block}.attn.c_proj")
        hidden = _conv1d(_norm(x, state, f"{block}.ln_2", 1e-5), state, f"{block}.mlp.c_fc")
        x = x + _conv1d(functional.gelu(hidden, approximate="tanh"), state, f"{block}.mlp.c_proj")
    return _norm(x, state, "ln_f", 1e-5) @ state["wte.weight"].T


def gpt2_state(ours: Mapping[str, np.ndarray], depth: int) -> State:
    """Our parameters of a GPT-2 under Hugging Face's names."""
    state = {
        "wte.weight": ours["words.weight"],
        "wpe.weight": ours["position.weight"],
        "ln_f.weight": ours["blocks.norm.scale"],
        "ln_f.bias": ours["blocks.norm.shift"],
    }
    for i in range(depth):
        block, to = f"blocks.layer{i + 1}", f"h.{i}"
        for norm, part in (("ln_1", "attention_norm"), ("ln_2", "feed_forward_norm")):
            state[f"{to}.{norm}.weight"] = ours[f"{block}.{part}.scale"]
            state[f"{to}.{norm}.bias"] = ours[f"{block}.{part}.shift"]
        fused = [f"{block}.attention.{part}" for part in ("query", "key", "value")]
        state[f"{to}.attn.c_attn.weight"] = np.concatenate([ours[f"{part}.weight"].T for part in fused], 1)
        state[f"{to}.attn.c_attn.bias"] = np.concatenate([ours[f"{part}.bias"] for part in fused])
        rest = ("attention.output", "feed_forward.hidden", "feed_forward.output")
        for theirs, part in zip(("attn.c_proj", "mlp.c_fc", "mlp.c_proj"), rest, strict=True):
            state[f"{to}.{theirs}.weight"] = ours[f"{block}.{part}.weight"].T
            state[f"{to}.{theirs}.bias"] = ours[f"{block}.{part}.bias"]
    return tensors(state)


def bert(
    state: State, words: torch.Tensor, types: torch.Tensor, mask: torch.Tensor, heads: int
) -> torch.Tensor:
    """The last hidden state of BertModel: (B, T) -> (B, T, C)."""
    x = state["embeddings.word_embeddings.weight"][words]
    x = x + state["embeddings.position_embeddings.weight"][: words.shape[1]]
    x = x + state["embeddings.token_type_embeddings.weight"][types]
    x = _norm(x, state, "embeddings.LayerNorm", 1e-12)
    depth = sum(name.endswith("attention.self.query.weight") for name in state)
    for i in range(depth):
        block = f"encoder.layer.{i}"
        parts = [_linear(x, state, f"{block}.attention.self.{part}") for part in ("query", "key", "value")]
        attended = _linear(
            _attention(*parts, heads, attn_mask=mask[:, None, None]), state, f"{block}.attention.output.dense"
        )
        x = _norm(x + attended, state, f"{block}.attention.output.LayerNorm", 1e-12)
        hidden = functional.gelu(_linear(x, state, f"{block}.intermediate.dense"))
        y = _linear(hidden, state, f"{block}.output.dense")
        x = _norm(x + y, state, f"{block}.output.LayerNorm", 1e-12)
    return x


BERT_NAMES = {
    "embeddings.word_embeddings": "words",
    "embeddings.position_embeddings": "position",
    "embeddings.token_type_embeddings": "types",
    "embeddings.LayerNorm": "norm",
    "pooler.dense": "head.pooler",
    "encoder.layer.": "blocks.layer",
    "attention.self.": "attention.",
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "feed_forward.hidden",
    "output.dense": "feed_forward.output",
    "output.LayerNorm": "feed_forward_norm",
}


def bert_name(theirs: str) -> str:
    """Our path of a parameter, from Hugging Face's name."""
    name = theirs
    for old, new in BERT_NAMES.items():
        name = name.replace(old, new)
    if "norm." in name:
        name = name.replace("weight", "scale").replace("bias", "shift")
    head, layer, rest = name.partition("blocks.layer")
    if not layer:
        return name
    number, _, part = rest.partition(".")
    return f"{head}{layer}{int(number) + 1}.{part}"
