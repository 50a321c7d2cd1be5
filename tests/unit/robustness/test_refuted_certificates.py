"""The short form of ``campaigns.certificates``: no attack, point or other program refutes a proof."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from campaigns.certificates import KINDS, narrow, refuted, trained


@pytest.mark.parametrize(("kind", "norm"), list(zip(KINDS, ["inf", "2"] * len(KINDS), strict=False)))
def test_no_attack_and_no_point_refutes_a_certificate(kind: str, norm: str) -> None:
    model, x = trained(kind, 3)
    counts = refuted(model, x[:3], 0.3, norm, 3)
    assert counts["proven"] > 0
    assert counts["points"] > 1000 * counts["proven"]
    assert [counts[name] for name in ("pgd", "square", "grid")] == [0, 0, 0]


def test_no_other_program_refutes_a_property_that_holds_narrowly(tmp_path: Path) -> None:
    total: Counter[str] = Counter()
    for seed in (2, 3):
        total += narrow(seed, tmp_path, seconds=0.5)
    assert total["holds"] > 0
    assert total["refuted"] == 0
