"""Every public class refuses arguments of other types by an error of chainrule, or accepts them."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.errors import ChainruleError

# Classes that methods and functions create, from checked values.
CREATED_ELSEWHERE = {"Blocks", "Buckets", "Decoder", "Parameters", "Trainer"}
CLASSES = sorted(
    name
    for name in dir(cr)
    if inspect.isclass(getattr(cr, name))
    and not issubclass(getattr(cr, name), BaseException)
    and name not in CREATED_ELSEWHERE
)
STRANGE: tuple[Any, ...] = (
    3,
    -1,
    2.5,
    "3",
    "",
    b"x",
    None,
    True,
    float("nan"),
    float("inf"),
    10**400,
    [],
    [1, 2],
    {},
    (),
    object(),
    len,
)
VALID = {"learning_rate": 0.1, "radius": 0.1, "rate": 0.1, "delta": 1e-5, "strength": 0.1}


def test_most_public_classes_are_tested() -> None:
    assert len(CLASSES) > 250


@pytest.mark.filterwarnings("ignore")
@loop_over("name", CLASSES)
def test_arguments_of_other_types_cause_no_other_error(name: str) -> None:
    kind = getattr(cr, name)
    parameters = inspect.signature(kind).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    required = {p.name: VALID.get(p.name, 4) for p in named if p.default is p.empty}
    for parameter in named:
        for value in STRANGE:
            with contextlib.suppress(ChainruleError):
                kind(**{**required, parameter.name: value})
