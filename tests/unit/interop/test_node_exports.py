"""Node cases of the ``onnx`` library, imported, exported and run: a part of ``campaigns.onnx_exports``."""

from __future__ import annotations

import pytest
from campaigns.onnx_exports import Trial, in_c, in_numpy, in_onnx, trials

WORDS = "scan9 softmax_axis conv_with_strides gather_elements reduce_l2_do_not lstm_with_initial".split()


@pytest.fixture(scope="module")
def cases() -> list[Trial]:
    cases = [trial for trial in trials(WORDS) if isinstance(trial, Trial)]
    assert [word for word in WORDS if not any(word in trial.name for trial in cases)] == []
    return cases


@pytest.mark.long
@pytest.mark.parametrize("kind", ["numpy", "onnx", "c"])
def test_an_export_computes_the_outputs_of_the_case(kind: str, cases: list[Trial]) -> None:
    if kind == "c":
        in_c(cases)
    for trial in () if kind == "c" else cases:
        (in_numpy if kind == "numpy" else in_onnx)(trial)
    assert {trial.name: reason for trial in cases if (reason := trial.reasons[kind])} == {}
