"""Chinese sentences with values: a space between Chinese and Latin text, and none between Chinese characters.

A template has its spaces for one kind of values: ``"{metric} 为 {score}"`` is right for ``F1 为 0.9``, and
wrong for ``准确率 为 0.9``. At the borders of the fields, the spaces follow the values. The inside of values
and of templates is not changed.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any

_WIDE_MARKS = frozenset("，。；：？！、（）“”《》")
_FORMATTER = string.Formatter()


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Fill the fields of a Chinese template, with the spaces that its values require.

    Args:
        template: as for ``str.format``.
        values: the value of each field.

    Example:
        >>> fill("{metric} 为 {score}", {"metric": "准确率", "score": 0.9})
        '准确率为 0.9'
        >>> fill("由{name}训练", {"name": "Adam"})
        '由 Adam 训练'
        >>> fill("没有“{names}”", {"names": 'age", "height'})
        '没有“age”、“height”'
    """
    if "{" not in template:
        return template
    parts: list[str] = []
    for part in filter(None, _parts(template, values)):
        if parts and part == " ":
            parts[-1] += part  # the space between two fields
        else:
            parts.append(part)
    for i in range(1, len(parts)):
        parts[i - 1], parts[i] = _spaced(parts[i - 1], parts[i])
    return "".join(parts)


def _parts(template: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of a template and the formatted values between them; quotes of a list are Chinese."""
    for literal, field, spec, conversion in _FORMATTER.parse(template):
        yield literal
        is_quoted = literal.endswith("“")
        if field is not None:
            value, _ = _FORMATTER.get_field(field, (), values)
            value = _FORMATTER.convert_field(value, conversion)
            text = _FORMATTER.format_field(value, (spec or "").format_map(values))
            yield text.replace('", "', "”、“") if is_quoted else text


def _spaced(left: str, right: str) -> tuple[str, str]:
    """Return two neighboring parts with the space that belongs between them."""
    before, after = left.rstrip(" "), right.lstrip(" ")
    spaces = len(left) - len(before) + len(right) - len(after)
    if not before or not after or spaces > 1:
        return left, right
    last, first = before[-1], after[0]
    if spaces and ((_is_chinese(last) and _is_chinese(first)) or {last, first} & _WIDE_MARKS):
        return before, after
    if not spaces and ((_is_chinese(last) and _is_latin(first)) or (_is_latin(last) and _is_chinese(first))):
        return f"{before} ", after
    return left, right


def _is_chinese(character: str) -> bool:
    return "一" <= character <= "鿿"


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


class Chinese(str):
    """A Chinese template whose ``format`` is ``fill``."""

    __slots__ = ()

    def format(self, *args: object, **values: object) -> str:
        """Fill the fields; see ``fill``."""
        return super().format(*args, **values) if args else fill(self, values)
