"""Lazy imports for packages: names whose modules are loaded on first access.

A program that trains one small network uses perhaps ten of some three hundred public names. Importing the
modules of all the others took most of the time until its first step. The ``__init__`` of a large package
therefore imports none of its modules; it lists which module defines which names, and Python calls the
package's ``__getattr__`` (PEP 562) for every name that is not loaded yet.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")
_PAUSED: list[bool] = []  # for each block of ``without_collection``: whether garbage was collected before


@contextmanager
def without_collection() -> Iterator[None]:
    """Collect no garbage inside the block, which imports modules: what they define remains in use.

    Threads may be in several blocks at once; after the last one, the collector ignores what exists by then.

    Example:
        >>> with without_collection():
        ...     gc.isenabled()
        False
    """
    _PAUSED.append(gc.isenabled())
    gc.disable()
    try:
        yield
    finally:
        was_enabled = _PAUSED.pop()
        if was_enabled and not _PAUSED:
            gc.freeze()
            gc.enable()


def by_name(modules: Mapping[str, str]) -> dict[str, str]:
    """Return the module of each name, from the names of each module, which are separated by spaces.

    Example:
        >>> by_name({"nn.layers.linear": "Dense", "nn.loss.regression": "MSE MAE"})
        {'Dense': 'nn.layers.linear', 'MAE': 'nn.loss.regression', 'MSE': 'nn.loss.regression'}
    """
    return dict(sorted((name, module) for module, names in modules.items() for name in names.split()))


def paths(modules: Mapping[str, str], names: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the entries of a ``LazyRegistry``.

    Args:
        modules: the classes by name, each with its module.
        names: the keys of the registry, each with the class that it stands for; ``None``: the classes' names.

    Example:
        >>> paths({"MAE": "nn.loss.regression"}, {"mae": "MAE"})
        {'mae': 'nn.loss.regression.MAE'}
    """
    keys = {name: name for name in modules} if names is None else names
    return {key: f"{modules[name]}.{name}" for key, name in keys.items()}


class LazyNames:
    """The lazily loaded names of one package, each with the module that defines it.

    Args:
        package: the ``__name__`` of the package.
        modules: the modules, relative to the package, each with the names that it defines, separated by
            spaces.
        blocks: further names, each with its module relative to ``chainrule``, as in ``block_index``.

    Example:
        >>> LazyNames("chainrule.nn", {"dense": "Dense", "loss": "MAE MSE"}).names
        ['Dense', 'MAE', 'MSE']
    """

    def __init__(
        self, package: str, modules: Mapping[str, str], blocks: Mapping[str, str] | None = None
    ) -> None:
        self.package = package
        self.modules = {
            name: f"{package}.{module}" for module, names in modules.items() for name in names.split()
        }
        self.modules.update({name: f"chainrule.{module}" for name, module in (blocks or {}).items()})

    @property
    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self.modules)

    @property
    def hooks(self) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
        """The functions ``__getattr__`` and ``__dir__`` of the package."""
        return self.load, lambda: self.names

    def load(self, name: str) -> Any:
        """Import the module of a name, which is set in the package; raises ``AttributeError`` for others."""
        if name not in self.modules:
            raise AttributeError(
                f"module {self.package!r} has no attribute {name!r}", name=name, obj=sys.modules[self.package]
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
        self._places: dict[str, tuple[str, str]] = {}  # module and attribute of the objects looked up so far

    def __getitem__(self, name: str) -> T:
        place = self._places.get(name)
        if place is None:
            module, _, attribute = self.objects[name].rpartition(".")
            place = self._places[name] = f"{self.package}.{module}", attribute
        module, attribute = place
        loaded = getattr(sys.modules.get(module), attribute, None)  # import_module takes five times as long
        return getattr(import_module(module), attribute) if loaded is None else loaded

    def __contains__(self, name: object) -> bool:
        return name in self.objects

    def __iter__(self) -> Iterator[str]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)
