"""``chainrule quantize``: predictions in 8 bits, stored in the model file, and the float weights again."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.conftest import Command


@pytest.mark.long
def test_a_run_is_quantized_and_returns_to_its_float_weights(chainrule: Command, tmp_path: Path) -> None:
    words = ("train", "iris", "--target", "species", "--quick", "--epochs", "3", "--out", "run")
    assert chainrule(*words, "--precision", "bfloat16").code == 0
    file = Path("run", "model.safetensors")
    before, outcome = file.read_bytes(), chainrule("quantize", "run", "iris")
    assert outcome.code == 0
    assert "150 predictions differ" in outcome.out
    assert "int8: matrix products and convolutions in dense1, dense2, dense3" in outcome.out
    assert file.read_bytes() != before
    assert chainrule("predict", "run", "iris").code == 0
    chinese = chainrule("quantize", "run", "iris", "--lang", "zh").out
    assert "8 位" in chinese
    assert "matrix products" not in chinese
    assert "int8: " in chainrule("show", "run").out
    assert chainrule("quantize", "run", "--float").code == 0
    assert file.read_bytes() == before


def test_wrong_options_are_refused(chainrule: Command, tmp_path: Path) -> None:
    assert chainrule("train", "iris", "--quick", "--epochs", "1", "--out", "run").code == 0
    for words in (("run",), ("run", "iris", "--float")):
        outcome = chainrule("quantize", *words)
        assert (outcome.code, "E601" in outcome.err) == (2, True)
    outcome = chainrule("train", "iris", "--quick", "--precision", "float16")
    assert outcome.code == 2
    assert "--precision bfloat16" in outcome.err
