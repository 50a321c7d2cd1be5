"""The Vision Transformer: parameter counts, agreement with torchvision, and refused images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import chainrule as cr
from chainrule import nn
from chainrule.errors import ChainruleError, ShapeError
from chainrule.models import MODELS, vit
from chainrule.models.model_card import count_parameters
from chainrule.symbolic_shape import Size, Spec
from layer_cases.attention import parts_of_block
from slow_imports import torchvision
from torch_transformers import CLOSE, agree, random_parameters, tensors

B = Size.symbol("B")
DEPTH = 2
PARTS = {
    "ln_1": "norm1",
    "self_attention": "self_attn",
    "ln_2": "norm2",
    "mlp.0": "linear1",
    "mlp.3": "linear2",
}


def state_of(parameters: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Our parameters under torchvision's names."""
    state = {
        "class_token": parameters["token.weight"][None, None],
        "conv_proj.weight": parameters["patches.weight"].movedim(-1, 1),
        "conv_proj.bias": parameters["patches.bias"],
        "encoder.pos_embedding": parameters["position.weight"][None],
        "encoder.ln.weight": parameters["blocks.norm.scale"],
        "encoder.ln.bias": parameters["blocks.norm.shift"],
        "heads.head.weight": parameters["head.weight"],
        "heads.head.bias": parameters["head.bias"],
    }
    for i in range(DEPTH):
        block = parts_of_block(parameters, f"blocks.layer{i + 1}.", "")
        for theirs, part in PARTS.items():
            own = {name.removeprefix(part): a for name, a in block.items() if name.startswith(part)}
            state |= {f"encoder.layers.encoder_layer_{i}.{theirs}{kind}": a for kind, a in own.items()}
    return state


def small(**more: int) -> nn.Sequential:
    """A ViT of two blocks."""
    return vit("tiny", classes=5, image_size=16, width=12, depth=DEPTH, heads=3, units=20, **more)


def test_the_parameter_count_of_b_16_agrees_with_torchvision() -> None:
    assert MODELS["vit"].count() == 86_567_656
    pictures = {"x": Spec((B, 32, 32, 3), "float32")}
    # Patches 9,408, token 192, 65 places 12,480, 6 blocks of 444,864, norm 384, head 1,930.
    assert count_parameters(vit("tiny", classes=10), pictures) == 2_693_578


@pytest.mark.parametrize(
    ("size", "count"), [("b_32", 88_224_232), ("l_16", 304_326_632), ("h_14", 632_045_800)]
)
def test_parameter_counts_of_other_sizes_agree_with_torchvision(size: str, count: int) -> None:
    assert MODELS["vit"].count(size=size) == count


@pytest.mark.parametrize("dtype", CLOSE)
def test_outputs_agree_with_torchvision(dtype: str) -> None:
    kind = getattr(torch, dtype)
    peer = torchvision().models.VisionTransformer(16, 4, DEPTH, 3, 12, 20, num_classes=5).to(kind).eval()
    built = nn.build(small(), {"x": Spec((B, 16, 16, 3), dtype)}, dtype)
    parameters = random_parameters(built)
    peer.load_state_dict(state_of(tensors(parameters)))
    x = np.random.default_rng(4).normal(size=(2, 16, 16, 3)).astype(dtype)
    agree(built, {"x": x, **parameters}, peer(torch.from_numpy(x).movedim(-1, 1)))


def test_it_learns_the_position_of_a_bright_patch() -> None:
    rng = np.random.default_rng(3)
    x, corner = rng.normal(size=(64, 16, 16, 1)).astype("float32") * 0.1, np.arange(64) % 4
    for image, (row, column) in zip(x, ((c // 2 * 8, c % 2 * 8) for c in corner), strict=True):
        image[row : row + 8, column : column + 8] += 1.0
    net = vit("tiny", classes=4, image_size=16, patch_size=8, width=8, depth=1, heads=2)
    model = cr.Model(net, loss="cross_entropy", optimizer=cr.Adam(0.02))
    model.fit(x, corner, epochs=12, batch_size=8, seed=0, verbose=False)
    assert model.evaluate(x, corner)["accuracy"] > 0.95


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E101", lambda: vit("b16")),
        ("E102", lambda: vit(classes=0)),
        ("E102", lambda: vit(patch_size=0)),
        ("E102", lambda: vit(image_size=8)),
        ("E221", lambda: vit(heads=7)),
    ],
)
def test_invalid_arguments_are_refused(code: str, make: Callable[[], nn.Layer]) -> None:
    with pytest.raises(ChainruleError) as error:
        make()
    assert error.value.code == code


@pytest.mark.parametrize(
    ("shape", "code", "expected"),
    [
        ((16, 12, 3), "E233", "16 x 16 = 4 x 4 squares of 4 x 4"),
        ((17, 17, 3), "E233", "16 x 16 = 4 x 4 squares of 4 x 4"),
        ((16, 16), "E213", r"\(B, H, W, C\)"),
    ],
)
def test_images_of_another_size_are_refused_with_the_computation(
    shape: tuple[int, ...], code: str, expected: str
) -> None:
    with pytest.raises(ShapeError, match=expected) as error:
        nn.build(small(), {"x": Spec((B, *shape), "float32")}, "float32")
    assert error.value.code == code


def test_patches_that_do_not_fill_the_image_are_refused() -> None:
    with pytest.raises(ShapeError, match="28 x 32 = 7 x 8 squares") as error:
        nn.build(nn.PatchEmbedding(8, 4), {"x": Spec((B, 27, 31, 1), "float32")}, "float32")
    assert error.value.code == "E233"
