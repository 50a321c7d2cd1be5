"""Doors and tables: every name leads to what it says, and nothing is loaded before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import chainrule
from chainrule.errors import UsageError
from chainrule.lazy_imports import Table
from chainrule.nn.loss import LOSSES, known_loss
from chainrule.nn.optimizer import OPTIMIZERS

ROOMS = (
    "data", "explain", "nn", "nn.loss", "nn.optimizer", "nn.schedule", "store", "trace", "train",
)  # fmt: skip


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_room_leads_somewhere(room: str) -> None:
    # In a process of its own, after all files of the room are loaded: a file must not hide its namesake.
    code = f"""
import importlib, pkgutil, types
import chainrule.{room} as room
for found in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    importlib.import_module(found.name)
print(*(name for name in dir(room) if isinstance(getattr(room, name), types.ModuleType)))
print(len(dir(room)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    hidden, count = done.stdout.splitlines()
    assert hidden == ""
    assert int(count) > 0


@pytest.mark.parametrize("room", ROOMS)
def test_an_unknown_name_is_refused_as_python_does(room: str) -> None:
    module = import_module(f"chainrule.{room}")
    assert isinstance(module, ModuleType)
    with pytest.raises(AttributeError, match=f"module 'chainrule.{room}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018
    with pytest.raises(ImportError, match="nothing"):
        exec(f"from chainrule.{room} import nothing")


def test_names_of_other_libraries_say_what_they_are_called_here() -> None:
    names = {"Linear": "layer Dense", "Conv2D": "layer Conv", "CrossEntropyLoss": "loss cross_entropy"}
    for name, here in names.items():
        with pytest.raises(
            AttributeError, match=f"has no name '{name}'; it is {here}: chainrule show {here}"
        ):
            getattr(chainrule, name)
    with pytest.raises(AttributeError, match=r"has no name 'nothing'$"):
        chainrule.nothing  # noqa: B018
    for name, own in (("sparse_categorical_crossentropy", "cross_entropy"), ("MSELoss", "mse")):
        with pytest.raises(UsageError, match=f'loss="{own}"'):
            known_loss(name)


@pytest.mark.parametrize("table", [LOSSES, OPTIMIZERS], ids=["losses", "optimizers"])
def test_names_in_a_table_are_those_of_the_things(table: Table[Any]) -> None:
    assert {name: kind.name for name, kind in table.items()} == {name: name for name in table}
    assert len({*table.values()}) == len(table)
    assert "nothing" not in table
    with pytest.raises(KeyError):
        table["nothing"]


@pytest.mark.parametrize(
    "first",
    ["cr.input('x', (None, 2)) + 1", "cr.constant([[1.0]]).T", "cr.input('x', (3,)).sum()"],
    ids=["sign", "transpose", "method"],
)
def test_nodes_know_their_signs_before_anything_else_is_asked_for(first: str) -> None:
    code = f"import chainrule as cr\nprint(type({first}).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Node\n", "")
