"""Each data check reports a table that has its fault, and reports nothing for a faultless table."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.data import check, read_table
from chainrule.data.tables.findings import SENTENCES
from chainrule.messages import translated

DRAW = np.random.default_rng(0)
N = 200
A, B = DRAW.normal(size=(2, N)).round(3)
Y = np.where(A + B + DRAW.normal(size=N) > 0, "b", "a")
HEALTHY = {"a": A, "b": B, "y": Y}

CASES: dict[str, dict] = {
    "copy_of_target": {"copy": Y},
    "leak": {"leak": np.where(Y == "a", np.arange(N) % 3, 3 + np.arange(N) % 3)},
    "imbalance": {"y": np.where(np.arange(N) < 15, "b", "a")},
    "scale_gap": {"large": A * 1e3 + B},
    "far_from_zero": {"far": A + B + 50},
    "constant": {"c": np.ones(N)},
    "id_like": {"id": np.arange(N)},
    "mostly_missing": {"gap": np.where(np.arange(N) < 150, np.nan, A + 2 * B)},
    "label_gap": {"y": np.where(Y == "a", 0, 2)},
    "labels_from_one": {"y": np.where(Y == "a", 1, 2)},
    "target_scale": {"y": 100 * A + 20 * DRAW.normal(size=N)},
    "target_missing": {"y": np.where(np.arange(N) < 5, None, Y.astype(object))},
}


def test_a_healthy_table_has_no_finding() -> None:
    assert check(read_table(HEALTHY), "y") == []


@pytest.mark.parametrize("code", CASES)
def test_each_finding_fires_alone(code: str) -> None:
    findings = check(read_table({**HEALTHY, **CASES[code]}), "y")
    assert [finding.code for finding in findings] == [code]
    assert findings[0].en != findings[0].zh


def test_duplicates() -> None:
    doubled = {name: np.concatenate([values, values[:30]]) for name, values in HEALTHY.items()}
    (finding,) = check(read_table(doubled), "y")
    assert (finding.code, finding.facts["count"]) == ("duplicates", 30)


def test_findings_are_sorted_by_severity() -> None:
    findings = check(read_table({**HEALTHY, **CASES["scale_gap"], **CASES["copy_of_target"]}), "y")
    assert [finding.severity for finding in findings] == ["error", "info"]


def test_every_sentence_has_both_languages_and_the_same_facts() -> None:
    for code, english in SENTENCES.items():
        texts = (english, translated(english, "zh", code))
        facts = [{part.split(":")[0] for part in text.replace("}", "{").split("{")[1::2]} for text in texts]
        assert facts[0] == facts[1], code
