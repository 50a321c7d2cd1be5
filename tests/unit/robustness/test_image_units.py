"""Images read by a preparation: radius and range are in pixels from 0 to 1, whatever the inputs are."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.data import Table
from chainrule.errors import UsageError


@cache
def pixels() -> tuple[np.ndarray, list[str]]:
    """Colored images: one class is bright above, the other below."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 120, (32, 6, 6, 3)).astype(np.uint8)
    labels = ["above" if i % 2 else "below" for i in range(32)]
    for i, label in enumerate(labels):
        rows = slice(0, 3) if label == "above" else slice(3, 6)
        images[i, rows] += 60
    return images, labels


@pytest.fixture
def table(tmp_path: Path) -> Table:
    images, labels = pixels()
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / label / f"{i:02d}.png")
    return cr.read_images(tmp_path)


def trained(table: Table, robust: cr.AdversarialTraining | None = None) -> cr.Model:
    model = cr.Model(
        cr.Sequential(cr.Flatten(), cr.Dense(8, "relu"), cr.Dense(2)), "cross_entropy", cr.Adam(0.01)
    )
    model.fit(table, epochs=60, seed=0, verbose=False, robust=robust)
    return model


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_changes_are_measured_in_pixels(table: Table, norm: str) -> None:
    model, radius = trained(table), 0.15 if norm == "inf" else 3.0
    result = model.attack(table, radius=radius, norm=norm, lang="en")  # pyright: ignore
    assert model.preparation is not None
    mean, std = (array.astype(np.float64) for array in model.preparation.channels)
    change = (result.adversarial.astype(np.float64) - result.x) * std
    flat = change.reshape(len(change), -1)
    sizes = np.abs(flat).max(axis=1) if norm == "inf" else np.sqrt((flat**2).sum(axis=1))
    assert (sizes <= radius + 1e-6).all()
    assert sizes.max() > 0.9 * radius
    after = result.adversarial * std + mean
    assert after.min() >= -1e-6
    assert after.max() <= 1 + 1e-6
    assert result.success.any()
    name = "largest" if norm == "inf" else "length"
    listed = [float(text) for text in re.findall(rf"{name} ([0-9.]+)", str(result))]
    assert listed == pytest.approx([sizes[i] for i in result.worst()], abs=1e-5)
    assert (np.asarray(model.predict(result.adversarial)) == np.array(result.classes)[result.attacked]).all()


def test_a_radius_in_gray_levels_is_refused(table: Table) -> None:
    model = trained(table)
    with pytest.raises(UsageError) as raised:
        model.attack(table, radius=8)
    assert raised.value.fix == "radius=8/255"
    with pytest.raises(UsageError, match="radius"):
        trained(table, cr.AdversarialTraining(radius=8))


def test_adversarial_training_uses_the_same_units(table: Table) -> None:
    plain, robust = trained(table), trained(table, cr.AdversarialTraining(radius=0.2, steps=3))
    losses = [model.evaluate(attacked(model, table), labels(table))["loss"] for model in (plain, robust)]
    assert losses[1] < losses[0]


def attacked(model: cr.Model, table: Table) -> np.ndarray:
    return model.attack(table, radius=0.2, method="pgd").adversarial


def labels(table: Table) -> np.ndarray:
    return table.frame[str(table.target)].to_numpy()


def test_corruptions_start_from_the_pixels(table: Table) -> None:
    result = trained(table).corruption_sweep(table)
    assert result.names == ("noise", "blur", "contrast")
    assert result.curve("contrast")[0].accuracy.value >= 0.9
    assert result.curve("noise")[0].accuracy.value >= result.curve("noise")[-1].accuracy.value
