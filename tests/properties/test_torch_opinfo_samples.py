"""Values and gradients agree with PyTorch on the first of its sample inputs for every operation.

``python campaigns/torch_database.py`` runs all samples on both engines and writes docs/pytorch-comparison.md.
These tests run the native engine only for convolution and pooling, for which it has its own memory layouts.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from chainrule.graph import Node
from chainrule.ops import PUBLIC
from torch_database.optimizers import OPTIMIZERS
from torch_database.rows import ALL_MODULES, OPERATIONS

PAGE = Path(__file__).parents[2] / "docs" / "pytorch-comparison.md"


@pytest.fixture(scope="module")
def database() -> Any:
    """PyTorch's samples and what runs them; only the process that tries them has to load them."""
    pytest.importorskip("expecttest", reason="PyTorch's own test data needs it")
    return import_module("torch_database.run")


def engines_of(name: str) -> tuple[str, ...]:
    """Where the samples of a name are tried."""
    windows = "conv" in name.casefold() and "Lazy" not in name
    return ("reference", "native") if windows else ("reference",)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_agrees(name: str, database: Any) -> None:
    assert database.operation(name, 1, engines_of(name)).failing == []


@pytest.mark.parametrize("name", sorted(set(ALL_MODULES) - {"nn.CTCLoss"}))  # it is its function, and slow
def test_a_module_agrees(name: str, database: Any) -> None:
    assert database.module(name, 1, engines_of(name)).failing == []


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_an_optimizer_agrees(name: str, database: Any) -> None:
    assert database.optimizer(name, ("reference",)).failing == []


def test_the_page_lists_every_name_and_nothing_that_differs() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (\d+) \| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(name for name, *_ in rows) == sorted([*OPERATIONS, *ALL_MODULES, *OPTIMIZERS])
    assert all(supported == agree for _, supported, agree in rows)
    assert sum(int(agree) for *_, agree in rows) > 5000


def test_a_difference_is_found(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(x: Node, **_: object) -> Node:
        return x + x

    def slightly_steeper(x: Node, **_: object) -> Node:  # the right value, another slope
        return PUBLIC["abs"](x) + (x - PUBLIC["stop_gradient"](x)) * 1e-9

    for wrong in (twice, slightly_steeper):
        monkeypatch.setitem(OPERATIONS, "abs", wrong)
        tally = database.operation("abs", engines=("reference",))
        assert tally.agree == 0
        assert len(tally.failing) == tally.supported == 1
