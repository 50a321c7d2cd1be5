"""The texts of a training on a table: every key that the package uses exists."""

from __future__ import annotations

import ast
from pathlib import Path

import chainrule.tabular
from chainrule.tabular.texts import WORDS

FUNCTIONS = ("text_of", "text_in", "both_texts", "sentence")


def test_every_key_has_a_text() -> None:
    folder = Path(chainrule.tabular.__file__).parent
    calls = [
        node
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FUNCTIONS
    ]
    keys = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    assert len(keys) > 30
    assert set(keys) - set(WORDS) == set()
