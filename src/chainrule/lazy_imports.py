"""A room's door: the names it offers, and the file behind each, opened when somebody first asks for it.

A program that trains one small net names perhaps ten of some three hundred public things. Loading the files
of all the others took most of the time until its first step. So the ``__init__`` of a large room imports
none of its files; it lists which file has which names, and Python asks the room's ``__getattr__`` (PEP 562)
for every name it does not find.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


class Door:
    """The names of one room, each with the file it lives in.

    Args:
        room: the room's ``__name__``.
        homes: its files below the room, each with the names that live there, parted by spaces.

    Example:
        >>> Door("chainrule.nn", {"dense": "Dense", "loss": "MAE MSE"}).names
        ['Dense', 'MAE', 'MSE']
    """

    def __init__(self, room: str, homes: Mapping[str, str]) -> None:
        self.room = room
        self.homes = {name: f"{room}.{home}" for home, names in homes.items() for name in names.split()}

    @property
    def names(self) -> list[str]:
        """All names behind this door, sorted."""
        return sorted(self.homes)

    def fetch(self, name: str) -> Any:
        """What a name stands for; its file is loaded, and the room knows the name from now on.

        Fails:
            AttributeError: the room has no such name, as Python's own rooms say it.
        """
        if name not in self.homes:
            raise AttributeError(
                f"module {self.room!r} has no attribute {name!r}", name=name, obj=sys.modules[self.room]
            )  # Python then offers the nearest name
        value = getattr(import_module(self.homes[name]), name)
        setattr(sys.modules[self.room], name, value)
        return value


class Table(Mapping[str, T]):
    """A room's things by the names people call them: all names are known, a thing is loaded when asked for.

    Args:
        room: the room's ``__name__``.
        homes: for each name the file and the thing in it, ``"file.Thing"``.

    Example:
        >>> losses = Table("chainrule.nn.loss", {"mse": "regression.MSE", "mae": "regression.MAE"})
        >>> list(losses), losses["mae"].__name__
        (['mse', 'mae'], 'MAE')
    """

    def __init__(self, room: str, homes: Mapping[str, str]) -> None:
        self.room, self.homes = room, homes

    def __getitem__(self, name: str) -> T:
        home, _, thing = self.homes[name].rpartition(".")
        return getattr(import_module(f"{self.room}.{home}"), thing)

    def __contains__(self, name: object) -> bool:
        return name in self.homes

    def __iter__(self) -> Iterator[str]:
        return iter(self.homes)

    def __len__(self) -> int:
        return len(self.homes)
