"""The fix that a command prints works in a shell: as another command, or as an option of the failing one."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from chainrule.apps.cli.command_line import is_python
from chainrule.apps.cli.main import main as command

# The failing command, its code, and the first words of its fix.
CASES = {
    "a step of a training on two engines": ("explain two iris --step 2", "E505", "chainrule explain two"),
    "options before the arguments": ("explain --step 2 two iris", "E505", "chainrule explain two iris"),
    "a step of another engine": ("explain run iris --step 2 --engine xla", "E505", "--engine native"),
    "no such step": ("explain run iris --step 0", "E530", "--step 1"),
    "a step of a model file": ("explain run/model.safetensors iris --step 1", "E533", "chainrule explain"),
    "an unknown engine": ("evaluate run iris --engine gpu", "E101", "--engine"),
    "canaries without a training": ("audit run/model.safetensors iris --canaries 2", "E601", "in Python:"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training on one engine, and one that was resumed on another."""
    pytest.importorskip("jax")
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for run in ("run", "two"):
            assert command(["train", "iris", "--net", "4 relu", "--epochs", "2", "--out", run]) == 0
        assert command(["resume", "two", "--epochs", "3", "--engine", "xla"]) == 0
    return place


def _fixed(words: list[str], fix: str) -> list[str]:
    """The words of a command after its fix was pasted: another command, or an option in its place."""
    pasted = shlex.split(fix)
    if pasted[0] == "chainrule":
        return pasted[1:]
    if pasted[0] in words:
        place = words.index(pasted[0])
        return [*words[:place], *pasted, *words[place + 2 :]]
    return [*words, *pasted]


@pytest.mark.long
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("case", CASES)
def test_a_pasted_fix_works(
    case: str, lang: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    line, code, begins = CASES[case]
    words = line.split()
    assert command([*words, "--lang", lang]) == 2
    message = capsys.readouterr().err
    assert f" {code} " in message
    title = "fix" if lang == "en" else "修正"
    fix = next(row.strip().removeprefix(title).strip() for row in message.splitlines() if title in row)
    assert not is_python(fix)
    if lang == "en":
        assert fix.startswith(begins)
    if fix.startswith(("chainrule ", "--")):
        pasted = _fixed(words, fix.replace("DATA", "iris"))
        assert command(pasted) == 0, pasted
    else:
        assert lang == "zh" or fix.startswith("in Python: chainrule.auditing.audit_in_one_run(")
