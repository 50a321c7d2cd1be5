"""``chainrule show FILE`` lists the tensors of a file of weights, and executes nothing in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from weight_files import FORMS, call, in_zip, saved, state, text

HELD = {
    "conv1.weight": torch.ones(4, 3, 2, 2),
    "conv1.bias": torch.ones(4).bfloat16(),
    "\x1b[31mred": torch.ones(1),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("lang", "expected"), [("en", "3 tensors, 53 values"), ("zh", "3 个张量，共 53 个数")]
)
def test_the_tensors_of_a_file_are_listed(chainrule, form: str, lang: str, expected: str) -> None:
    outcome = chainrule("show", saved(HELD, Path.cwd(), form), "--lang", lang)
    assert outcome.code == 0, outcome.err
    lines = [line.split() for line in outcome.out.splitlines()]
    assert ["conv1.weight", "(4,", "3,", "2,", "2)", "float32"] in lines
    assert ["conv1.bias", "(4,)", "bfloat16"] in lines
    assert "\x1b" not in outcome.out  # control characters are escaped
    assert expected in outcome.out


def test_a_hostile_file_is_refused(chainrule) -> None:
    Path("evil.pt").write_bytes(in_zip(state(a=call("os", "system", text("touch executed")))))
    outcome = chainrule("show", "evil.pt")
    assert outcome.code == 2
    assert 'E452 in evil.pt: the file requests "os.system"' in outcome.err
    assert not Path("executed").exists()


@pytest.mark.parametrize("name", ["gone.safetensors", "gone.pt"])
def test_a_missing_file_is_refused(chainrule, name: str) -> None:
    outcome = chainrule("show", name)
    assert outcome.code == 2
    assert "E401" in outcome.err


def test_a_model_file_is_shown_as_a_model(chainrule, run: Path) -> None:
    outcome = chainrule("show", run / "model.safetensors")
    assert outcome.code == 0
    assert "dense1" in outcome.out
    assert "parameter/" not in outcome.out
