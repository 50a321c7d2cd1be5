"""Lazy imports for packages: names whose modules are loaded on first access.

A program that trains one small network uses perhaps ten of some three hundred public names. Importing the
modules of all the others took most of the time until its first step. The ``__init__`` of a large package
therefore imports none of its modules; it lists which module defines which names, and Python calls the
package's ``__getattr__`` (PEP 562) for every name that is not loaded yet.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


class LazyNames:
    """The lazily loaded names of one package, each with the module that defines it.

    Args:
        package: the ``__name__`` of the package.
        modules: the modules, relative to the package, each with the names that it defines, separated by
            spaces.

    Example:
        >>> LazyNames("chainrule.nn", {"dense": "Dense", "loss": "MAE MSE"}).names
        ['Dense', 'MAE', 'MSE']
    """

    def __init__(self, package: str, modules: Mapping[str, str]) -> None:
        self.package = package
        self.modules = {
            name: f"{package}.{module}" for module, names in modules.items() for name in names.split()
        }

    @property
    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self.modules)

    def load(self, name: str) -> Any:
        """Import the module of a name and set the name in the package, so that later accesses find it there.

        Raises:
            AttributeError: the package has no such name; worded as by Python.
        """
        if name not in self.modules:
            raise AttributeError(
                f"module {self.package!r} has no attribute {name!r}",
                name=name,
                obj=sys.modules[self.package],
            )  # with name and obj, Python suggests the closest name
        value = getattr(import_module(self.modules[name]), name)
        setattr(sys.modules[self.package], name, value)
        return value


class LazyRegistry(Mapping[str, T]):
    """A read-only registry of the objects of a package; an object is imported when it is looked up.

    Args:
        package: the ``__name__`` of the package.
        objects: for each key the module and the object in it, ``"module.Object"``.

    Example:
        >>> losses = LazyRegistry("chainrule.nn.loss", {"mse": "regression.MSE", "mae": "regression.MAE"})
        >>> list(losses), losses["mae"].__name__
        (['mse', 'mae'], 'MAE')
    """

    def __init__(self, package: str, objects: Mapping[str, str]) -> None:
        self.package, self.objects = package, objects

    def __getitem__(self, name: str) -> T:
        module, _, attribute = self.objects[name].rpartition(".")
        return getattr(import_module(f"{self.package}.{module}"), attribute)

    def __contains__(self, name: object) -> bool:
        return name in self.objects

    def __iter__(self) -> Iterator[str]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)
