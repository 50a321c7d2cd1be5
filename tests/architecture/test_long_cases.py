"""The list of expensive cases names functions that exist and are not marked as a whole."""

from __future__ import annotations

import ast

from conftest import LONG_CASES
from source_files import ROOT, nodes


def test_each_case_is_of_a_function_without_the_mark() -> None:
    assert len(LONG_CASES) > 100
    names = {tuple(case.partition("[")[0].split("::")) for case in LONG_CASES}
    unmarked = {
        (path, node.name)
        for path in {path for path, _ in names}
        for node in nodes(ROOT / path)
        if isinstance(node, ast.FunctionDef)
        and "pytest.mark.long" not in map(ast.unparse, node.decorator_list)
    }
    assert names - unmarked == set(), "run python -m campaigns.test_costs --write"
