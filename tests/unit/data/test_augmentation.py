"""Augmented images depend only on seed, epoch and index of the image, and agree with Pillow and PyTorch."""

from __future__ import annotations

import colorsys
import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from chainrule.data import Order
from chainrule.data.augmentation import (
    MIXES,
    OPERATIONS,
    TRANSFORMS,
    Affine,
    Augmentation,
    AugMix,
    AutoContrast,
    Blur,
    Color,
    Crop,
    CutMix,
    Elastic,
    Equalize,
    EqualizeTiles,
    Erase,
    Flip,
    Gray,
    Invert,
    Mixup,
    Perspective,
    Posterize,
    RandAugment,
    ResizedCrop,
    Rotate,
    Sharpness,
    Solarize,
    batches,
)
from chainrule.data.augmentation.color import adjust_hue
from chainrule.data.augmentation.distortion import projected
from chainrule.data.augmentation.geometry import compose, rotation, scaling, shearing, translation, warp
from chainrule.data.augmentation.transform import random_numbers
from chainrule.errors import ChainruleError
from chainrule.prng import key_of
from slow_imports import stats, torchvision

STRONG: dict[str, Any] = {
    "Flip": Flip(horizontal=0.5, vertical=0.5),
    "Crop": Crop(padding=3, fill=0.5),
    "ResizedCrop": ResizedCrop(),
    "Rotate": Rotate(degrees=40),
    "Affine": Affine(degrees=30, shift=0.2, scale=(0.7, 1.4), shear=20, fill=0.3),
    "Color": Color(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.2),
    "Perspective": Perspective(distortion=0.4, p=0.8, fill=0.3),
    "Elastic": Elastic(strength=0.2, points=4, p=0.8),
    "Gray": Gray(p=0.5),
    "Invert": Invert(p=0.5),
    "Solarize": Solarize(threshold=0.4),
    "Posterize": Posterize(bits=5),
    "Equalize": Equalize(),
    "EqualizeTiles": EqualizeTiles(limit=3.0, tiles=3),
    "AutoContrast": AutoContrast(),
    "Sharpness": Sharpness(amount=0.9, p=0.7),
    "Blur": Blur(sigma=(0.3, 1.5), p=0.7),
    "AugMix": AugMix(chains=3, magnitude=20),
    "Erase": Erase(p=0.7),
    "RandAugment": RandAugment(operations=3, magnitude=20),
    "Mixup": Mixup(0.5),
    "CutMix": CutMix(),
}
SINGLE = [Augmentation(STRONG[name]) for name in TRANSFORMS] + [
    Augmentation(mix=STRONG[name]) for name in MIXES
]
WHOLE = Augmentation(
    Crop(padding=2),
    Flip(),
    Color(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1),
    Erase(),
    mix=(Mixup(0.4), CutMix()),
)


def random_images(count: int = 12, channels: int = 3, height: int = 17, width: int = 16) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def test_every_change_has_a_test_case() -> None:
    assert set(STRONG) == {*TRANSFORMS, *MIXES}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("augmentation", [*SINGLE, WHOLE], ids=str)
def test_an_image_does_not_depend_on_its_neighbors(augmentation: Augmentation, channels: int) -> None:
    images = random_images(channels=channels)
    before = images.copy()
    full = augmentation.apply(images, np.arange(12), seed=5, epoch=2)
    assert full.x.dtype == np.float32
    assert full.x.shape == images.shape
    assert full.x.min() >= 0
    assert full.x.max() <= 1 + 1e-6
    assert (images == before).all()
    for some in ([7], [3, 11], [11, 0, 5, 2, 9]):
        part = augmentation.apply(images, np.array(some), seed=5, epoch=2)
        assert part.x.tobytes() == full.x[some].tobytes()
        assert part.share.tolist() == full.share[some].tolist()
    stays = channels == 1 and augmentation.transforms == (STRONG["Gray"],)  # gray images do not change
    assert stays == np.array_equal(augmentation.apply(images, np.arange(12), 5, 3).x, full.x)
    assert stays == np.array_equal(augmentation.apply(images, np.arange(12), 6, 2).x, full.x)


@pytest.mark.parametrize("augmentation", [*SINGLE, WHOLE], ids=str)
def test_augmentations_round_trip_through_records_and_text(augmentation: Augmentation) -> None:
    record = json.loads(json.dumps(augmentation.to_record()))
    assert Augmentation.from_record(record) == augmentation
    assert eval(str(augmentation), {**globals()}) == augmentation


@given(workers=st.integers(1, 5), size=st.integers(1, 13), epoch=st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_batches_are_the_same_for_any_number_of_workers(workers: int, size: int, epoch: int) -> None:
    images, y = random_images(), np.arange(12) % 3
    order = Order(12, size, seed=4)
    results = list(batches(images, y, order, WHOLE, epoch, workers))
    full = WHOLE.apply(images, np.arange(12), 4, epoch)
    shares = full.targets(np.eye(3, dtype=np.float32)[y], np.arange(12))
    rows = order.epoch(epoch)
    assert np.concatenate([x for x, _ in results]).tobytes() == full.x[rows].tobytes()
    assert np.concatenate([t for _, t in results]).tobytes() == shares[rows].tobytes()
    assert np.allclose(shares.sum(axis=1), 1)


def test_batches_can_be_closed_early_and_propagate_errors() -> None:
    images, y = random_images(), np.arange(12)
    first = next(batches(images, y, Order(12, 2), Augmentation(Flip()), workers=3))
    assert first[1].tolist() == Order(12, 2).batch(0, 0).tolist()
    bad = images.astype(np.float32)
    with pytest.raises(ChainruleError, match="E354"):
        list(batches(bad, y, Order(12, 2), Augmentation(Flip())))


def test_affine_maps_match_pytorch_grid_sample() -> None:
    images = np.random.default_rng(0).random((3, 6, 9, 2))
    maps = np.array(
        [
            compose(translation(1.5, -2.25), rotation(33), scaling(0.8)),
            compose(shearing(20), scaling(1.7)),
            compose(rotation(-70), shearing(-10, horizontal=False)),
        ]
    )
    theta = maps.copy()  # PyTorch's coordinates run from -1 to 1, in halves of the width and the height
    half = np.array([9 / 2, 6 / 2])
    theta[:, :, :2] *= half[None, None, :] / half[None, :, None]
    theta[:, :, 2] /= half
    grid = torch.nn.functional.affine_grid(torch.tensor(theta), [3, 2, 6, 9], align_corners=False)
    expected = torch.nn.functional.grid_sample(
        torch.tensor(images).permute(0, 3, 1, 2), grid, padding_mode="zeros", align_corners=False
    )
    assert np.abs(warp(images, maps) - expected.permute(0, 2, 3, 1).numpy()).max() < 1e-12
    ones = warp(np.ones((3, 6, 9, 2)), maps, fill=1.0)
    assert np.abs(ones - 1).max() < 1e-12  # positions outside have the fill value, without a seam


def test_positive_rotation_is_counterclockwise() -> None:
    images = np.arange(9.0).reshape(1, 3, 3, 1)
    turned = warp(images, np.array([rotation(90)]))[0, ..., 0]
    assert np.abs(turned - np.rot90(images[0, ..., 0])).max() < 1e-12
    shifted = warp(images, np.array([translation(1, 0)]))[0, ..., 0]
    assert shifted[:, 1:].tolist() == images[0, :, :2, 0].tolist()


def test_hue_rotation_matches_hsv() -> None:
    images = random_images(2).astype(np.float32) / 255
    turned = adjust_hue(images, np.array([0.3, -0.17]))
    assert turned.shape == images.shape
    for image, out, by in zip(images, turned, (0.3, -0.17), strict=True):
        for old, new in zip(image.reshape(-1, 3).tolist(), out.reshape(-1, 3).tolist(), strict=True):
            h, s, v = colorsys.rgb_to_hsv(*old)
            assert np.allclose(new, colorsys.hsv_to_rgb((h + by) % 1, s, v), atol=1e-5)


@pytest.mark.parametrize("name", ["equalize", "autocontrast", "posterize", "solarize"])
def test_color_operations_match_pillow(name: str) -> None:
    gray = np.random.default_rng(1).integers(30, 200, (16, 16, 3), dtype=np.uint8)
    image = Image.fromarray(gray)
    strength = 0.5
    expected = {
        "equalize": lambda: ImageOps.equalize(image),
        "autocontrast": lambda: ImageOps.autocontrast(image),
        "posterize": lambda: ImageOps.posterize(image, 6),
        "solarize": lambda: ImageOps.solarize(image, 128),
    }[name]()
    result = OPERATIONS[name](gray[None].astype(np.float32) / 255, np.array([strength]))[0] * 255
    assert np.abs(result - np.asarray(expected)).max() <= (1 + 1e-3 if name == "autocontrast" else 1e-3)


def test_blur_matches_torchvision() -> None:
    images = np.random.default_rng(2).random((2, 9, 8, 3)).astype(np.float32)
    framed = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), "reflect")
    blurred = Blur(sigma=(1.2, 1.2), p=1.0)(framed, np.zeros((2, 2)))
    expected = torchvision().transforms.functional.gaussian_blur(
        torch.from_numpy(images).permute(0, 3, 1, 2), [9, 9], [1.2, 1.2]
    )
    np.testing.assert_allclose(blurred[:, 4:-4, 4:-4], expected.permute(0, 2, 3, 1).numpy(), atol=1e-6)


def test_perspective_maps_corners_to_their_new_positions() -> None:
    corners = np.array([[[0.1, -0.1], [0.8, 0.2], [1.2, 0.9], [-0.2, 1.1]]])
    u, v = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])
    x, y = projected(corners, u, v)
    np.testing.assert_allclose(np.stack([x, y], -1).reshape(4, 2), corners[0], atol=1e-12)
    coefficients = torchvision().transforms.functional._get_perspective_coeffs(
        [[0, 0], [1, 0], [1, 1], [0, 1]], corners[0].tolist()
    )
    a, b, c, d, e, f, g, h = (
        np.linalg.inv(np.append(coefficients, 1).reshape(3, 3)).ravel()[:8]
        / (np.linalg.inv(np.append(coefficients, 1).reshape(3, 3)).ravel()[8])
    )
    x, y = projected(corners, np.array([[0.3]]), np.array([[0.6]]))
    below = g * 0.3 + h * 0.6 + 1
    assert x.item() == pytest.approx((a * 0.3 + b * 0.6 + c) / below, abs=1e-4)
    assert y.item() == pytest.approx((d * 0.3 + e * 0.6 + f) / below, abs=1e-4)


def test_elastic_displacements_are_interpolated_between_grid_points() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 21)[None, None, :, None], (1, 5, 21, 1)).astype(np.float32)
    u = np.full((1, 1 + 2 * 9), 0.5)
    u[0, 1 + 9 + 4] = 1.0  # moves the center point across by 0.1 of the side
    moved = Elastic(strength=0.1, points=3, p=1.0)(ramp, u)[0, 2, :, 0] - ramp[0, 2, :, 0]
    assert moved.argmax() == 10
    assert moved[10] == pytest.approx(0.1 * 21 / 20, abs=1e-6)
    assert moved[[0, -1]].tolist() == [0, 0]


def test_one_tile_is_equalized_as_a_full_image() -> None:
    image = np.random.default_rng(1).random((1, 16, 16, 1)).astype(np.float32) * 0.2 + 0.4
    equalized = EqualizeTiles(limit=100.0, tiles=1, p=1.0)(image, np.zeros((1, 1)))
    order = np.argsort(image.ravel(), kind="stable")
    assert (np.diff(equalized.ravel()[order]) >= 0).all()
    assert equalized.max() - equalized.min() > 0.8
    limited = EqualizeTiles(limit=1.0, tiles=1, p=1.0)(
        image, np.zeros((1, 1))
    )  # a limit of the mean leaves little
    assert np.abs(limited - image).max() < 0.25


def test_mixing_shares_follow_a_beta_distribution() -> None:
    u = random_numbers(key_of(8), np.arange(2000), 3)
    tiny = np.zeros((2000, 1, 1, 1), np.float32)
    _, share = Mixup(0.7)(tiny, tiny, u)
    assert stats().kstest(share, stats().beta(0.7, 0.7).cdf).pvalue > 0.01
    own, other = np.ones((2000, 8, 8, 1), np.float32), np.zeros((2000, 8, 8, 1), np.float32)
    cut, share = CutMix(1.0)(own, other, u)
    assert np.allclose(cut.mean(axis=(1, 2, 3)), share)  # the share is the area of the original image


def test_flips_have_their_probability() -> None:
    assert stats().kstest(random_numbers(key_of(1), np.arange(1000), 2).reshape(-1), "uniform").pvalue > 0.01
    images = np.zeros((2000, 1, 2, 1), np.float32)
    images[:, :, 1] = 1
    mirrored = Augmentation(Flip(horizontal=0.25)).apply(images, np.arange(2000)).x[:, 0, 0, 0]
    assert 0.2 < mirrored.mean() < 0.3


BAD: dict[str, Any] = {
    "chance": (lambda: Flip(horizontal=1.5), "E102"),
    "nan": (lambda: Rotate(degrees=float("nan")), "E102"),
    "falling": (lambda: Affine(scale=(2, 1)), "E102"),
    "single": (lambda: Erase(area=0.3), "E102"),  # type: ignore[arg-type]
    "half": (lambda: Crop(padding=2.5), "E102"),  # type: ignore[arg-type]
    "text": (lambda: Color(hue="red"), "E102"),  # type: ignore[arg-type]
    "none": (lambda: RandAugment(operations=0), "E102"),
    "bits": (lambda: Posterize(bits=2.5), "E102"),  # type: ignore[arg-type]
    "bell": (lambda: Blur(sigma=(0.0, 1.0)), "E102"),
    "alpha": (lambda: Mixup(0), "E102"),
    "no change": (lambda: Augmentation(Mixup()), "E113"),  # type: ignore[arg-type]
    "no mix": (lambda: Augmentation(mix=Flip()), "E113"),  # type: ignore[arg-type]
    "no axis": (lambda: WHOLE.apply(np.zeros((2, 4, 4)), np.arange(2)), "E354"),
    "integers": (lambda: WHOLE.apply(np.zeros((2, 4, 4, 1), int), np.arange(2)), "E354"),
    "range": (lambda: WHOLE.apply(np.full((2, 4, 4, 1), 2.0), np.arange(2)), "E354"),
    "hole": (lambda: WHOLE.apply(np.full((2, 4, 4, 1), np.nan), np.arange(2)), "E354"),
    "rows": (lambda: batches(random_images(), np.arange(3), Order(12, 2), WHOLE), "E344"),
    "workers": (lambda: batches(random_images(), np.arange(12), Order(12, 2), WHOLE, workers=0), "E102"),
    "record": (lambda: Augmentation.from_record({"transforms": []}), "E355"),
    "list": (lambda: Augmentation.from_record({"transforms": {}, "mix": []}), "E355"),
    "kind": (lambda: Augmentation.from_record({"transforms": [{"kind": "os.system"}], "mix": []}), "E355"),
    "field": (lambda: Augmentation.from_record({"transforms": [{"kind": "Flip"}], "mix": []}), "E355"),
    "value": (
        lambda: Augmentation.from_record(
            {"transforms": [{"kind": "Rotate", "degrees": [], "fill": 0}], "mix": []}
        ),
        "E102",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_augmentations_are_refused(name: str) -> None:
    make, code = BAD[name]
    with pytest.raises(ChainruleError) as caught:
        list(make())
    assert caught.value.code == code
    assert caught.value.received


MOVING = [
    Flip(horizontal=0.5, vertical=0.5),
    Crop(padding=3),
    ResizedCrop(area=(0.2, 1.0)),
    Rotate(degrees=40),
    Affine(degrees=30, shift=0.2, scale=(0.7, 1.4), shear=20),
    Perspective(distortion=0.3, p=0.7),
    Elastic(strength=0.1, p=0.7),
]


@settings(max_examples=8)
@given(st.integers(0, 999))
@pytest.mark.parametrize("transform", MOVING, ids=str)
def test_masks_move_with_the_pixels_of_their_images(transform: Any, seed: int) -> None:
    height, width = 6, 9
    numbers = np.arange(height * width).reshape(1, height, width)  # a class of its own for every pixel
    hot = np.eye(height * width, dtype=np.float32)[numbers]  # (1, 6, 9, 54)
    u = random_numbers(key_of(seed), np.arange(1), transform.draws)
    moved, masks = transform(hot, u)[0], transform.masks(numbers, u, -1)[0]
    near, share = moved.argmax(axis=-1), moved.max(axis=-1)  # the source with the largest share of each pixel
    certain = share > 0.51  # else two or more sources are equally near, or the source is outside
    assert np.array_equal(masks[certain], near[certain])
    assert (masks[moved.sum(axis=-1) < 0.2] == -1).all()
    inside = transform.masks(numbers, u, None)[0]
    assert np.array_equal(inside[masks >= 0], masks[masks >= 0])
    assert inside.min() >= 0


def test_masks_with_channels_move_as_masks() -> None:
    masks = np.random.default_rng(0).integers(0, 5, (4, 6, 9))
    samples = np.array([2, 0])
    augmentation = Augmentation(*MOVING, Color(brightness=0.5), Erase(), Blur())
    moved = augmentation.move_masks(masks, samples, seed=3, epoch=2, outside=7)
    both = augmentation.move_masks(
        np.stack([masks, 10 * masks], axis=-1), samples, seed=3, epoch=2, outside=7
    )
    assert np.array_equal(both[..., 0], moved)
    assert set(np.unique(moved)) <= {0, 1, 2, 3, 4, 7}
    alone = augmentation.move_masks(masks, samples[1:], seed=3, epoch=2, outside=7)
    assert np.array_equal(alone, moved[1:])


def test_batches_contain_moved_masks() -> None:
    images = np.random.default_rng(0).integers(0, 2, (5, 4, 6, 1)).astype(np.float32)
    augmentation = Augmentation(Flip(vertical=0.5), Crop(padding=1))
    parts = list(batches(images, 1 + images[..., 0], Order(5, 2, seed=0), augmentation, epoch=1))
    assert [len(x) for x, _ in parts] == [2, 2, 1]
    for x, y in parts:
        inside = np.zeros(x.shape[:3], bool)
        inside[:, 1:-1, 1:-1] = True  # of the padding, the masks repeat the edge
        assert np.array_equal(y[inside], 1 + x[..., 0][inside])


@pytest.mark.parametrize("transform", [RandAugment(), AugMix()], ids=str)
def test_transforms_that_cannot_move_masks_are_refused(transform: Any) -> None:
    with pytest.raises(ChainruleError, match="E102") as caught:
        Augmentation(Flip(), transform).move_masks(np.zeros((1, 4, 4)), np.arange(1))
    assert type(transform).__name__ in str(caught.value)
