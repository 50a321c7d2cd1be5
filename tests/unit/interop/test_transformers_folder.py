"""Folders of the transformers library: outputs, generation, training, and folders that are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import chainrule as cr
from case_loops import loop_over
from chainrule import nn
from chainrule.errors import FileError
from chainrule.symbolic_shape import Size, Spec
from torch_transformers import BERT_NAMES, gpt2_state, random_parameters
from torch_transformers import bert as torch_bert
from torch_transformers import gpt2 as torch_gpt2

WORDS, LENGTH, WIDTH, DEPTH, HEADS = 23, 12, 12, 2, 3
GPT2 = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "vocab_size": WORDS,
    "n_positions": LENGTH,
    "n_embd": WIDTH,
    "n_layer": DEPTH,
    "n_head": HEADS,
    "n_inner": None,
    "activation_function": "gelu_new",
}
BERT = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "vocab_size": WORDS,
    "type_vocab_size": 2,
    "hidden_size": WIDTH,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": HEADS,
    "intermediate_size": 20,
    "max_position_embeddings": LENGTH,
    "hidden_dropout_prob": 0.0,
}
TEXTS = np.random.default_rng(1).integers(1, WORDS, (2, 9))


def saved_folder(
    folder: Path, config: Mapping[str, Any], state: Mapping[str, torch.Tensor], shards: int = 1
) -> Path:
    """A folder with a configuration and weights, possibly in several files."""
    (folder / "config.json").write_text(json.dumps(config))
    names = sorted(state)
    parts = [names[i::shards] for i in range(shards)]
    files = [f"part{i}.safetensors" if shards > 1 else "model.safetensors" for i in range(shards)]
    for file, part in zip(files, parts, strict=True):
        save_file({name: state[name].contiguous() for name in part}, folder / file)
    if shards > 1:
        places = {name: file for file, part in zip(files, parts, strict=True) for name in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return folder


def gpt2_weights() -> Mapping[str, torch.Tensor]:
    net = cr.models.gpt2(vocabulary_size=WORDS, length=LENGTH, width=WIDTH, depth=DEPTH, heads=HEADS)
    built = nn.build(net, {"x": Spec((Size.symbol("B"), LENGTH), "int64")}, "float32")
    return gpt2_state(random_parameters(built), DEPTH)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("before", ["", "transformer."])
def test_a_gpt2_is_loaded_and_generates(shards: int, before: str, tmp_path: Path) -> None:
    state = gpt2_weights()
    model = cr.load_transformers(
        saved_folder(tmp_path, GPT2, {before + n: t for n, t in state.items()}, shards)
    )
    expected = torch_gpt2(state, torch.from_numpy(TEXTS), DEPTH, HEADS).numpy()
    np.testing.assert_allclose(np.asarray(model(TEXTS)), expected, atol=1e-5)
    text = [5, 7]
    (sample,) = cr.generate(model.decoder, text, 6, greedy=True)
    for token in sample.tokens:
        scores = torch_gpt2(state, torch.tensor([text]), DEPTH, HEADS)[0, -1]
        assert token == int(scores.argmax())
        text.append(int(token))
    model.save(tmp_path / "own.safetensors")
    assert np.array_equal(np.asarray(cr.load(tmp_path / "own.safetensors")(TEXTS)), np.asarray(model(TEXTS)))


def bert_weights() -> dict[str, torch.Tensor]:
    """Random weights with the names of the library."""
    rng = np.random.default_rng(2)
    sizes = {"words": (WORDS, WIDTH), "position": (LENGTH, WIDTH), "types": (2, WIDTH), "norm": (WIDTH,)}
    shapes = {name: sizes[ours] for name, ours in BERT_NAMES.items() if ours in sizes}
    for i in range(DEPTH):
        layer = f"encoder.layer.{i}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            shapes[f"{layer}.attention.{part}"] = (WIDTH, WIDTH)
        shapes |= {f"{layer}.attention.output.LayerNorm": (WIDTH,), f"{layer}.output.LayerNorm": (WIDTH,)}
        shapes |= {f"{layer}.intermediate.dense": (20, WIDTH), f"{layer}.output.dense": (WIDTH, 20)}
    arrays = {f"{name}.weight": rng.normal(size=shape) / 4 for name, shape in shapes.items()}
    arrays |= {
        f"{name}.bias": rng.normal(size=shape[0]) / 4
        for name, shape in shapes.items()
        if "embeddings." not in name
    }
    arrays["embeddings.LayerNorm.bias"] = rng.normal(size=WIDTH)
    return {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}


@pytest.mark.long
def test_a_bert_is_loaded_with_masks_and_types_by_name_and_trains(tmp_path: Path) -> None:
    state = bert_weights()
    types, mask = (TEXTS % 2).astype(np.int64), np.arange(9) < np.array([[9], [6]])
    x = {"sequence": TEXTS, "mask": mask, "types": types}
    model = cr.load_transformers(saved_folder(tmp_path, BERT, state), x)
    tensors = map(torch.from_numpy, (TEXTS, types, mask))
    expected = torch_bert(state, *tensors, HEADS).numpy()
    np.testing.assert_allclose(np.asarray(model(x)), expected, atol=1e-5)
    classifier = cr.load_transformers(
        saved_folder(
            tmp_path,
            {
                **BERT,
                "architectures": ["BertForSequenceClassification"],
                "id2label": {"0": "bad", "1": "good"},
            },
            {
                **{f"bert.{name}": tensor for name, tensor in state.items()},
                "bert.pooler.dense.weight": torch.eye(WIDTH),
                "bert.pooler.dense.bias": torch.zeros(WIDTH),
                "classifier.weight": torch.ones(2, WIDTH),
                "classifier.bias": torch.tensor([0.0, 1.0]),
            },
        )
    )
    assert classifier.predict(TEXTS).tolist() == ["good", "good"]
    before = classifier.parameters()["output.bias"].copy()
    classifier.fit(TEXTS, np.array(["bad", "good"]), epochs=1, verbose=False, warm_start=True)
    after = classifier.parameters()["output.bias"]
    assert 0 < np.abs(after - before).max() < 0.1


@loop_over(
    ("change", "code", "text"),
    [
        ({"model_type": "mamba"}, "E470", "mamba"),
        ({"model_type": None}, "E471", "model_type"),
        ({"architectures": ["GPT2ForSequenceClassification"]}, "E470", "GPT2ForSequenceClassification"),
        ({"scale_attn_weights": False}, "E470", "scale_attn_weights"),
        ({"activation_function": "quick_gelu"}, "E470", "quick_gelu"),
        ({"n_head": 5}, "E471", "5 heads"),
        ({"n_embd": 0}, "E471", "n_embd"),
        ({"n_layer": "2"}, "E471", "n_layer"),
        ({"n_embd": 10**400}, "E471", "n_embd"),
        ({"n_layer": 3}, "E455", "layer3"),
        ({"n_layer": 2**30}, "E427", ""),
        ({"n_positions": 2**30}, "E427", ""),
        ({"n_embd": 3 * 2**28}, "E471", "n_inner"),
        ({"n_embd": 3 * 2**28, "n_inner": 8}, "E427", ""),
        ({"vocab_size": 2**30}, "E427", ""),
        ({"n_inner": 2**30}, "E427", ""),
    ],
)
def test_a_configuration_that_lies_is_refused(
    change: dict[str, Any], code: str, text: str, tmp_path: Path
) -> None:
    folder = saved_folder(tmp_path, {**GPT2, **change}, gpt2_weights())
    with pytest.raises(FileError) as caught:
        cr.load_transformers(folder)
    assert caught.value.code == code
    assert text in str(caught.value)


def test_damaged_and_empty_folders_are_refused(tmp_path: Path) -> None:
    for content, code in ((b"{", "E471"), (b"[]", "E471"), (b"\xff\xfe", "E471"), (b"{}", "E471")):
        (tmp_path / "config.json").write_bytes(content)
        with pytest.raises(FileError) as caught:
            cr.load_transformers(tmp_path)
        assert caught.value.code == code
    (tmp_path / "config.json").write_text(json.dumps(GPT2))
    with pytest.raises(FileError, match="E450"):
        cr.load_transformers(tmp_path)
    with pytest.raises(FileError, match="E401"):
        cr.load_transformers(tmp_path / "nothing")


def test_models_of_the_library_agree() -> None:
    pytest.importorskip("transformers")
    from campaigns.weight_cases.transformers_models import cases, difference  # noqa: PLC0415

    differences = {str(case): difference(case)[0] for case in cases()}
    assert len(differences) > 15
    assert [case for case, share in differences.items() if not share < 1e-5] == []
