"""A model of arrays on the command line: an LSTM, and an .npz file of its inputs and targets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors.catalog import CATALOG
from chainrule.messages import translated


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short training in Python, its model saved in it."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 5, 2)).astype("float32")  # (N, T, F)
    model = cr.Model(cr.Sequential(cr.LSTM(3), cr.Dense(2)), "cross_entropy", cr.Adam(0.05))
    folder = tmp_path_factory.mktemp("arrays") / "run"
    model.fit(x, (x[:, :, 0].sum(1) > 0).astype(int), epochs=2, verbose=False, seed=0, run=folder)
    model.save(folder / "model.safetensors")
    return folder


@pytest.fixture
def rows(chainrule: Any) -> str:
    """An .npz file where the commands run."""
    np.savez("rows.npz", x=np.random.default_rng(1).normal(size=(6, 5, 2)), y=[0, 1, 0, 1, 1, 0])
    return "rows.npz"


@pytest.mark.long
def test_a_weight_is_explained_as_in_python(chainrule: Any, trained: Path, rows: str) -> None:
    outcome = chainrule("explain", trained, rows, "--row", 2, "--weight", "lstm1.weight[0,1]")
    assert outcome.code == 0, outcome.err
    with np.load(rows) as arrays:
        x, y = arrays["x"][1], int(arrays["y"][1])
    expected = str(
        cr.load(trained / "model.safetensors").explain(x, y, weight="lstm1.weight[0,1]", lang="en")
    )
    assert " ".join(outcome.out.split()) == " ".join(expected.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("predict", "--proba"), "prediction,probability of 0,probability of 1"),
        (("evaluate",), "accuracy"),
        (("evaluate", "--metric", "f1", "--lang", "zh"), "损失"),
        (("explain", "--row", 1, "--set", "lstm1.weight[0,1]=0.5"), "What if"),
        (("attribute", "--row", 3), "x₄₁"),
        (("attribute", "--importance"), "accuracy is"),
        (("plot confusion_matrix",), "Confusion"),
        (("plot activations", "--row", 2), "lstm1"),
    ],
)
def test_every_command_on_rows_accepts_arrays(
    chainrule: Any, trained: Path, rows: str, words: tuple, says: str
) -> None:
    command, *kind = words[0].split()
    outcome = chainrule(command, trained, *kind, rows, *words[1:])
    assert outcome.code == 0, outcome.err
    assert says in outcome.out


@pytest.mark.parametrize(
    ("name", "arrays", "code"),
    [
        ("other.npz", {"a": np.zeros((3, 5, 2))}, "E326"),
        ("wide.npz", {"x": np.zeros((3, 5, 9)), "y": [0, 1, 0]}, "E209"),
        ("uneven.npz", {"x": np.zeros((3, 5, 2)), "y": [0, 1]}, "E317"),
        ("objects.npz", {"x": np.array([{}])}, "E314"),
        ("missing.npz", None, "E301"),
        ("iris", None, "E607"),
    ],
)
def test_unsuitable_arrays_are_refused_by_code(
    chainrule: Any, trained: Path, name: str, arrays: dict[str, Any] | None, code: str
) -> None:
    if arrays is not None:
        np.savez(name, **arrays)
    for words in (("explain", "--row", 1), ("evaluate",)):
        outcome = chainrule(words[0], trained, name, *words[1:], "--lang", "zh")
        assert outcome.code == 2
        assert f" {code} " in outcome.err
        assert translated(CATALOG[code], "zh").split("“")[0] in outcome.err


def test_arrays_without_targets_are_explained_but_not_evaluated(chainrule: Any, trained: Path) -> None:
    np.savez("unlabeled.npz", x=np.zeros((3, 5, 2)))
    explained = chainrule("explain", trained, "unlabeled.npz", "--row", 1)
    assert explained.code == 0, explained.err
    assert explained.out.startswith("Why ")
    evaluated = chainrule("evaluate", trained, "unlabeled.npz", "--lang", "zh")
    assert evaluated.code == 2
    assert " E122 " in evaluated.err
    assert translated(CATALOG["E122"], "zh").split("“")[0] in evaluated.err


def test_commands_that_need_files_which_python_does_not_write_are_refused(
    chainrule: Any, trained: Path, rows: str
) -> None:
    replayed = chainrule("explain", trained, rows, "--step", 2)
    assert " E533 " in replayed.err
    assert "model.replay(2, x, y" in replayed.err
    Path("bare/checkpoints").mkdir(parents=True)
    bare = chainrule("explain", "bare", rows, "--row", 1)
    assert " E610 " in bare.err
    assert "model.save(" in bare.err


def test_two_numbers_of_a_row_are_two_columns_and_have_the_usual_metrics(chainrule: Any) -> None:
    model = cr.Model(cr.Dense(2), "mse", metrics=[])
    x, y = np.eye(3), np.arange(6.0).reshape(3, 2)
    model.fit(x, y, epochs=1, verbose=False)
    model.save("pair.safetensors")
    np.savez("rows.npz", x=x, y=y)
    header, *rows = chainrule("predict", "pair.safetensors", "rows.npz").out.splitlines()
    assert header == "prediction[0],prediction[1]"
    predicted = np.array([[float(cell) for cell in row.split(",")] for row in rows])
    np.testing.assert_allclose(predicted, model.predict(x), rtol=1e-4)
    assert "RMSE" in chainrule("evaluate", "pair.safetensors", "rows.npz").out


def test_scores_of_several_outputs_have_a_line_each(chainrule: Any) -> None:
    heads = cr.Parallel("none", first=cr.Dense(2), second=cr.Dense(1))
    model = cr.Model(heads, {"first": "mse", "second": "mse"})
    x, first, second = np.eye(3), np.ones((3, 2)), np.ones((3, 1))
    model.fit(x, {"first": first, "second": second}, epochs=1, verbose=False)
    model.save("heads.safetensors")
    np.savez("rows.npz", x=x, first=first, second=second)
    outcome = chainrule("evaluate", "heads.safetensors", "rows.npz")
    assert outcome.code == 0, outcome.err
    names = [line.split()[0] for line in outcome.out.splitlines() if len(line.split()) == 2]
    assert names[:3] == ["loss", "first_loss", "second_loss"]


@pytest.mark.parametrize(("loss", "units"), [("mse", 1), ("cross_entropy", 2)])
def test_calibrating_several_outputs_names_a_working_command(chainrule: Any, loss: str, units: int) -> None:
    heads = cr.Parallel("none", first=cr.Dense(units), second=cr.Dense(units))
    model = cr.Model(heads, {"first": loss, "second": loss})
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    y = {"first": (x[:, :1] > 0).astype(int), "second": (x[:, 1:2] > 0).astype(int)}
    targets = {name: values.ravel() if units == 2 else values.astype(float) for name, values in y.items()}
    model.fit(x, targets, epochs=1, verbose=False)
    model.save("heads.safetensors")
    np.savez("rows.npz", x=x, **targets)
    refused = chainrule("calibrate", "heads.safetensors", "rows.npz")
    assert refused.code == 2
    assert "E507" in refused.err
    (fix,) = re.findall(r"(?m)^  fix +chainrule (.+)$", refused.err)
    assert chainrule(*fix.split()).code == 0
