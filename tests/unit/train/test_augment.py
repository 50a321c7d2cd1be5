"""Trainings with augmentation: every epoch has its images, with equal bits after any interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.data import Arrays
from chainrule.data.augmentation import Augmentation, Color, Crop, Flip, Mixup, RandAugment, Rotate
from chainrule.errors import ChainruleError
from chainrule.events import Event, StepDone
from chainrule.train.inputs.epoch_augmentation import EpochAugmentation

TRANSFORMS = Augmentation(Crop(padding=1), Flip(), Rotate(degrees=10))
generator = np.random.default_rng(0)
X = generator.random((150, 6, 6, 1)).astype(np.float32)
Y = np.arange(150) % 3
X[np.arange(150), Y * 2] += 1
X /= 2


def model(loss: str = "cross_entropy", engine: str | None = None) -> Any:
    net = cr.Sequential(cr.Conv(3, 3, activation="tanh"), cr.Flatten(), cr.Dense(3))
    return cr.Model(net, loss=loss, optimizer=cr.Adam(0.01), engine=engine)


def fitted(model: Any, y: Any = Y, **options: Any) -> Any:
    model.fit(
        X,
        y,
        **{"epochs": 3, "batch_size": 20, "seed": 4, "augmentation": TRANSFORMS, "verbose": False, **options},
    )
    return model


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(v, b.parameters()[k]) for k, v in a.parameters().items())


@pytest.mark.parametrize("epochs", [[0, 1, 2, 3], [2, 0, 3]])
def test_the_rows_of_an_epoch_equal_those_of_the_augmentation(epochs: list[int]) -> None:
    data = Arrays({"x": X}, {"target": Y})
    before = X.copy()
    augmented = EpochAugmentation(TRANSFORMS, data, 7, 4, None)
    inputs: Any = augmented.current.x
    array = inputs["x"]
    for epoch in epochs:
        augmented(epoch)
        assert inputs["x"] is array  # the engines read one place in memory
        assert array.tobytes() == TRANSFORMS.apply(X, np.arange(150), 7, epoch).x.tobytes()
    augmented.close()
    assert np.array_equal(X, before)


def test_equal_calls_have_equal_bits_and_augmentation_matters() -> None:
    fitted_model = fitted(model())
    assert same(fitted_model, fitted(model()))
    with cr.settings.using(threads=1):
        assert same(fitted_model, fitted(model()))
    assert not same(fitted_model, fitted(model(), augmentation=None))
    assert not same(fitted_model, fitted(model(), augmentation=Augmentation(Flip())))


def test_the_engines_train_on_the_same_images() -> None:
    native, reference = fitted(model(engine="native")), fitted(model(engine="reference"))
    assert native.parameters()
    for path, value in native.parameters().items():
        assert np.allclose(value, reference.parameters()[path], rtol=1e-3, atol=1e-5)


def test_a_resumed_training_has_the_images_of_an_uninterrupted_one(tmp_path: Path) -> None:
    uninterrupted = fitted(model())

    def stop(event: Event) -> bool:
        return isinstance(event, StepDone) and event.step == 11  # in the middle of the second epoch

    fitted(model(), run=tmp_path / "run", callbacks=[stop])
    with pytest.raises(ChainruleError, match="augmentation"):
        fitted(model(), run=tmp_path / "run", resume=True, augmentation=Augmentation(Flip()))
    resumed = fitted(model(), run=tmp_path / "run", resume=True)
    assert same(uninterrupted, resumed)
    assert resumed.history == uninterrupted.history


def test_mixed_images_need_class_probabilities() -> None:
    mixing = Augmentation(Flip(), mix=Mixup(1.0))
    shares = np.eye(3, dtype=np.float32)[Y]
    fitted_model = fitted(model("soft_cross_entropy"), shares, augmentation=mixing, epochs=30)
    assert fitted_model.history[-1]["loss"] < fitted_model.history[0]["loss"]
    augmented = EpochAugmentation(mixing, Arrays(X, shares), 4, 1, None)
    augmented(0)
    augmented.close()
    rows: Any = augmented.current.y
    assert np.allclose(rows.sum(axis=1), 1)
    assert ((rows > 0.05) & (rows < 0.95)).any()
    with pytest.raises(ChainruleError, match="E102"):
        fitted(model(), augmentation=mixing)


def test_images_of_a_folder_are_augmented_before_standardization(tmp_path: Path) -> None:
    for name, level in (("dark", 0), ("light", 130)):
        (tmp_path / name).mkdir()
        for i in range(12):
            pixels = generator.integers(0, 100, (6, 6, 3), dtype=np.uint8) + np.uint8(level)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    net = cr.Sequential(cr.Flatten(), cr.Dense(1))
    model = cr.Model(net, loss="binary_cross_entropy", optimizer=cr.Adam(0.05))
    changes = Augmentation(Flip(), Color(brightness=0.2))
    model.fit(tmp_path, epochs=20, seed=0, augmentation=changes, validation=0.25, verbose=False)
    assert model.history[-1]["val_accuracy"] == 1
    table = cr.read_images(tmp_path)
    preparation: Any = model.preparation
    plain = EpochAugmentation(Augmentation(), Arrays(preparation.inputs(table), Y[:24]), 0, 1, preparation)
    plain(0)
    plain.close()
    inputs: Any = plain.current.x
    assert np.abs(inputs - preparation.inputs(table)).max() < 1e-5  # an empty augmentation keeps the inputs


BAD: dict[str, tuple[Any, Any, str]] = {
    "no augmentation": ("flip", X, "E113"),
    "no images": (TRANSFORMS, X.reshape(150, -1), "E354"),
    "out of range": (TRANSFORMS, X * 3, "E354"),
    "two inputs": (TRANSFORMS, {"a": X, "b": X}, "E354"),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_augmentations_of_a_training_are_refused(name: str) -> None:
    augmentation, x, code = BAD[name]
    with pytest.raises(ChainruleError) as caught:
        EpochAugmentation(augmentation, Arrays(x, Y), 0, 1, None)
    assert caught.value.code == code


def test_masks_move_with_their_images() -> None:
    images = generator.integers(0, 2, (10, 6, 8, 1)).astype(np.float32)
    moves = Augmentation(Flip(vertical=0.5), Crop(padding=2, fill=0.5))
    data = Arrays({"x": images}, {"target": images[..., 0].astype(np.int64)})
    augmented = EpochAugmentation(moves, data, 7, 2, None, outside=9)
    x: Any
    y: Any
    x, y = augmented.current.x, augmented.current.y
    for epoch in (0, 1):
        augmented(epoch)
        assert np.array_equal(y["target"], np.where(x["x"][..., 0] == 0.5, 9, x["x"][..., 0]))
        assert (y["target"] == 9).any()
    augmented.close()


def test_a_transform_that_cannot_move_masks_is_refused_before_the_training() -> None:
    net = cr.Sequential(cr.Conv(2, 1))
    with pytest.raises(ChainruleError, match="E102"):
        cr.Model(net, cr.CrossEntropy()).fit(
            np.zeros((4, 6, 8, 3), np.float32),
            np.arange(192).reshape(4, 6, 8) % 2,
            epochs=1,
            verbose=False,
            augmentation=Augmentation(RandAugment()),
        )
