"""``chainrule check`` with a network, ``doctor``, ``show rule``, and the section of the report."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.diagnosis import DIAGNOSIS_FILE, RULES
from chainrule.diagnosis.finding import Finding
from chainrule.diagnosis.rule import Evidence
from chainrule.tabular.options import Options
from chainrule.tabular.remedies import RULES as RULE_OPTIONS
from chainrule.tabular.remedies import command_for

ROWS = [(f"{i % 7 / 7:.3f}", f"{1000 * (i * 5 % 11)}", "yes" if i % 13 == 0 else "no") for i in range(130)]


@pytest.fixture
def unbalanced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table in which one class has a twelfth of the rows of the other."""
    monkeypatch.chdir(tmp_path)
    lines = ["speed,weight,late", *(",".join(row) for row in ROWS)]
    Path("trips.csv").write_text("\n".join(lines), encoding="utf-8")
    return Path("trips.csv")


def test_check_names_the_rule_of_each_finding(chainrule, unbalanced: Path) -> None:
    outcome = chainrule("check", "trips.csv", "--target", "late")
    assert outcome.code == 0
    assert "class-imbalance" in outcome.out


def test_check_names_rows_that_are_repeated_though_they_could_differ(chainrule) -> None:
    rows = [f"{i * 37 % 101 / 7:.4f},{i * 53 % 97 / 3:.4f},{'yes' if i % 3 else 'no'}" for i in range(90)]
    Path("twice.csv").write_text("\n".join(["speed,weight,late", *rows, *rows]), encoding="utf-8")
    outcome = chainrule("check", "twice.csv", "--target", "late")
    assert outcome.code == 0
    assert "duplicate-rows" in outcome.out


def test_check_diagnoses_the_first_steps_of_a_network(chainrule, unbalanced: Path) -> None:
    outcome = chainrule("check", "trips.csv", "--target", "late", "--net", "8 relu")
    assert outcome.code == 0
    assert "Network on this data" in outcome.out
    assert "internal" not in outcome.err
    chinese = chainrule("check", "iris", "--net", "8 relu", "--lang", "zh")
    assert "训练前和最初几步的检查未发现问题。" in chinese.out


def test_a_training_is_diagnosed_and_reported(chainrule, unbalanced: Path) -> None:
    trained = chainrule(
        "train", "trips.csv", "--target", "late", "--epochs", "3", "--quick", "--out", "trips"
    )
    assert trained.code == 0
    assert trained.err.count("class-imbalance: class no has") == 1
    notes = json.loads((Path("trips") / DIAGNOSIS_FILE).read_text(encoding="utf-8"))
    assert "class-imbalance" in [finding["rule"] for finding in notes["findings"]]
    findings = chainrule("doctor", "trips")
    assert findings.code == 0
    assert "model." not in findings.out
    assert "chainrule show rule class-imbalance" in findings.out
    command = re.search(
        r"(?m)^try: chainrule (train trips.csv --target late --quick --epochs 3 --class-weight balanced)$",
        findings.out,
    )
    assert command is not None
    assert chainrule(*command[1].split(), "--out", "again").code == 0
    assert "类别不平衡" in chainrule("doctor", "trips", "--lang", "zh").out
    report = (Path("trips") / "report.html").read_text(encoding="utf-8")
    assert "class imbalance" in report
    assert "类别不平衡" in report
    assert chainrule("doctor", "trips", "--html", "page.html").code == 0
    assert "class-imbalance" in Path("page.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_missing_run_or_damaged_notes_are_refused(chainrule, unbalanced: Path) -> None:
    assert "E401" in chainrule("doctor", "nowhere").err
    chainrule("train", "trips.csv", "--target", "late", "--epochs", "1", "--out", "trips")
    (Path("trips") / DIAGNOSIS_FILE).write_bytes(b"\xff\x00")
    damaged = chainrule("doctor", "trips")
    assert damaged.code == 2
    assert "E550" in damaged.err
    (Path("trips") / DIAGNOSIS_FILE).unlink()
    gone = chainrule("doctor", "trips")
    assert gone.code == 2
    assert "E552" in gone.err


def test_rules_are_shown(chainrule) -> None:
    listed = chainrule("show", "rules").out
    assert all(name in listed for name in RULES)
    assert "数据泄漏" in chainrule("show", "rules", "--lang", "zh").out
    by_name, by_number = chainrule("show", "rule", "data-leakage"), chainrule("show", "rule", "23")
    assert by_name.out == by_number.out
    assert "numpy.delete" in by_name.out
    assert "on the command line: chainrule train DATA --drop COLUMN" in by_name.out
    chinese = chainrule("show", "rule", "not-finite", "--lang", "zh").out
    assert "命令行：chainrule train DATA --learning-rate LOWER" in chinese
    assert "reduce" not in chinese
    assert "on the command line" not in chainrule("show", "rule", "symmetry").out
    wrong = chainrule("show", "rule", "data-leek")
    assert wrong.code == 2
    assert "chainrule show rule data-leakage" in wrong.err


RATES = [
    ("sgd", 50, "not-finite"),
    ("sgd", 5, "rate-too-high"),
    ("adam", 3, "rate-too-high"),
    ("sgd", 1e-6, "rate-too-low"),
]


@pytest.mark.long
@pytest.mark.parametrize(("optimizer", "value", "rule"), RATES)
def test_the_learning_rate_of_a_fix_is_good(chainrule, optimizer: str, value: float, rule: str) -> None:
    words = ("train", "iris", "--net", "64 relu", "--epochs", 30, "--optimizer", optimizer)
    trained = chainrule(*words, "--learning-rate", value, "--out", "run")
    diagnosis = chainrule("doctor", "run").out
    assert f"({rule})" in diagnosis
    commands = re.findall(r"(?m)^try: chainrule (train .*)$", diagnosis)
    fixes = [re.search(r"--learning-rate (\S+)", command) for command in commands]
    fixes += [re.search(r"fix +--optimizer sgd --learning-rate (\S+)", trained.err)]
    for number, fix in enumerate(fix for fix in fixes if fix is not None and float(fix[1]) != value):
        changed = chainrule(*words, "--learning-rate", fix[1], "--out", f"changed-{number}")
        assert changed.code == 0, changed.err
        findings = set(re.findall(r"(?m)^([a-z-]+): ", changed.err))
        assert not findings & {"rate-too-high", "rate-too-low", "exploding-gradients", "flat-loss"}


@pytest.mark.parametrize("text", sorted({RULE_OPTIONS[rule] for rule in RULE_OPTIONS}))
def test_the_command_of_every_rule_trains(chainrule, unbalanced: Path, text: str) -> None:
    rule = next(rule for rule, options in RULE_OPTIONS.items() if options == text)
    options = Options("trips.csv", target="late", epochs=1, penalty=0.1, patience=5)
    finding = Finding(RULES[rule], Evidence(1.0, 0.9, {"column": "weight"}))
    program, *words = shlex.split(command_for(finding, options))
    assert program == "chainrule"
    outcome = chainrule(*words, "--quick", "--out", "changed")
    assert outcome.code == 0, outcome.err


def test_a_training_in_python_is_diagnosed_with_lines_of_python(chainrule, unbalanced: Path) -> None:
    x = np.arange(390, dtype=np.float32).reshape(130, 3) % 7
    model = cr.Model(cr.Dense(2), "cross_entropy")
    model.fit(x, [row[2] for row in ROWS], epochs=1, run="here", verbose=False)
    assert 'try: model.fit(x, y, class_weight="balanced")' in chainrule("doctor", "here").out
