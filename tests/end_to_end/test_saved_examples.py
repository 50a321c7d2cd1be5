"""Commands on models as the examples save them: several outputs, sounds, texts, vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.sequences.spectrogram_and_griffin_lim import LogMel, SoundInput
from chainrule.inputs import SoundKind


@pytest.fixture
def game(tmp_path: Path) -> str:
    """A model that predicts a class and a value."""
    net = cr.Sequential(cr.Parallel("none", move=cr.Dense(3), value=cr.Dense(1)))
    model = cr.Model(net, {"move": "cross_entropy", "value": "mse"}, cr.Adam(0.01))
    x = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
    y = {"move": np.arange(12) % 3 + 1, "value": np.ones((12, 1), "float32")}
    model.fit(x, y, epochs=1, verbose=False)
    model.save("game.safetensors")
    np.savez("rows.npz", x=x, **y)
    return "game.safetensors"


def test_probabilities_are_those_of_the_outputs_with_classes(chainrule: Any, game: str) -> None:
    outcome = chainrule("predict", game, "rows.npz", "--proba")
    assert outcome.code == 0, outcome.err
    header, first, *_ = outcome.out.splitlines()
    assert header == (
        "prediction move,prediction value,probability of move 1,probability of move 2,probability of move 3"
    )
    shares = [float(cell) for cell in first.split(",")[2:]]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert int(first.split(",")[0]) == np.argmax(shares) + 1


def test_probabilities_of_values_are_refused_with_a_command_that_works(chainrule: Any) -> None:
    model = cr.Model(cr.Dense(2), "mse", cr.Adam(0.01))
    model.fit(np.ones((8, 3), "float32"), np.ones((8, 2), "float32"), epochs=1, verbose=False)
    model.save("arm.safetensors")
    np.savez("rows.npz", x=np.ones((2, 3), "float32"))
    outcome = chainrule("predict", "arm.safetensors", "rows.npz", "--proba")
    assert outcome.code == 2
    assert "E507 in --proba" in outcome.err
    assert "fix       chainrule predict arm.safetensors rows.npz\n" in outcome.err
    assert chainrule("predict", "arm.safetensors", "rows.npz").code == 0


def test_the_output_to_explain_is_requested(chainrule: Any) -> None:
    model = cr.Model(cr.Dense(2), "mse", cr.Adam(0.01))
    model.fit(np.ones((8, 3), "float32"), np.ones((8, 2), "float32"), epochs=1, verbose=False)
    model.save("arm.safetensors")
    np.savez("rows.npz", x=np.ones((2, 3), "float32"))
    outcome = chainrule("attribute", "arm.safetensors", "rows.npz")
    assert outcome.code == 2
    assert "the output to explain is missing or unknown" in outcome.err
    assert "a number of the output, from 0 to 1" in outcome.err
    assert "fix       --target 0" in outcome.err
    assert chainrule("attribute", "arm.safetensors", "rows.npz", "--target", 0).code == 0


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_model_of_sounds_names_what_it_reads(chainrule: Any, command: str) -> None:
    reader = SoundInput(LogMel(8000, n_mels=20), 0.5)
    net = cr.Sequential(cr.Flatten(), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.01))
    model.fit(np.ones((4, 23, 20, 1), "float32"), ["a", "b", "a", "b"], epochs=1, verbose=False)
    SoundKind(reader).attach(model)
    model.save("digits.safetensors")
    Path("words.txt").write_text("one\n")
    outcome = chainrule(command, "digits.safetensors", "words.txt")
    assert outcome.code == 2
    assert "E607" in outcome.err
    assert "a sound file or a folder of sounds" in outcome.err
    assert "fix       chainrule predict digits.safetensors FOLDER" in outcome.err


@pytest.mark.parametrize(("user", "fix"), [(7, "0 to 2, or 8 rows\n"), (-1, "0 to 2\n")], ids=["7", "-1"])
def test_an_unknown_user_is_refused_with_the_known_ones(chainrule: Any, user: int, fix: str) -> None:
    net = cr.Sequential(cr.Embedding(3, 2), cr.Flatten(), cr.Dense(1))
    model = cr.Model(net, "mse", cr.Adam(0.01))
    model.fit(np.arange(3)[:, None], np.ones((3, 1), "float32"), epochs=1, verbose=False)
    model.save("stars.safetensors")
    np.savez("rows.npz", x=np.array([[user]]))
    outcome = chainrule("predict", "stars.safetensors", "rows.npz")
    assert outcome.code == 2
    assert f"fix       an index from {fix}" in outcome.err
