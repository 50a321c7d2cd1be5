"""``chainrule attribute``: contributions to a prediction, importance of columns, counterfactuals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from chainrule.apps.cli.main import main
from chainrule.data import Tokenizer
from chainrule.model import Model
from chainrule.nn import Adam, Dense, Embedding, GlobalAveragePool, Sequential
from chainrule.page import screen


@pytest.fixture(scope="module")
def cancer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training on breast-cancer."""
    place = tmp_path_factory.mktemp("runs") / "cancer"
    assert main(["train", "breast-cancer", "--epochs", "3", "--net", "8 relu", "--out", str(place)]) == 0
    return place


def test_contributions_to_a_prediction_are_listed(chainrule: Any, cancer: Path) -> None:
    outcome = chainrule("attribute", cancer, "breast-cancer", "--row", 3)
    assert outcome.code == 0, outcome.err
    assert "The score (logit) of malignant" in outcome.out
    assert "worst radius" in outcome.out
    assert "18 more" in outcome.out


def test_shapley_values_use_rows_of_the_data_as_baseline(chainrule: Any, cancer: Path) -> None:
    words = ("--method", "shapley", "--samples", 20, "--baseline", 5, "--target", "benign", "--lang", "zh")
    outcome = chainrule("attribute", cancer, "breast-cancer", *words)
    assert outcome.code == 0, outcome.err
    assert "benign 的得分" in outcome.out
    assert "exact=False, samples=20" in outcome.out
    assert "±" in outcome.out


@pytest.mark.parametrize(
    ("lang", "title", "metric"),
    [("en", "Which columns the model relies on", "roc_auc"), ("zh", "模型依赖什么", "ROC 曲线下面积")],
)
def test_the_importance_of_columns_is_listed(
    chainrule: Any, cancer: Path, lang: str, title: str, metric: str
) -> None:
    words = ("--importance", "--metric", "roc_auc", "--repeats", 1, "--lang", lang)
    outcome = chainrule("attribute", cancer, "breast-cancer", *words)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith(title)
    assert metric in outcome.out


def test_a_counterfactual_keeps_fixed_columns(chainrule: Any, cancer: Path) -> None:
    words = ("attribute", cancer, "breast-cancer", "--row", 42, "--counterfactual", "*")
    outcome = chainrule(*words, "--fixed", "worst radius", "--max-changes", 2)
    assert outcome.code == 0, outcome.err
    assert "Prediction " in outcome.out
    assert "worst radius" not in outcome.out


def test_an_attribution_page_is_written_in_both_languages(chainrule: Any, cancer: Path) -> None:
    outcome = chainrule("attribute", cancer, "breast-cancer", "--html", "page.html")
    assert outcome.out == "Written to page.html\n"
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "各输入的贡献" in page


@pytest.mark.long
def test_a_counterfactual_reaches_a_range_of_a_regression(chainrule: Any) -> None:
    x = np.linspace(0, 10, 60)
    Path("line.csv").write_text(
        "a,b,y\n" + "".join(f"{v:.2f},{i % 7},{3 * v + i % 7:.2f}\n" for i, v in enumerate(x)),
        encoding="utf-8",
    )
    assert chainrule("train", "line.csv", "--target", "y", "--epochs", 20, "--out", "line").code == 0
    outcome = chainrule("attribute", "line", "line.csv", "--row", 5, "--counterfactual", "20..25")
    assert outcome.code == 0, outcome.err
    assert "20 to 25" in outcome.out
    for target in ("tall", "*"):
        outcome = chainrule("attribute", "line", "line.csv", "--counterfactual", target)
        assert outcome.code == 2
        fix = re.findall(r"fix       (--counterfactual \S+)\n", outcome.err)[0]
        assert chainrule("attribute", "line", "line.csv", *fix.split()).code == 0


def test_occlusion_of_an_image_is_drawn(chainrule: Any) -> None:
    draw = np.random.default_rng(0)
    for i in range(12):
        folder = Path("pets") / ("cat" if i % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 120, (6, 6, 3)) + (100 if i % 2 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
    trained = chainrule("train", "pets", "--net", "4 relu", "--epochs", 1, "--out", "seen")
    assert trained.code == 0, trained.err
    outcome = chainrule("attribute", "seen", "pets", "--method", "occlusion", "--html", "cat.html")
    assert outcome.code == 0, outcome.err
    assert Path("cat.html").read_text(encoding="utf-8").count("<svg") == 1
    refused = chainrule("attribute", "seen", "pets", "--counterfactual", "dog")
    assert " E549 " in refused.err


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """A model of texts that has learned two of them."""
    tokenizer = Tokenizer.learn(["good film", "bad film"], "word")
    net = Sequential(Embedding(tokenizer.size, 3), GlobalAveragePool(), Dense(2))
    model = Model(net, "cross_entropy", Adam(0.1), tokenizer=tokenizer)
    x = np.array([tokenizer.encode(text) for text in ("good film", "bad film")])
    model.fit(x, ["yes", "no"], epochs=3, verbose=False)
    model.save(tmp_path / "reader.safetensors")
    return tmp_path / "reader.safetensors"


def test_contributions_of_words_are_colored(
    chainrule: Any, reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = chainrule("attribute", reader, "--text", "good film", "--method", "shapley", "--target", "yes")
    assert outcome.code == 0, outcome.err
    assert "The score (logit) of yes" in outcome.out
    assert "good" in outcome.out
    watched = Console(force_terminal=True, color_system="truecolor", width=80)
    monkeypatch.setattr(screen, "console", lambda to_errors=False: watched)
    with watched.capture() as captured:
        assert main(["attribute", str(reader), "--text", "good film"]) == 0
    assert "\x1b[38;2;27;31;36;48;2;" in captured.get()


def test_contributions_to_the_next_token_are_listed(chainrule: Any) -> None:
    tokenizer = Tokenizer.learn(["春眠不觉晓"], "character")
    net = Sequential(Embedding(tokenizer.size, 4), Dense(tokenizer.size))
    model = Model(net, "cross_entropy", Adam(0.1), metrics=[], tokenizer=tokenizer)
    ids = tokenizer.encode("春眠不觉晓")
    model.fit(ids[None, :4], ids[None, 1:], epochs=1, verbose=False)
    model.save("writer.safetensors")
    outcome = chainrule("attribute", "writer.safetensors", "--text", "春眠", "--target", "不")
    assert outcome.code == 0, outcome.err
    assert "The score (logit) of 不" in outcome.out


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--method", "shaply"), "E101", "shapley"),
        (("--method", "shapley", "--exact"), "E545", "at most 12"),
        (("--target", "malignnat"), "E544", "malignant"),
        (("--row", 9999), "E606", "569"),
        (("--baseline", 9999), "E102", "569"),
        (("--importance", "--row", 3), "E601", "--row"),
        (("--importance", "--metric", "r2"), "E101", "r2"),
        (("--counterfactual", "sick"), "E547", "benign"),
        (("--counterfactual", "benign", "--fixed", "worst radus"), "E101", "worst radius"),
        (("--metric", "accuracy"), "E601", "--metric"),
    ],
)
def test_invalid_options_are_refused(
    chainrule: Any, cancer: Path, words: tuple, code: str, text: str
) -> None:
    outcome = chainrule("attribute", cancer, "breast-cancer", *words)
    assert outcome.code == 2
    assert f" {code} " in outcome.err
    assert text in outcome.err
    assert outcome.out == ""


def test_unsuitable_models_and_data_are_refused(chainrule: Any, cancer: Path, reader: Path) -> None:
    Path("few.csv").write_text("mean radius,worst radius\n1,2\n", encoding="utf-8")
    for words, code in (
        ((cancer, "few.csv"), "E326"),
        ((cancer,), "E601"),
        ((cancer, "--text", "good"), "E126"),
        ((reader, "--text", ""), "E363"),
        ((reader, "--text", "zebra"), "E365"),
        ((reader, "few.csv"), "E313"),
        (("nowhere", "few.csv"), "E401"),
    ):
        outcome = chainrule("attribute", *words)
        assert outcome.code == 2, words
        assert f" {code} " in outcome.err, outcome.err
