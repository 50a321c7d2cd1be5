"""What a graph must know of an operation: name, attributes and shape rule. The cards add the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar, Self

from chainrule.records import frozen
from chainrule.spec import Size, Spec, size_at


@frozen
class Op:
    """An operation with its attributes: a frozen record, equal to those of the same kind and attributes."""

    name: ClassVar[str]

    def infer(self, *specs: Spec) -> Spec:
        """The spec of the result; raises ``ShapeError`` or ``DtypeError`` when the inputs cannot meet."""
        raise TypeError(f"{type(self).__name__} gives no shape rule")

    def at(self, sizes: Mapping[str, int]) -> Self:
        """The same operation with each symbolic size among its attributes replaced by its number."""
        own = self.__dataclass_fields__
        changed = {
            name: _at(value, sizes) for name, value in vars(self).items() if _has_size(value) and name in own
        }
        return replace(self, **changed) if changed else self

    def moved(self, found: Mapping[Any, Any]) -> Self:
        """The same operation where other nodes stand for those it speaks of; most speak of none."""
        return self

    @property
    def attributes(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={_text(value)}" for key, value in self.attributes.items())
        return f"{self.name}[{inside}]" if inside else self.name


def _has_size(value: object) -> bool:
    return isinstance(value, Size) or (isinstance(value, tuple) and any(_has_size(v) for v in value))


def _at(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, tuple):
        return tuple(_at(v, sizes) for v in value)
    return size_at(value, sizes) if isinstance(value, Size) else value


def _text(value: object) -> str:
    return f"({', '.join(_text(v) for v in value)})" if isinstance(value, tuple) else str(value)
