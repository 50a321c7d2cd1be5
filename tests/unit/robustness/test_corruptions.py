"""Corruptions: what each changes, and the curve of accuracies."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import read_table
from chainrule.prng import key_of
from chainrule.robustness.ball import Stream
from chainrule.robustness.corruptions import IMAGES, TABLES, corrupted, gaussian_blur, low_contrast


def stream() -> Stream:
    return Stream(key_of(0))


def table_model() -> tuple[cr.Model, pl.DataFrame]:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=80), "b": rng.choice(["x", "y"], 80)})
    frame = frame.with_columns(pl.Series("class", np.where(frame["a"].to_numpy() > 0, "p", "q")))
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.Adam(0.05))
    model.fit(frame, "class", epochs=20, seed=0, verbose=False)
    return model, frame


def test_a_blur_keeps_the_sum_of_an_inner_point_and_a_constant_image() -> None:
    point = np.zeros((1, 15, 15, 1))
    point[0, 7, 7, 0] = 1.0
    blurred = gaussian_blur(point, 1.0, stream())
    assert blurred.sum() == pytest.approx(1.0)
    assert blurred[0, 7, 7, 0] == pytest.approx(0.3989**2, abs=2e-3)  # of a Gaussian on integers
    assert gaussian_blur(np.full((1, 4, 4, 1), 0.3), 2.0, stream()) == pytest.approx(0.3)


def test_contrast_keeps_the_mean_and_scales_the_deviation() -> None:
    x = np.random.default_rng(0).uniform(size=(3, 4, 4, 2))
    less = low_contrast(x, 0.75, stream())
    assert less.mean(axis=(1, 2)) == pytest.approx(x.mean(axis=(1, 2)))
    assert less.std(axis=(1, 2)) == pytest.approx(0.25 * x.std(axis=(1, 2)))


def test_corruptions_of_a_table_change_what_they_are_named_after() -> None:
    model, frame = table_model()
    table, preparation = read_table(frame), model.preparation
    assert preparation is not None
    missing = corrupted(table, preparation, "missing", 0.5, stream())
    assert 20 < missing.frame["a"].null_count() < 60
    assert missing.frame["class"].equals(frame["class"])
    shifted = corrupted(table, preparation, "shift", 0.5, stream()).frame
    change = (shifted["a"] - frame["a"]).to_numpy()
    assert np.abs(change) == pytest.approx(0.5 * preparation.encodings[0].std)  # pyright: ignore
    assert len(set(np.sign(change))) == 1
    assert shifted["b"].equals(frame["b"])


def test_a_sweep_measures_every_corruption_of_a_table() -> None:
    model, frame = table_model()
    result = model.corruption_sweep(frame, seed=1)
    assert [(p.name, p.severity) for p in result.points] == [
        (n, s) for n, all_ in TABLES.items() for s in all_
    ]
    accuracies = [p.accuracy.value for p in result.curve("cell_noise")]
    assert accuracies[-1] < accuracies[0] <= result.clean.value
    assert model.corruption_sweep(frame, seed=1) == result
    assert "缺失的单元格" in result.to_html()


def test_a_sweep_measures_every_corruption_of_images() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    x = rng.uniform(0, 0.5, (40, 6, 6, 1)).astype("float32")
    x[y == 1, ::2] += 0.5
    model = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(2)), "cross_entropy", cr.Adam(0.05))
    model.fit(x, y, epochs=20, seed=0, verbose=False)
    result = model.corruption_sweep(x, y)
    assert result.names == tuple(one.name for one in IMAGES)
    assert result.clean.value == 1.0
    assert result.curve("blur")[-1].accuracy.value < 1.0
    assert "noise" in str(result)
