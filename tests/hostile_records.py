"""Records of preparations with one value replaced by a hostile one."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import math
from typing import Any

import numpy as np

from chainrule.data import Preparation, Table
from chainrule.errors import DataError

HOSTILE: list[Any] = [
    None,
    [],
    {},
    "",
    "x",
    0,
    -1,
    2,
    True,
    math.nan,
    math.inf,
    10**400,
    -1e308,
    [None],
    ["a", "a"],
    [1, "a"],
    {"kind": "number"},
]


def places(value: Any, path: tuple = ()) -> list[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, part in inner for place in places(part, (*path, key))]


def with_change(record: dict, path: tuple, value: Any) -> dict:
    broken = copy.deepcopy(record)
    parent: Any = broken
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return broken


def refused_changes(preparation: Preparation, table: Table) -> int:
    """The number of changed records that are refused; fail unless the others are read as they are."""
    record, refused = preparation.to_record(), 0
    for path, evil in itertools.product(places(record)[1:], HOSTILE):
        broken = with_change(record, path, evil)
        try:
            p = Preparation.from_record(broken)
        except DataError as error:
            refused += error.code == "E328"
            continue
        assert p.to_record() == json.loads(json.dumps(broken))
        with contextlib.suppress(DataError):  # such as a missing column
            assert np.isfinite(p.inputs(table)).all()
    return refused
