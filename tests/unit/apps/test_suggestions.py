"""The fix of a wrong word on the command line is the one with the same meaning."""

from __future__ import annotations

import pytest

from chainrule.apps.cli.main import main


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ("fit iris", "chainrule train"),
        ("test run iris", "chainrule evaluate"),
        ("ls", "chainrule --help"),
        ("pedict run iris", "chainrule predict"),
        ("train iris --lr 0.1", "--learning-rate"),
        ("train iris --rate 0.1", "--learning-rate"),
        ("train iris --batch 4", "--batch-size"),
        ("train iris --epoch 4", "--epochs"),
        ("train iris --net Dense(3)", '"3"'),
    ],
)
def test_the_fix_is_what_was_meant(words: str, fix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    printed = capsys.readouterr().err.splitlines()
    assert next(line.split(maxsplit=1)[1] for line in printed if line.startswith("  fix")).startswith(fix)
