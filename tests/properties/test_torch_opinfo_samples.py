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
from chainrule.ops import functional as F
from torch_database.optimizers import OPTIMIZERS
from torch_database.registry import ALL_MODULES, OPERATIONS

PAGE = Path(__file__).parents[2] / "docs" / "pytorch-comparison.md"


@pytest.fixture(scope="module")
def database() -> Any:
    """The module that runs PyTorch's samples; only the process that runs them imports it."""
    pytest.importorskip("expecttest", reason="PyTorch's test databases need it")
    return import_module("torch_database.run")


def engines_of(name: str) -> tuple[str, ...]:
    """The engines that run the samples of a name."""
    windows = "conv" in name.casefold() and "Lazy" not in name
    return ("reference", "native") if windows else ("reference",)


def refuse_failures(tally: Any) -> None:
    """Fail if a sample differs, or if there was none."""
    assert tally.failing == []
    assert tally.agree or tally.unsupported


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_has_pytorchs_value_and_gradients(name: str, database: Any) -> None:
    refuse_failures(database.operation(name, 1, engines_of(name)))


@pytest.mark.parametrize(
    "name", sorted(set(ALL_MODULES) - {"nn.CTCLoss"})
)  # equals its function, and is slow
def test_a_module_has_pytorchs_value_and_gradients(name: str, database: Any) -> None:
    refuse_failures(database.module(name, 1, engines_of(name)))


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_an_optimizer_takes_pytorchs_steps(name: str, database: Any) -> None:
    refuse_failures(database.optimizer(name, ("reference",)))


def test_the_comparison_page_lists_every_name_and_no_difference() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (\d+) \| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(name for name, *_ in rows) == sorted([*OPERATIONS, *ALL_MODULES, *OPTIMIZERS])
    assert all(supported == agree for _, supported, agree in rows)
    assert sum(int(agree) for *_, agree in rows) > 5000


def test_a_wrong_value_or_gradient_is_reported(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(x: Node, **_: object) -> Node:
        return x + x

    def slightly_steeper(x: Node, **_: object) -> Node:  # the right value, another derivative
        return F.abs(x) + (x - F.stop_gradient(x)) * 1e-9

    for wrong in (twice, slightly_steeper):
        monkeypatch.setitem(OPERATIONS, "abs", wrong)
        tally = database.operation("abs", engines=("reference",))
        assert tally.agree == 0
        assert len(tally.failing) == tally.supported == 1
