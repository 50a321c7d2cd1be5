"""Every command that evaluates predictions warns if the rows were used in training."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.plotting.registry import PLOTS

WARNING = "The model was trained on these rows"
CAPTION = "These rows include the"
EVALUATIONS = sorted(name for name, kind in PLOTS.items() if kind.is_evaluation)
MEASURING = [
    ("evaluate", "run", "DATA"),
    ("attribute", "run", "DATA", "--importance", "--repeats", "1"),
    *(("plot", "run", name.replace("_", "-"), "DATA") for name in EVALUATIONS),
]


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table of values and a training on it."""
    folder = tmp_path_factory.mktemp("values")
    table = folder / "values.csv"
    table.write_text("a,b,y\n" + "".join(f"{i % 13},{i % 7},{i % 13 - 0.5 * (i % 7)}\n" for i in range(90)))
    words = ["train", table, "--target", "y", "--epochs", 2, "--net", "3 tanh", "--out", folder / "run"]
    assert main([str(word) for word in words]) == 0
    return table, folder / "run"


def test_the_plots_of_predictions_are_listed() -> None:
    assert set(EVALUATIONS) == {
        "confusion_matrix",
        "calibration",
        "risk_coverage",
        "roc",
        "precision_recall",
        "residuals",
    }


@pytest.mark.parametrize("words", MEASURING, ids=" ".join)
def test_a_command_warns_about_training_rows_and_not_about_others(
    chainrule, run: Path, values, words: tuple[str, ...]
) -> None:
    table, other = Path("iris.csv"), Path("other.csv")
    cr.data.read_table("iris").frame.write_csv(table)
    lines = table.read_text().splitlines()
    other.write_text("\n".join([*lines[:1], *lines[20:]]))
    if "residuals" in words:
        shutil.rmtree("run")
        shutil.copytree(values[1], "run")
        table = values[0]
        other.write_text("\n".join(table.read_text().splitlines()[:70]))
    outcome = chainrule(*[table if word == "DATA" else word for word in words])
    assert outcome.code == 0, outcome.err
    assert WARNING in outcome.err
    assert "95 % intervals" not in outcome.out  # they would not contain the score of new rows
    if words[0] == "plot":
        assert CAPTION in outcome.out
    outcome = chainrule(*[other if word == "DATA" else word for word in words])
    assert outcome.code == 0, outcome.err
    assert WARNING not in outcome.err
    assert CAPTION not in outcome.out
    assert ("95 % intervals" in outcome.out) == (words[0] == "evaluate")


def test_the_warning_is_in_the_plot_and_the_page_in_both_languages(chainrule, run: Path) -> None:
    model = cr.load(run / "model.safetensors")
    table = cr.data.read_table("iris")
    picture = model.plot.confusion_matrix(table, lang="en")
    texts = [
        text.get_text().replace("\n", " ") for text in picture.figure.findobj() if hasattr(text, "get_text")
    ]
    assert any(text.startswith(f"{CAPTION} 96 training and 24 validation rows") for text in texts)
    assert model.plot.confusion_matrix(table.take(range(10, 150)), lang="en").note == ""
    page = chainrule("attribute", "run", "iris", "--importance", "--repeats", 1, "--lang", "zh")
    assert "96 行训练数据和 24 行验证数据" in page.out
    assert "该模型正是用这些数据训练的" in page.err


@pytest.mark.parametrize("words", [("decision_boundary",), ("activations",), ("weights",)])
def test_plots_without_predictions_do_not_warn(chainrule, run: Path, words: tuple[str, ...]) -> None:
    columns = ["--of", "sepal width (cm),petal width (cm)"] if words == ("decision_boundary",) else []
    outcome = chainrule("plot", "run", *words, *([] if words == ("weights",) else ["iris"]), *columns)
    assert outcome.code == 0, outcome.err
    assert WARNING not in outcome.err
