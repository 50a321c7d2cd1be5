"""The rows of docs/coming-from-pytorch.md: an expression of PyTorch, and the same in chainrule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch

import chainrule as cr
from page_examples import DOCS

PAGE = DOCS / "coming-from-pytorch.md"
LOOP = "## A training loop"
ROW = re.compile(r"^\| `([^`|]+)` \| `([^`|]+)` \|$", re.MULTILINE)
RNG = np.random.default_rng(0)
# The variables of the rows. All numbers are different, so that a mistake of an axis or of an order shows.
ARRAYS: dict[str, np.ndarray] = {
    **{name: RNG.normal(size=(3, 4)) for name in "xy"},
    "p": RNG.uniform(0.1, 0.9, (3, 4)),
    "v": RNG.normal(size=4),
    **{name: RNG.normal(size=(2, 3, 4)) for name in "bc"},
    "s": RNG.normal(size=(4, 4)),
    "i": np.array([[0, 3], [2, 1], [1, 1]]),
    "j": np.array([2, 0, 1, 1, 2]),
    **{name: RNG.random((3, 4)) < 0.5 for name in "mn"},
    "image": RNG.normal(size=(2, 6, 5, 3)),
    "kernel": RNG.normal(size=(4, 3, 2, 3)),
}


@cache
def rows() -> tuple[tuple[str, str], ...]:
    """The expressions of the rows of functions: PyTorch's, and that of chainrule."""
    return tuple(ROW.findall(PAGE.read_text(encoding="utf-8").partition(LOOP)[0]))


@cache
def statements() -> tuple[tuple[str, str], ...]:
    """The statements of the rows of a training loop."""
    return tuple(ROW.findall(PAGE.read_text(encoding="utf-8").partition(LOOP)[2]))


def values(expression: str, variables: Mapping[str, Any]) -> list[Any]:
    """The results of an expression, in either library."""
    names = {"torch": torch, "F": torch.nn.functional, "cr": cr, "np": np, **variables}
    result = eval(expression, names)  # a row of our own page
    is_several = isinstance(result, list | tuple)
    return list(result) if is_several else [result]


def used(expression: str) -> list[str]:
    """The variables that an expression contains."""
    words = set(re.findall(r"(?<![\w.\"])([a-z]+)(?![\w(\"=])", expression))
    return [name for name in ARRAYS if name in words]


def nodes(names: list[str], dtype: str = "float64") -> dict[str, cr.Node]:
    """An input for each variable."""
    return {
        name: cr.input(
            name, ARRAYS[name].shape, dtype if ARRAYS[name].dtype.kind == "f" else str(ARRAYS[name].dtype)
        )
        for name in names
    }


def cotangents(outputs: list[Any]) -> list[np.ndarray]:
    """A number for each element of the results, with which they are multiplied before they are summed."""
    rng = np.random.default_rng(1)
    return [rng.normal(size=tuple(output.shape)) for output in outputs]
