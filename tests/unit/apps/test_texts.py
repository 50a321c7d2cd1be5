"""The texts of the command line: each key is defined once."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from importlib import import_module
from types import ModuleType

import pytest

from chainrule.apps.cli import texts
from chainrule.apps.cli.main import main


def keys_of(module: ModuleType) -> list[str]:
    """The keys that a module writes into its table, and those of the tables that it joins."""
    tree = ast.parse(inspect.getsource(module))
    keys = [
        key.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict)
        for key in node.value.keys
        if isinstance(key, ast.Constant)
    ]
    names = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    modules = [import_module(name) for name in names if name.endswith("texts")]
    return [*keys, *(key for one in modules for key in keys_of(one))]


def test_no_table_replaces_a_text_of_another_one() -> None:
    keys = keys_of(texts)
    assert set(keys) == set(texts.WORDS)
    assert [key for key, count in Counter(keys).items() if count > 1] == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["data", "--help"], "list the data sets of the examples"),
        (["train", "--help"], "choose the threshold of two classes"),
        (["predict", "--help"], "file (CSV,"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_help_describes_commands_and_options_of_equal_names(
    words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    assert text in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "sections"),
    [
        ("op matmul", ("各引擎相加的顺序不同", "2 I K J 次浮点运算")),
        ("metric r2", ("只有一行时为 NaN",)),
        ("layer BatchNorm", ("分两遍计算", "约 8 次浮点运算")),
    ],
)
def test_numerics_and_cost_of_a_block_are_shown_in_chinese(
    words: str, sections: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", *words.split(), "--lang", "zh"]) == 0
    printed = capsys.readouterr().out
    assert [part for part in sections if part not in printed] == []
