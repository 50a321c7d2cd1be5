"""Settings in the JSON of another library, read by type; errors name the setting and its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chainrule.errors import FileError, fact, nearest
from chainrule.interop.refusals import clipped
from chainrule.records import frozen

LARGEST = 2**31  # of a length, a number of units or of layers


def unsupported(where: str, name: str, missing: Iterable[str], expected: str) -> FileError:
    """Return E470, which lists all parts of a network of another library that no layer computes."""
    listed = [clipped(text, 200) for text in dict.fromkeys(missing)]
    return FileError("E470", where=where, name=clipped(name), expected=expected, received="; ".join(listed))


def invalid(where: str, expected: str, received: str) -> FileError:
    """Return E471: a description that is damaged, or contradicts itself or the weights."""
    return FileError("E471", where=where, expected=expected, received=clipped(received, 200))


@frozen(eq=False)
class SettingsOfFile:
    """Settings by name.

    Args:
        entries: the settings.
        where: the file and the place in it, for errors.
    """

    entries: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, value: object, where: str) -> SettingsOfFile:
        """Return the settings in a JSON object.

        Raises:
            FileError E471: another value.
        """
        if not isinstance(value, dict):
            raise invalid(where, fact("a JSON object"), repr(value))
        return cls(value, where)

    def __contains__(self, name: str) -> bool:
        return self.entries.get(name) is not None

    def _value(self, name: str, default: Any) -> Any:
        value = self.entries.get(name)
        return default if value is None else value

    def integer(self, name: str, default: int | None = None, minimum: int = 1) -> int:
        """Return an integer; without a default it must be there."""
        value = self._value(name, default)
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not minimum <= value <= LARGEST:
            raise self.wrong(name, fact("an integer from {low} to {high:,}", low=minimum, high=LARGEST))
        return value

    def integers(self, name: str, count: int, default: Any = None) -> tuple[int, ...]:
        """Return a setting of several axes: one integer for all, or one for each."""
        value = self.entries.get(name, default)
        values = [value] * count if type(value) is int else value
        fits = isinstance(values, list | tuple) and len(values) == count
        if not fits or not all(type(n) is int and 1 <= n <= LARGEST for n in values):
            raise self.wrong(name, fact("{count} integers from 1", count=count))
        return tuple(values)

    def number(self, name: str, default: float | None = None) -> float:
        """Return a number."""
        value = self._value(name, default)
        if type(value) not in (int, float):
            raise self.wrong(name, fact("a number"))
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self._value(name, default)
        if type(value) is not bool:
            raise self.wrong(name, fact("true or false"))
        return value

    def text(self, name: str, default: str | None = None, known: Sequence[str] = ()) -> str:
        """Return a text, one of ``known`` if that is not empty."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, fact("a text"))
        if known and value not in known:
            close = nearest(value, known)
            raise unsupported(self.where, name, [f"{name}={value!r}"], ", ".join([close, *known][:12]))
        return value

    def require(self, **values: Any) -> None:
        """Require settings of which only one value is supported; a setting that is missing has it."""
        wrong = [
            f"{name}={self.entries[name]!r}"
            for name, value in values.items()
            if self.entries.get(name, value) not in (value, None)
        ]
        if wrong:
            names = ", ".join(f"{name}={value!r}" for name, value in values.items())
            raise unsupported(self.where, wrong[0], wrong, names)

    def wrong(self, name: str, expected: str) -> FileError:
        """Return the error for a setting of another type or out of its range."""
        return invalid(f"{self.where}, {name}", expected, repr(self.entries.get(name)))
