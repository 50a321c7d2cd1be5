"""Targets of every form: labels of samples and positions, pixels of images, texts without alignment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError

RNG = np.random.default_rng(0)


def fitted(net: Any, loss: Any, x: np.ndarray, y: Any, epochs: int = 60, **options: Any) -> Any:
    model = cr.Model(net, loss, cr.Adam(0.1), dtype="float64", engine="reference")
    model.fit(x, y, epochs=epochs, batch_size=len(x), verbose=False, **options)
    return model


WORDS = RNG.integers(0, 3, (12, 5))
SENTENCES = np.eye(3)[WORDS]  # (B, T, 3)
TAGS = np.array(["noun", "verb", "other"])[WORDS]  # (B, T)


def test_every_position_of_a_sequence_has_a_label() -> None:
    model = fitted(cr.Dense(3), "cross_entropy", SENTENCES, TAGS, validation=(SENTENCES, TAGS))
    assert model.labels == ("noun", "other", "verb")
    np.testing.assert_array_equal(model.predict(SENTENCES), TAGS)
    p = model.predict_proba(SENTENCES)
    assert p.shape == (12, 5, 3)
    np.testing.assert_allclose(p.sum(axis=-1), 1.0)
    assert model.history[-1]["val_accuracy"] == model.evaluate(SENTENCES, TAGS)["accuracy"] == 1.0


@pytest.mark.parametrize("ignored", [-100, 0, 1, 7])
def test_positions_without_a_label_are_ignored(ignored: int) -> None:
    y = 10 * WORDS + 20
    y[:, -2:] = ignored
    shuffled = SENTENCES.copy()
    shuffled[:, -2:] = SENTENCES[::-1, -2:]  # inputs at ignored positions
    net = cr.Dense(4 if ignored in (0, 1) else 3)  # an ignored index among the outputs has an output
    loss = cr.CrossEntropy(ignore_index=ignored)
    model, other = (fitted(net, loss, x, y) for x in (SENTENCES, shuffled))
    np.testing.assert_array_equal(model.predict(SENTENCES)[:, :3], y[:, :3])
    assert model.evaluate(SENTENCES, y)["accuracy"] == 1.0
    assert {label for label in model.labels if label != ignored} == {20, 30, 40}
    np.testing.assert_allclose(model.parameters()["weight"], other.parameters()["weight"])


def test_pixels_of_an_image_are_binary_targets() -> None:
    images = RNG.choice([-1.0, 1.0], (6, 4, 4, 1)) * RNG.uniform(0.5, 1.5, (6, 4, 4, 1))
    for loss in ("dice", "binary_cross_entropy"):
        model = fitted(cr.Conv(1, 1), loss, images, images > 0, epochs=80)
        np.testing.assert_array_equal(model.predict(images), images > 0)


def test_ctc_learns_unaligned_texts() -> None:
    # Each frame is a letter or silence; a letter may last several frames. Targets are texts without times.
    frames = np.array([[1, 1, 0, 2, 0, 1], [2, 0, 2, 2, 1, 0], [0, 1, 2, 0, 0, 2], [2, 1, 1, 0, 1, 0]])
    texts = np.array([[1, 2, 1], [2, 2, 1], [1, 2, 2], [2, 1, 1]])
    model = fitted(cr.Dense(3), cr.CTC(max_target_length=3), np.eye(3)[frames], texts, epochs=100)
    np.testing.assert_array_equal(model.predict(np.eye(3)[frames]), texts)
    assert model.history[-1]["loss"] < 0.05
    assert model.evaluate(np.eye(3)[frames], texts)["loss"] < 0.05


def test_shorter_texts_are_padded_with_blanks() -> None:
    x, texts = np.eye(3)[[[1, 1, 2, 0], [2, 0, 2, 0]]], np.array([[1, 2], [2, 2]])
    net = cr.Dense(3)
    model, longer = (fitted(net, cr.CTC(max_target_length=n), x, texts, epochs=40) for n in (2, 4))
    np.testing.assert_array_equal(longer.predict(x), np.pad(texts, ((0, 0), (0, 2))))
    np.testing.assert_allclose(model.parameters()["weight"], longer.parameters()["weight"])
    short = fitted(net, "ctc", x, texts[:, 0], epochs=1)  # one label per text
    assert [target.spec.shape[1:] for target in short.targets.values()] == [(4,)]
    with pytest.raises(
        ChainruleError, match=r"E504(?s:.*)at most 1 label (?s:.*)cr.CTC\(max_target_length=2\)"
    ):
        fitted(net, cr.CTC(max_target_length=1), x, texts)


def test_circle_loss_aligns_the_vectors_of_a_class() -> None:
    classes = np.repeat([0, 1, 2], 6)
    x = 2 * np.eye(3)[classes] - 1 + 0.5 * np.random.default_rng(1).normal(size=(18, 3))
    model = fitted(cr.Dense(3), cr.Circle(gamma=8.0), x, classes, epochs=80)
    z = model.predict(x)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    cosines = unit @ unit.T
    same = classes[:, None] == classes[None, :]
    assert cosines[same].mean() > cosines[~same].mean() + 0.5


REFUSED = {
    "labels of samples for places": ("E504", cr.Dense(3), "cross_entropy", TAGS[:, 0], "(B, 5)"),
    "too few places": ("E504", cr.Dense(3), "cross_entropy", TAGS[:, :4], "(B, 5)"),
    "one-hot places": ("E504", cr.Dense(3), "cross_entropy", SENTENCES, "argmax"),
    "more labels than scores": ("E502", cr.Dense(2), "cross_entropy", TAGS, "at most 2 classes"),
    "half a letter": ("E504", cr.Dense(3), "ctc", WORDS + 0.5, "integers"),
    "more letters than frames": ("E509", cr.Dense(4), "ctc", np.ones((12, 5), int), "9 are needed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_targets_outside_the_range_of_the_output_are_refused(case: str) -> None:
    code, net, loss, y, words = REFUSED[case]
    with pytest.raises(ChainruleError, match=code) as caught:
        fitted(net, loss, SENTENCES, y, epochs=1)
    assert words in str(caught.value)


def test_an_unknown_label_is_reported_with_its_position() -> None:
    model = fitted(cr.Dense(3), "cross_entropy", SENTENCES, TAGS, epochs=1)
    strange = TAGS.copy()
    strange[2, 3] = "pause"
    with pytest.raises(ChainruleError, match="E506") as caught:
        model.evaluate(SENTENCES, strange)
    assert "y[2, 3]" in str(caught.value)
