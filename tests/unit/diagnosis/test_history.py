"""The doctor's rules for training histories: faulty trainings are reported, sound ones have no findings."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns import doctor
from campaigns.doctor_cases import chances, fits, healthy, losses, signals
from campaigns.doctor_cases.case import Case
from campaigns.doctor_cases.training import blobs
from hypothesis import example, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.diagnosis import HISTORY, RULES, Finding, TrainingRecord, compare_seeds, findings_after
from chainrule.diagnosis.callback import apply_rules
from chainrule.diagnosis.rule import Evidence
from chainrule.diagnosis.rules.loss_curve import _turns
from chainrule.errors import TrainingError, UsageError, fact
from chainrule.events import Event, Notice
from chainrule.train.monitor import probe as probing
from chainrule.train.monitor.probe import Probe

FAULTS = (*signals.CASES, *losses.CASES, *fits.CASES, *chances.CASES)
SLOW = (
    "seventy",
    "thirty",
    "twenty-five",
    "seeds",
    "one seed",
    "eight sigmoid",
    "far too high",
    "200 epochs",
)
FIRST = {case.rule: case for case in reversed(FAULTS) if not any(word in case.name for word in SLOW)}
SOUND = [
    case
    for case in healthy.CASES
    if case.name
    in {
        "trained: iris, seed 1",
        "trained: one hidden layer, seed 1",
        "trained: batch normalization, seed 2",
        "trained: a wave, Adam, seed 0",
        "trained: LeNet on images, seed 0",
    }
]


def called(case: Case) -> str:
    return f"{case.rule or 'sound'}: {case.name}"


@pytest.mark.parametrize("case", FIRST.values(), ids=called)
def test_a_faulty_training_is_reported(case: Case) -> None:
    assert case.rule in case.run()


@pytest.mark.parametrize("case", SOUND, ids=called)
def test_a_sound_training_has_no_findings(case: Case) -> None:
    assert not doctor.alarms(case.run())


def test_every_history_rule_has_three_faulty_cases() -> None:
    rules = [case.rule for case in doctor.CASES]
    assert {name: rules.count(name) for name in HISTORY if rules.count(name) < 3} == {}


# --- rules accept any values in a history

PATHS = ("dense1", "dense2", "dense3")
ERRORS = (
    None,
    ValueError("of a callback"),
    TrainingError(
        "E501",
        cause="log of 0",
        cause_zh="对 0 取对数",
        received=fact(
            "{value:.6g} from {op} at {index}, {place}", value=math.inf, op="log", index=(1,), place="x"
        ),
    ),
)
STRANGE = (math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-320, 1e300)


def any_course(draw: np.random.Generator) -> TrainingRecord:
    """A course with arbitrary values, or usual ones."""
    odd = draw.choice([0.0, 0.1, 1.0])

    def number() -> float:
        return float(draw.choice(STRANGE) if draw.uniform() < odd else draw.exponential())

    def probe(step: int) -> Probe:
        layers = {path: {name: number() for name in (*probing.OF_LAYER, "not_finite")} for path in PATHS}
        of_parameter = (*probing.OF_PARAMETER, "not_finite")
        weights = {f"{path}.weight": {name: number() for name in of_parameter} for path in PATHS}
        every = {path: part for path, part in {**layers, **weights}.items() if draw.uniform() < 0.9}
        return Probe(step, step // 5, {name: number() for name in probing.OF_STEP}, every)

    rows = [
        {"epoch": i, "loss": number(), "val_loss": number() if draw.uniform() < 0.9 else None}
        for i in range(draw.integers(0, 30))
    ]
    return TrainingRecord(
        rows,
        [probe(10 * i) for i in range(draw.integers(0, 5))],
        int(draw.integers(0, 999)),
        int(draw.integers(0, 99)),
        len(rows),
        {f"{path}.weight": 4 for path in PATHS},
        dict(zip(PATHS, ("relu", "tanh", ""), strict=True)),
        number(),
        "classification",
        str(draw.choice(["", "epochs", "failed"])),
        ERRORS[draw.integers(0, len(ERRORS))],
        (tuple(f"{path}.weight" for path in PATHS),),
    )


@pytest.mark.parametrize("name", HISTORY)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=9676)  # the first loss is 0
def test_random_histories_never_make_a_rule_fail(name: str, seed: int) -> None:
    rule, course = RULES[name], any_course(np.random.default_rng(seed))
    for time in ("during", "after"):
        rule_function = getattr(rule, time)
        with np.errstate(all="ignore"):
            evidences = list(rule_function(course)) if rule_function else []
        findings = [Finding(rule, evidence) for evidence in evidences]
        assert "" not in [text for finding in findings for text in (finding.line("en"), finding.remedy)]
        restored = [Finding.of_json(finding.to_json()) for finding in findings]
        assert [finding.line("zh") for finding in restored] == [finding.line("zh") for finding in findings]


def test_a_training_without_steps_has_no_findings() -> None:
    assert findings_after(TrainingRecord(), apply_rules) == ()
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy")
    model.fit(*blobs(40), epochs=0, verbose=False)
    assert model.diagnosis is not None
    assert len(model.diagnosis) == 0


# --- the loss


@pytest.mark.parametrize(
    ("losses", "turns"),
    [
        ([1.0], 0),
        ([3, 2, 1, 0], 0),
        ([0, 1, 0, 1, 0], 3),
        ([0, 0.4, 0, 0.4], 0),
        ([2, 1, 1.2, 0.9, 2, 1.1], 2),
    ],
)
def test_only_large_turns_are_counted(losses: list[float], turns: int) -> None:
    assert _turns(np.array(losses), 0.5) == turns


def course(losses: list[float], **more: Any) -> TrainingRecord:
    rows = [{"epoch": float(i), "loss": loss} for i, loss in enumerate(losses, 1)]
    for row, val in zip(rows, more.pop("val", []), strict=False):
        row["val_loss"] = val
    return TrainingRecord(rows, rows=100, batch=10, **more)


def probe_at(step: int, samples: float, penalty: float) -> Probe:
    """A probe of a training with this loss of the samples and this penalty."""
    values = {**dict.fromkeys(probing.OF_STEP, 0.0), "loss": samples + penalty, "training_loss": samples}
    return Probe(step, step // 10, {**values, "inference_loss": samples}, {})


def test_the_penalty_is_not_part_of_the_data_loss() -> None:
    """As in ``chainrule train`` with its defaults: the penalty is larger than the loss of all samples."""
    samples, penalties = 0.9 * 0.93 ** np.arange(30), 2.5 * 0.95 ** np.arange(30)
    probes = [probe_at(0, 0.9, 2.5), probe_at(10, 0.85, 2.4), probe_at(300, samples[-1], penalties[-1])]
    one = course(list(samples + penalties), probes=probes, constant_loss=0.65)
    np.testing.assert_allclose(one.losses, samples, atol=0.1)
    assert spoke(one) == set()
    assert (
        spoke(course(list(samples + penalties), probes=probes[:2], constant_loss=0.65)) == set()
    )  # before the last probe


def spoke(one: TrainingRecord) -> set[str]:
    return {finding.rule.id for finding in findings_after(one, apply_rules)}


def test_overfitting_suggests_early_stopping() -> None:
    losses, val = [1 / n for n in range(1, 21)], [0.5, 0.4, *np.linspace(0.3, 1.2, 18)]
    assert "overfitting" in spoke(course(losses, val=val))
    stopped: dict[str, Any] = {"keeps_best": True, "ended": "early_stopping", "kept_loss": 0.3}
    assert spoke(course(losses, val=val, best_epoch=3, **stopped)) == {"overfitting-undone"}
    assert spoke(course(losses, val=val, **stopped)) == {"overfitting-undone"}, "of members"
    assert spoke(course(losses, val=val, keeps_best=True)) == set(), "while it runs"
    assert "overfitting" in spoke(course(losses, val=val, best_epoch=20, **stopped)), "by another column"


def test_a_loss_that_falls_in_the_last_epochs_is_not_reported() -> None:
    assert "flat-loss" in spoke(course([0.7] * 6))
    assert "flat-loss" not in spoke(course([0.7] * 6 + [0.5, 0.3]))


# --- while a training runs


def test_a_finding_is_reported_once_and_stored_at_the_end(tmp_path: Path) -> None:
    notices: list[tuple[str, int]] = []
    steps = [0]

    def listen(event: Event) -> None:
        steps[0] = getattr(event, "step", steps[0])
        if isinstance(event, Notice):
            notices.append((event.en.partition(":")[0], steps[0]))

    net = cr.Sequential(*(cr.Dense(8, "sigmoid") for _ in range(8)), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(1e-3))
    model.fit(*blobs(64), epochs=40, verbose=False, callbacks=[listen], run=tmp_path)
    assert model.diagnosis is not None
    names = [name for name, _ in notices if name in RULES]
    assert len(names) == len(set(names))
    assert {"vanishing-gradients", "underfitting"} <= set(model.diagnosis.rules)
    assert dict(notices)["vanishing-gradients"] <= 10 < dict(notices)["underfitting"] == 80
    assert '"vanishing-gradients"' in (tmp_path / "doctor.json").read_text()


def test_a_failed_training_has_a_diagnosis() -> None:
    x, y = blobs(64)
    model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(1)), "mse", cr.SGD(1e5))
    with pytest.raises(TrainingError, match="E501"):
        model.fit(x, x.sum(axis=1), epochs=20, verbose=False)
    assert model.diagnosis is not None
    assert "not-finite" in model.diagnosis.rules
    assert len(y) == 64


# --- several trainings


def test_differences_below_two_standard_errors_are_reported() -> None:
    first = [0.0, 2.0]  # variance 2, standard error of the difference sqrt(2/2 + 2/2) = 1.41
    assert compare_seeds(first, [2.8, 4.8]).rules == ("seed-effect",)
    assert compare_seeds(first, [2.9, 4.9]).rules == ()
    (finding,) = compare_seeds(first, [1.0, 3.0])
    assert finding.evidence.value == pytest.approx(1 / math.sqrt(2))


def test_a_single_seed_is_reported() -> None:
    (finding,) = compare_seeds([0.9], [0.5])
    assert finding.evidence.form == "single"


@pytest.mark.parametrize(
    ("scores", "code"), [([], "E102"), ([math.nan], "E102"), (["high"], "E113"), (3, "E113"), (None, "E113")]
)
def test_invalid_scores_are_refused(scores: Any, code: str) -> None:
    with pytest.raises(UsageError, match=code):
        compare_seeds([0.5], scores)


# --- the campaign


def test_the_campaign_reports_wrong_cases(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{doctor.BEGIN}\n{doctor.END}\nafter\n")
    monkeypatch.setattr(doctor, "PAGE", page)
    cases = tuple(Case(name, f"{name} {i}", lambda name=name: (name,)) for name in RULES for i in range(3))
    monkeypatch.setattr(doctor, "CASES", (*cases, Case("", "well", lambda: ("validation-easier",))))
    assert doctor.main([]) == 0
    assert "114 of 114 faults found, 0 false alarms in 1" in page.read_text()
    monkeypatch.setattr(doctor, "CASES", (*cases[1:], Case("", "well", lambda: ("symmetry",))))
    assert doctor.main([]) == 1
    output = capsys.readouterr().out
    assert "sound: well: symmetry" in output
    assert f"too little: {cases[0].rule}" in output
    assert page.read_text().endswith("after\n")


def test_a_training_with_non_finite_values_has_one_finding_of_them() -> None:
    rule, step = RULES["not-finite"], dict.fromkeys(probing.OF_STEP, 1.0)
    probe = Probe(3, 0, step, {"dense2": {"not_finite": 0.5}})
    (part,), (fault,) = (
        [Finding(rule, evidence) for evidence in rule.during(record)]
        for record in (TrainingRecord(probes=(probe,)), TrainingRecord(error=ERRORS[2]))
    )
    assert part.what() == "dense2 contains non-finite values"
    assert part.key == fault.key


def test_a_very_large_share_is_not_written_in_percent() -> None:
    stride = Finding(RULES["rate-too-high"], Evidence(1736057155.713, 0.5, form="stride"))
    assert ">1,000% of their norm" in stride.what()
    assert stride.numbers().startswith("1.736e+09")
    small = Finding(RULES["rate-too-high"], Evidence(9.5, 0.5, form="stride"))
    assert "950.0% of their norm" in small.what()
    assert Finding.of_json(json.loads(json.dumps(stride.to_json()))).what() == stride.what()


def test_a_finding_from_a_file_keeps_its_record_and_refuses_other_templates() -> None:
    (evidence,) = RULES["not-finite"].during(TrainingRecord(error=ERRORS[2]))
    finding = Finding(RULES["not-finite"], evidence)
    stored = json.loads(json.dumps(finding.to_json()))
    assert Finding.of_json(stored).line("zh") == finding.line("zh")
    assert "来自 log" in finding.line("zh")
    stored["facts"]["message"] = {"template": "{x:>9999999999}", "values": {"x": "a"}}
    with pytest.raises(ValueError, match="unknown template"):
        Finding.of_json(stored)
