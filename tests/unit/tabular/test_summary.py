"""The summary: both languages, and a card that names cannot restructure."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.apps.cli.texts import both_texts
from chainrule.escaping import markdown
from chainrule.tabular.evaluation import evaluate_models
from chainrule.tabular.options import NET, Options
from chainrule.tabular.report.analysis import Analysis, analyze
from chainrule.tabular.report.model_card import model_card
from chainrule.tabular.report.summary import Summary, percent, summarize
from chainrule.tabular.texts import WORDS
from chainrule.tabular.training_plan import plan_of, prepare_data

FIELD = re.compile(r"\{(\w+)\}")


@given(share=st.floats(0, 1))
def test_a_share_in_percent_is_never_rounded_to_none_or_all(share: float) -> None:
    text = percent(share)
    assert float(text.rstrip("%")) == pytest.approx(100 * share, abs=0.5)
    assert text != "100%" or share > 0.9995
    assert text != "0%" or share == 0


@pytest.mark.parametrize("key", [key for key in WORDS if key.startswith(("summary_", "caution_"))])
def test_a_sentence_has_the_same_facts_in_both_languages(key: str) -> None:
    english, chinese = both_texts(key)
    assert set(FIELD.findall(english)) == set(FIELD.findall(chinese))
    has_words = re.search(r"[A-Za-z]", FIELD.sub("", english))
    assert bool(has_words) == bool(re.search(r"[\u4e00-\u9fff]", chinese))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, Summary]:
    """A short training on a table with markup in its names; the column "*size* | #2" decides the class."""
    rng = np.random.default_rng(5)
    size, noise = rng.normal(size=300), rng.normal(size=300)
    lines = ["*size* | #2,[noise](http://x),<b>kind</b>"]
    lines += [
        f"{a:.4f},{b:.4f},{'large' if a > 0.9 else '_small_'}" for a, b in zip(size, noise, strict=True)
    ]
    file = tmp_path_factory.mktemp("card") / "sizes.csv"
    Path(file).write_text("\n".join(lines), encoding="utf-8")
    options = Options(str(file), target="<b>kind</b>", net="16 relu", epochs=30)
    plan = plan_of(options, prepare_data(options))
    model, training = plan.model(), plan.prepared.training
    model.fit(training.x, plan.prepared.labels(training), epochs=30, seed=0, verbose=False)
    analysis = analyze(model, plan, evaluate_models(model, plan.prepared.preparation, plan.scored))
    return analysis, summarize(analysis)


def test_a_card_names_the_network_that_was_trained(tmp_path: Path) -> None:
    file = tmp_path / "small.csv"
    file.write_text("x,y\n" + "\n".join(f"{i % 7},{'ab'[i % 2]}" for i in range(60)), encoding="utf-8")
    options = Options(str(file), target="y", quick=True)
    plan = plan_of(options, prepare_data(options))
    model, training = plan.model(), plan.prepared.training
    model.fit(training.x, plan.prepared.labels(training), epochs=1, seed=0, verbose=False)
    analysis = analyze(model, plan, evaluate_models(model, plan.prepared.preparation, plan.scored))
    assert NET in model_card(analysis, summarize(analysis))


def test_a_column_that_changes_no_class_is_described_by_the_probabilities(
    trained: tuple[Analysis, Summary],
) -> None:
    analysis, summary = trained
    assert analysis.importance is not None
    changes_nothing = replace(analysis.importance, drops=np.zeros_like(analysis.importance.drops))
    english, chinese = summarize(replace(analysis, importance=changes_nothing)).columns[0]
    assert ("log-loss" in english, "hardly any predicted class" in english, "对数损失" in chinese) == (
        True,
    ) * 3
    assert "log-loss" not in summary.columns[0][0]


def test_the_summary_names_the_column_that_decides_and_the_rare_class(trained) -> None:
    _, summary = trained
    assert '"*size* | #2"' in summary.columns[0][0]
    assert "“*size* | #2”" in summary.columns[0][1]
    assert any("large" in caution[0] and "of the rows" in caution[0] for caution in summary.cautions)
    for english, chinese in (summary.task, *summary.quality, *summary.columns, *summary.cautions):
        assert "{" not in english + chinese
        assert english != chinese


def test_the_scores_of_the_summary_are_those_of_the_result(trained) -> None:
    analysis, summary = trained
    scores = {result.name: result.values["accuracy"] for result in analysis.results}
    assert percent(scores["net"]) in summary.quality[0][0]
    assert percent(scores["linear"]) in summary.quality[1][0]
    assert percent(scores["trivial"]) in summary.quality[1][0]


def test_names_of_a_table_are_plain_text_in_the_card(trained) -> None:
    card = re.sub(r"(?m)^    chainrule train .*$", "", model_card(*trained))  # a block of code
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert len(headings) == len({*headings}) == 9
    assert "<b>" not in card
    assert "](" not in card.replace("\\](", "")
    tables = re.findall(r"(?m)(?:^\|.*\n?)+", card)
    assert len(tables) == 3
    for table in tables:
        lines = table.splitlines()
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, table
        assert re.fullmatch(r"\|(?: --- \|)+", lines[1])


@given(text=st.text(max_size=40))
def test_escaped_text_has_no_markup_and_no_second_line(text: str) -> None:
    escaped = markdown(text)
    assert not re.search(r"[<\n\r]", escaped)
    assert not re.search(r"(?<!\\)(?:\\\\)*[*`|\[\]~]", escaped)
