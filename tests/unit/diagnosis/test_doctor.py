"""The doctor: rules are complete, pages match them, faults are reported, sound networks have no findings."""

from __future__ import annotations

import json
import logging
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns.doctor_cases import before, first, layouts, sound
from campaigns.doctor_cases.case import Case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pages import doctor as pages

import chainrule as cr
from chainrule import data
from chainrule.diagnosis import (
    BEFORE,
    DIAGNOSIS_FILE,
    FIRST,
    HISTORY,
    LETTERS,
    RULE_OF,
    RULES,
    TIMES,
    Diagnosis,
    Finding,
)
from chainrule.diagnosis.callback import findings_before
from chainrule.diagnosis.context import collect_context
from chainrule.diagnosis.rule import SEVERITIES, Evidence, Rule
from chainrule.diagnosis.rules import input_scale_and_axes
from chainrule.errors import ChainruleError, FileError, ShapeError
from chainrule.events import Event, Notice
from chainrule.messages import translated
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData, prepare
from page_examples import DOCS

CHINESE = re.compile(r"[\u4e00-\u9fff]")
QUICK = [case for case in sound.CASES if "digits" not in case.name and "seed 2" not in case.name]


def called(case: Case) -> str:
    return f"{case.rule or 'healthy'}: {case.name}"


def fields(text: str) -> set[str]:
    """What a text names in braces."""
    return {name.partition("[")[0] for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_complete(name: str) -> None:
    rule = RULES[name]
    assert rule.id == name
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    assert rule.when
    assert rule.severity in SEVERITIES
    assert rule.source
    assert rule.remedy
    forms = (rule.what,) if isinstance(rule.what, str) else rule.what.values()
    for english in (rule.title, rule.symptom, rule.threshold.template, rule.why, *forms):
        chinese = translated(english, "zh")
        assert english
        assert CHINESE.search(chinese), chinese
        assert not CHINESE.search(english), english
        assert fields(english) == fields(chinese)


def test_rules_are_registered_by_their_times() -> None:
    assert len({rule.number for rule in RULES.values()}) == len(RULES)
    for names, times in ((BEFORE, "P"), (FIRST, "I"), (HISTORY, "TE")):
        for name in names:
            assert set(RULES[name].when) & set(times), name
    for rule in RULES.values():
        looked = {"P": rule.id in BEFORE, "I": rule.id in (*BEFORE, *FIRST), "T": rule.id in HISTORY}
        assert all(looked["T" if time == "E" else time] for time in rule.when), rule.id


def test_the_pages_match_the_rules() -> None:
    for place, text in pages.page_texts().items():
        assert place.read_text(encoding="utf-8") == text, "run python -m pages.doctor"
    assert {page.stem for page in (DOCS / "doctor").glob("*.md")} == set(RULES)


class RecordList(logging.Handler):
    """Collects the records of a log."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """The records that chainrule logs during the test."""
    log, handler = logging.getLogger("chainrule"), RecordList()
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield handler.records
    log.setLevel(logging.NOTSET)
    log.removeHandler(handler)


@pytest.mark.parametrize("case", [*before.CASES, *first.CASES], ids=called)
def test_a_fault_is_reported(case: Case, logged: list[logging.LogRecord]) -> None:
    assert case.rule in case.run()
    assert logged == [], "a rule failed"


@pytest.mark.parametrize("case", QUICK, ids=called)
def test_sound_cases_have_no_findings(case: Case, logged: list[logging.LogRecord]) -> None:
    assert case.run() == ()
    assert logged == [], "a rule failed"


def test_every_early_rule_has_three_faulty_cases() -> None:
    rules = [case.rule for case in (*before.CASES, *first.CASES, *layouts.CASES)]
    assert {name for name in (*BEFORE, *FIRST) if rules.count(name) < 3} == set()


UNSCALED = ([[i / 40, 1000.0 * (i * 7 % 40)] for i in range(40)], [i % 2 for i in range(40)])


def unscaled() -> cr.Model:
    return cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2)), "cross_entropy")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_diagnosis_has_sentence_evidence_cause_remedy_and_page(lang: str) -> None:
    diagnosis = unscaled().check(*UNSCALED, lang=lang)
    finding = next(report for report in diagnosis if report.rule.id == "input-scale")
    assert finding.evidence.value > finding.evidence.threshold
    for part in (
        finding.what(lang),
        finding.why(lang),
        finding.remedy_in(lang),
        "chainrule show rule input-scale",
    ):
        assert part in str(diagnosis).replace("\n", " " if lang == "en" else "")
    html = diagnosis._repr_html_()
    assert finding.rule.id in html
    page = diagnosis.to_html()
    assert "<script" not in page
    assert "input-scale" in page
    assert "输入未标准化" in page
    assert "inputs not standardized" in page
    assert repr(diagnosis).startswith("<Diagnosis: ")


def test_training_reports_each_finding_and_stores_it_in_the_model(tmp_path: Path) -> None:
    events: list[Event] = []
    model = unscaled()
    model.fit(*UNSCALED, epochs=2, verbose=False, callbacks=[events.append], run=tmp_path / "run")
    lines = [event for event in events if isinstance(event, Notice)]
    assert model.diagnosis is not None
    assert [notice.en for notice in lines if "input-scale" in notice.en] == [
        finding.en for finding in model.diagnosis if finding.rule.id == "input-scale"
    ]
    saved = Diagnosis.of_json((tmp_path / "run" / DIAGNOSIS_FILE).read_text(encoding="utf-8"), "en")
    assert saved.findings == model.diagnosis.findings
    events.clear()
    model = unscaled()
    model.fit(*UNSCALED, epochs=2, verbose=False, callbacks=[events.append], doctor=False)
    assert not [event for event in events if isinstance(event, Notice)]
    assert model.diagnosis is None


def test_the_doctor_does_not_change_the_training() -> None:
    trained = []
    for doctor in (True, False):
        model = unscaled()
        model.fit(*UNSCALED, epochs=3, verbose=False, doctor=doctor)
        trained.append(model.parameters())
    assert trained[0]
    assert all(np.array_equal(trained[0][name], trained[1][name]) for name in trained[0])


def test_check_does_not_change_the_model() -> None:
    model = unscaled()
    model.check(*UNSCALED)
    assert model.network is None
    model.fit(*UNSCALED, epochs=1, verbose=False)
    before, history = model.parameters(), model.history
    model.check(*UNSCALED)
    assert model.history == history
    assert all(np.array_equal(before[name], value) for name, value in model.parameters().items())


def test_a_failing_rule_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(look: object) -> Any:
        raise RuntimeError("not written for this")

    card = input_scale_and_axes.INPUT_SCALE
    changed = Rule(**{**{f: getattr(card, f) for f in card.__match_args__}, "before": broken})
    monkeypatch.setattr(input_scale_and_axes, "INPUT_SCALE", changed)
    assert "input-scale" not in unscaled().check(*UNSCALED).rules


@pytest.mark.parametrize("code", RULE_OF)
def test_findings_of_tables_are_reported_by_their_rule(code: str, tmp_path: Path) -> None:
    assert code in data.tables.findings.SENTENCES
    rows = TABLES[code]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in rows), encoding="utf-8")
    classes = len({row[-1] for row in rows[1:]})
    units, loss = (1, "mse") if code == "target_scale" else (classes, "cross_entropy")
    diagnosis = cr.Model(cr.Sequential(cr.Dense(units)), loss).check(str(path), "y")
    findings = {f.code: f for f in data.check(data.read_table(path), "y")}
    sentences = [finding.what("en") for finding in diagnosis if finding.rule.id == RULE_OF[code]]
    assert findings[code].en in sentences


NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32) | st.sampled_from([0.0, 1.0, -1.0, 255.0, 2.0**-100])


@given(
    x=arrays(np.float32, st.tuples(st.integers(8, 70), st.integers(1, 3)), elements=NUMBERS),
    kind=st.sampled_from(["numbers", "classes", "texts", "values"]),
    shuffle=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_findings_on_random_arrays_have_sentences(
    logged: list[logging.LogRecord], x: np.ndarray, kind: str, shuffle: bool
) -> None:
    logged.clear()
    y = {
        "numbers": np.arange(len(x)) % 2 + 1,
        "classes": 3 * (np.arange(len(x)) < len(x) // 2),
        "texts": np.array(["no", "yes"])[np.arange(len(x)) % 2],
        "values": x[:, 0],
    }[kind]
    units, loss = (1, "mse") if kind == "values" else (2, "cross_entropy")
    model = cr.Model(cr.Sequential(cr.Dense(units)), loss)
    with np.errstate(all="ignore"):
        run = prepare(model.state, TrainingData(x, y, 0.25), FitOptions(1, 8, 0, shuffle=shuffle))
        assert run.evaluator is not None
        look = collect_context(run.network, run.model.targets, run.data, run.order, run.evaluator.rows)
        findings = findings_before(look)
    assert logged == [], "a rule failed"
    for lang in ("en", "zh"):
        assert str(Diagnosis.of(findings, lang))
    notes = Diagnosis.of(findings, "en")
    assert Diagnosis.of_json(notes.to_json(), "en").rules == notes.rules


def rows_of(change: Any, count: int = 60) -> list[list[Any]]:
    draw = np.random.default_rng(0)
    numbers = [[round(draw.normal(), 4), round(draw.normal(), 4), "ab"[i % 2]] for i in range(count)]
    return [["u", "v", "y"], *(change(i, *row) for i, row in enumerate(numbers))]


TABLES = {
    "scale_gap": rows_of(lambda i, u, v, y: [u, 5000 * v, y]),
    "far_from_zero": rows_of(lambda i, u, v, y: [u, v + 50, y]),
    "target_scale": rows_of(lambda i, u, v, y: [u, v, 1000 * u + v]),
    "label_gap": rows_of(lambda i, u, v, y: [u, v, 3 * (i % 2) + i % 3 // 2]),
    "labels_from_one": rows_of(lambda i, u, v, y: [u, v, 1 + i % 3]),
    "imbalance": rows_of(lambda i, u, v, y: [u, v, "ab"[i % 20 == 0]]),
    "copy_of_target": rows_of(lambda i, u, v, y: [u, y, y]),
    "leak": rows_of(lambda i, u, v, y: [u, "xz"[i % 2], y]),
    "duplicates": rows_of(lambda i, u, v, y: [0.5, 0.25, "a"] if i % 4 == 0 else [u, v, y]),
}


def test_findings_are_saved_and_loaded() -> None:
    evidence = Evidence(
        np.float64(7.5), np.inf, {"column": "x[0]", "ratio": np.float32(2)}, 3, "x", "scale_gap"
    )
    plain = Evidence(2.0, np.inf, {"large": "a", "small": "b", "ratio": 2.0}, 3, "x", "scale_gap")
    record = json.loads(json.dumps(Finding(RULES["input-scale"], plain).to_json()))
    assert Finding.of_json(record).evidence == plain
    assert json.dumps(Finding(RULES["input-scale"], evidence).to_json())
    endless = Evidence(np.inf, 5.0, {"penalty": np.inf, "loss": 1.0}, 0, form="size")
    record = json.loads(json.dumps(Finding(RULES["penalty-too-strong"], endless).to_json()))
    assert Finding.of_json(record).evidence == endless


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"findings": 3}',
        '{"findings": [{}]}',
        "\x00",
        '{"findings": [{"rule": "input-scale"}]}',
    ],
)
def test_damaged_notes_are_refused(text: str) -> None:
    with pytest.raises(FileError, match="E550"):
        Diagnosis.of_json(text, "en")


def test_a_finding_with_a_missing_fact_is_refused() -> None:
    notes = json.loads(unscaled().check(*UNSCALED).to_json())
    notes["findings"][0]["facts"] = {}
    with pytest.raises(FileError, match="E550"):
        Diagnosis.of_json(json.dumps(notes), "en")


def test_all_mismatched_gradients_are_listed() -> None:
    strange = {"dense1.weight": np.zeros((3, 3)), "other": np.zeros(2)}
    with pytest.raises(ShapeError, match="E551") as caught:
        unscaled().check(*UNSCALED, gradients=strange)
    assert "dense1.weight" in caught.value.received
    assert "other" in caught.value.notes[0]


def test_check_refuses_invalid_samples_like_fit() -> None:
    with pytest.raises(ChainruleError, match="E344"):
        unscaled().check([[1.0], [2.0]], [0, 1, 0])
    with pytest.raises(ChainruleError, match="E101"):
        unscaled().check(*UNSCALED, shufle=True)
    with pytest.raises(ChainruleError, match="E101"):
        unscaled().check(*UNSCALED, lang="fr")


def test_times_have_names_in_both_languages() -> None:
    assert list(LETTERS.values()) == list("PITE")
    assert all(CHINESE.search(translated(text, "zh", name)) for name, text in TIMES.items())
