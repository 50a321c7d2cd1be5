"""Random models of the transformers library, written to a folder and loaded from it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr

WORDS, LENGTH, BATCH = 101, 32, 3
_SIZES: dict[str, dict[str, Any]] = {
    "GPT2": {
        "vocab_size": WORDS,
        "n_positions": LENGTH,
        "n_embd": 24,
        "n_layer": 2,
        "n_head": 3,
        "bos_token_id": 0,
        "eos_token_id": 0,
    },
    "Bert": {
        "vocab_size": WORDS,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 40,
        "max_position_embeddings": LENGTH,
    },
    "ViT": {
        "image_size": 16,
        "patch_size": 4,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 40,
    },
}


@dataclass
class Case:
    """A model of the library.

    Args:
        architecture: its class.
        settings: of its configuration, other than the sizes.
        head: the argument of ``cr.load_transformers``.
        read: the output to compare.
    """

    architecture: str
    settings: dict[str, Any]
    head: str | None = None
    read: Callable[[Any], Any] = lambda outputs: outputs.logits

    def __str__(self) -> str:
        words = [self.architecture, *([f"head={self.head!r}"] if self.head else [])]
        return ", ".join([*words, *(f"{key}={value!r}" for key, value in self.settings.items())])


def cases() -> Iterator[Case]:
    """All architectures, with the settings that change what is computed."""
    first: Any = lambda outputs: outputs[0]  # noqa: E731
    pooled: Any = lambda outputs: outputs[1]  # noqa: E731
    for settings in ({}, {"activation_function": "relu"}, {"n_inner": 50, "layer_norm_epsilon": 1e-3}):
        yield Case("GPT2LMHeadModel", settings)
    yield Case("GPT2LMHeadModel", {"tie_word_embeddings": False})
    yield Case("GPT2LMHeadModel", {"resid_pdrop": 0.0})
    yield Case("GPT2Model", {}, read=first)
    yield Case("BertModel", {}, read=first)
    yield Case("BertModel", {}, "pooled", pooled)
    yield Case("BertModel", {"hidden_act": "silu", "layer_norm_eps": 1e-3}, read=first)
    yield Case("BertForMaskedLM", {})
    yield Case("BertForSequenceClassification", {"num_labels": 3})
    yield Case("BertForSequenceClassification", {"num_labels": 1})
    yield Case("BertForTokenClassification", {"num_labels": 5, "hidden_dropout_prob": 0.0})
    yield Case("BertForQuestionAnswering", {}, read=_spans)
    yield Case("BertForPreTraining", {}, read=lambda outputs: outputs.hidden_states[-1])
    yield Case("ViTModel", {}, read=first)
    yield Case("ViTModel", {"patch_size": 8}, "pooled", pooled)
    yield Case("ViTForImageClassification", {"num_labels": 4})
    yield Case("ViTForImageClassification", {"num_labels": 4, "num_channels": 1, "hidden_act": "relu"})


def _spans(outputs: Any) -> Any:
    import torch  # noqa: PLC0415

    return torch.stack([outputs.start_logits, outputs.end_logits], -1)


def random_model(case: Case, seed: int = 0) -> Any:
    """The model of a case with random weights, also where they start at 0 or 1."""
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    name = next(name for name in _SIZES if case.architecture.startswith(name))
    config = getattr(transformers, f"{name}Config")(**{**_SIZES[name], **case.settings})
    config.output_hidden_states = "PreTraining" in case.architecture
    torch.manual_seed(seed)
    model = getattr(transformers, case.architecture)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


def difference(case: Case, seed: int = 0, shards: str = "5GB") -> tuple[float, cr.Model, Any]:
    """The largest difference of an output, as a share of the largest value or 1, with both models."""
    import torch  # noqa: PLC0415

    theirs = random_model(case, seed)
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder, max_shard_size=shards)
        assert (Path(folder) / "model.safetensors.index.json").exists() == (shards != "5GB")
        ours = cr.load_transformers(folder, head=case.head)  # pyright: ignore[reportArgumentType]
    rng = np.random.default_rng(seed)
    if case.architecture.startswith("ViT"):
        side, channels = theirs.config.image_size, theirs.config.num_channels
        x = rng.normal(size=(BATCH, side, side, channels)).astype(np.float32)
        tensor = torch.from_numpy(x).permute(0, 3, 1, 2)
    else:
        x = rng.integers(1, WORDS, (BATCH, 9))
        tensor = torch.from_numpy(x)
    with torch.no_grad():
        expected = case.read(theirs(tensor)).numpy()
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(np.asarray(ours(x)) - expected).max()) / scale, ours, theirs
