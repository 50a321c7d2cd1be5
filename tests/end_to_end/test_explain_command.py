"""``chainrule explain``: texts, pages in both languages, replayed steps, refused options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chainrule.data.sequences.tokenizer import Tokenizer
from chainrule.model import Model
from chainrule.nn import LSTM, Adam, CrossEntropy, Dense, Embedding, Sequential

REFUSED = {
    "an unknown weight": (["--weight", "dense1.wieght[0,1]"], "E120", '--weight "dense1.weight[0,0]"'),
    "an index out of range": (["--weight", "dense1.weight[9,0]"], "E121", "an index inside (4, 4)"),
    "a weight without an index": (["--weight", "dense1.weight"], "E121", '--weight "dense1.weight[0,0]"'),
    "a language there is not": (["--lang", "fr"], "E101", "en, zh"),
    "a depth there is not": (["--depth", "4"], "E102", "fix       --depth 2"),
    "a member of a single network": (["--member", "1"], "E102", "this is one network"),
    "a folder that is not there": (["--html", "nowhere/page.html"], "E407", "mkdir -p"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_an_invalid_option_is_refused_with_a_fix_for_the_command(chainrule, run: Path, fault: str) -> None:
    words, code, text = REFUSED[fault]
    outcome = chainrule("explain", run, "iris", "--row", 1, *words)
    assert outcome.code == 2
    assert re.findall(r"^\w+Error (E\d{3})", outcome.err, re.MULTILINE) == [code]
    assert text in outcome.err
    assert "Traceback" not in outcome.err


def test_a_row_without_the_columns_is_refused_with_their_names(chainrule, run: Path) -> None:
    Path("rows.csv").write_text("petal length (cm),petal width (cm)\n1.4,0.2\n")
    outcome = chainrule("explain", run, "rows.csv", "--row", 1)
    assert outcome.code == 2
    assert "E326" in outcome.err
    assert 'no "sepal length (cm)", "sepal width (cm)"' in outcome.err


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_is_written_in_both_languages(chainrule, run: Path, lang: str) -> None:
    words = ("--weight", "dense1.weight[0,1]", "--html", "page.html", "--lang", lang)
    outcome = chainrule("explain", run, "iris", "--row", 1, *words)
    assert outcome.code == 0
    assert "page.html" in outcome.out
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count("<article") == 2
    assert page.count("sepal length (cm)") == 2  # the names of the row's cells, in words of both languages
    assert "which the network receives as" in page
    assert "网络收到的值" in page
    assert re.findall(r'id="lang-(\w+)" checked', page) == [lang]


def test_setting_a_weight_shows_the_changes(chainrule, run: Path) -> None:
    outcome = chainrule("explain", run, "iris", "--row", 3, "--set", "dense1.weight[0,1]=0.7")
    assert outcome.code == 0, outcome
    assert "old" in outcome.out
    assert "0.700000" in outcome.out
    assert "The gradient predicts" in outcome.out


def test_an_update_of_the_training_is_replayed(chainrule, run: Path) -> None:
    outcome = chainrule("explain", run, "iris", "--step", 2, "--depth", 1, "--weight", "dense1.weight[0,1]")
    assert outcome.code == 0, outcome
    assert "Update 2 of the training" in outcome.out
    model = run / "model.safetensors"
    for words, code in {
        (run, "iris", "--step", 10**6): "E530",
        (model, "iris", "--step", 2): "E533",
        (run, "digits", "--step", 2): "E603",
        (run, "iris"): "E601",
        (run, "iris", "--row", 1, "--step", 2): "E601",
        (run, "iris", "--row", 1, "--set", "dense1.weight[0,1]"): "E601",
        (run, "iris", "--text", "good"): "E601",
        (run, "--row", 1): "E601",
        (run, "--text", "good"): "E126",
        (run, "iris", "--row", 1, "--set", "dense1.wieght[0,1]=2"): "E120",
    }.items():
        refused = chainrule("explain", *words)
        assert refused.code == 2
        assert re.findall(r"^\w+Error (E\d{3})", refused.err, re.MULTILINE) == [code], refused.err


@pytest.fixture
def writer(tmp_path: Path) -> Path:
    """A language model of one line."""
    tokenizer = Tokenizer.learn(["春眠不觉晓"], "character")
    net = Sequential(Embedding(tokenizer.size, 4), LSTM(3, returns="sequence"), Dense(tokenizer.size))
    model = Model(net, CrossEntropy(ignore_index=0), Adam(0.1), metrics=[], tokenizer=tokenizer)
    tokens = tokenizer.encode("春眠不觉晓", ends=True)
    model.fit(tokens[None, :-1], tokens[None, 1:], epochs=2, verbose=False)
    model.save(tmp_path / "writer.safetensors")
    return tmp_path / "writer.safetensors"


def test_a_weight_of_a_language_model_has_a_ledger(chainrule, writer: Path) -> None:
    weight = "dense1.weight[1,2]"
    outcome = chainrule("explain", writer, "--text", "春眠不", "--weight", weight)
    assert outcome.code == 0, outcome.err
    assert f"Derivation of {weight}" in outcome.out
    assert re.search(r"relative difference from the stored gradient: (0\.0|.*×10⁻¹.)", outcome.out)
    changed = chainrule("explain", writer, "--text", "春眠不", "--set", f"{weight}=0.5", "--lang", "zh")
    assert changed.code == 0, changed.err
    assert "0.500000" in changed.out
    assert "DataError E365" in chainrule("explain", writer, "--text", "秋").err


def test_why_is_printed_on_one_screen_first(chainrule, run: Path) -> None:
    for lang, why in (("en", "Why this prediction"), ("zh", "为什么是这个结果")):
        outcome = chainrule("explain", run, "iris", "--row", 3, "--lang", lang)
        assert outcome.code == 0, outcome
        assert why in outcome.out
        assert len(outcome.out.splitlines()) <= 40
        assert f"chainrule explain {run} iris --row 3 --depth 2" in outcome.out
    derived = chainrule("explain", run, "iris", "--row", 3, "--depth", 2).out
    assert "Backward pass" in derived
    assert "Why this prediction" not in derived


def test_a_new_row_without_a_target_is_explained(chainrule, run: Path) -> None:
    header = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)"
    Path("new.csv").write_text(f"{header}\n5.1,3.5,1.4,0.2\n")
    for words in ((), ("--depth", 2), ("--html", "new.html")):
        outcome = chainrule("explain", run, "new.csv", "--row", 1, *words)
        assert outcome.code == 0, outcome
    page = Path("new.html").read_text(encoding="utf-8")
    assert page.index("Why this prediction") < page.index("Forward pass")
    assert "The row has no target: the derivation uses the predicted class" in page
