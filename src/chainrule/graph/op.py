"""Operations as a graph needs them: name, attributes and shape rule. Cards (``ops/card.py``) add the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar, Self

from chainrule.records import frozen
from chainrule.spec import Size, Spec, size_at


@frozen
class Op:
    """An operation with its attributes: an immutable record, compared by class and attributes."""

    name: ClassVar[str]

    def infer(self, *specs: Spec) -> Spec:
        """Return the spec of the result; raise ``ShapeError`` or ``DtypeError`` for invalid inputs."""
        raise TypeError(f"{type(self).__name__} has no shape rule")

    def with_sizes(self, sizes: Mapping[str, int]) -> Self:
        """Return the operation with the symbolic sizes among its attributes replaced by numbers."""
        changed = {name: _at(value, sizes) for name, value in self.attributes.items() if _has_size(value)}
        return replace(self, **changed) if changed else self

    def with_nodes(self, replaced: Mapping[Any, Any]) -> Self:
        """Return the operation with the nodes among its attributes replaced; most operations have none."""
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
