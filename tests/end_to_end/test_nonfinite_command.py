"""``show`` and ``doctor`` on a training that a non-finite value ended: place, cause, remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import TrainingError
from chainrule.train.nonfinite.record import NAME


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    """The folder of a training whose learning rate is far too large."""
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(1)), "mse", cr.SGD(1e6))
    with pytest.raises(TrainingError, match="E501"):
        model.fit(np.ones((8, 2)), np.full(8, 9.0), epochs=50, verbose=False, run=tmp_path / "failed")
    return tmp_path / "failed"


@pytest.mark.parametrize("command", ["show", "doctor"])
@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Why the training stopped", "the learning rate 1e+06 is too large", "optimizer=cr.SGD(")),
        ("zh", ("训练因何停止", "学习率 1e+06 过大", "optimizer=cr.SGD(")),
    ],
)
def test_the_cause_of_the_end_of_a_training_is_shown(
    chainrule, failed: Path, command: str, lang: str, words: tuple[str, ...]
) -> None:
    outcome = chainrule(command, failed, "--lang", lang)
    assert outcome.code == 0, outcome.err
    assert [word for word in words if word not in outcome.out] == []


@pytest.mark.parametrize("command", ["show", "doctor"])
def test_a_damaged_record_is_refused(chainrule, failed: Path, command: str) -> None:
    (failed / NAME).write_text('{"step": 3}', encoding="utf-8")
    outcome = chainrule(command, failed)
    assert outcome.code != 0
    assert "E555" in outcome.err
    assert "Traceback" not in outcome.err
