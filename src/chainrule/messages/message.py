"""Texts as records: a template and the values of its fields.

A place that finds a fault, for example, states its facts as records::

    fact("{rows} rows, as {name} has", rows=200, name="x")

The English template is the key of its translation: a fact is rendered in either language from its values, and
no rendered text is ever read. A value may be a fact itself and is then rendered in the same language; names,
code and shapes are plain ``str`` and stay as they are. ``python -m pages.translations`` lists the templates
without Chinese.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Number
from typing import Any, Self

from chainrule.messages.plural import fill
from chainrule.messages.translation import is_known, translated

_KEPT = (str, int, float, Number)


class Message(str):
    """A text that also holds its template and values; as a ``str`` it is the English text.

    Attributes:
        template: English text with a named field for each value, the key of the Chinese template.
        values: a value for each field: a number, a text, or another message.
        context: the key of the template in its table, where it may have a translation of its own.
    """

    __slots__ = ("context", "template", "values")
    template: str
    values: Mapping[str, object]
    context: str

    def __new__(cls, template: str, values: Mapping[str, object], context: str = "") -> Self:
        values = {name: _basic(value) for name, value in values.items()}
        message = super().__new__(cls, fill(template, values))
        message.template, message.values, message.context = template, values, context
        return message

    def render(self, lang: str = "en") -> str:
        """Return the text in English (``"en"``) or Chinese (``"zh"``)."""
        if lang == "en":
            return str(self)
        values = {name: rendered(value, lang) for name, value in self.values.items()}
        return translated(self.template, lang, self.context).format(**values)

    def __reduce__(self) -> tuple[Any, ...]:
        return Message, (self.template, self.values, self.context)


class JoinedMessage(Message):
    """Several texts, with a separator between them that may be translated itself."""

    __slots__ = ("parts", "separator")
    separator: str
    parts: tuple[str, ...]

    def __new__(cls, separator: str, parts: Iterable[object], context: str = "") -> Self:
        texts = tuple(part if isinstance(part, Message) else str(part) for part in parts)
        fields = {f"part{i}": part for i, part in enumerate(texts)}
        message = super().__new__(cls, separator.join(f"{{{name}}}" for name in fields), fields, context)
        message.separator, message.parts = separator, texts
        return message

    def render(self, lang: str = "en") -> str:
        separator = translated(self.separator, lang, self.context)
        return separator.join(str(rendered(part, lang)) for part in self.parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return JoinedMessage, (self.separator, self.parts, self.context)


def fact(template: str, /, **values: object) -> Message:
    """Return a text of an error as a record.

    Args:
        template: the English text, with a field in braces for each value and a format if needed
            (``"{size:,} bytes"``); braces of the text itself are doubled.
        values: numbers, names, shapes or other facts, by the names of the fields.

    Example:
        >>> rows = fact("{rows} rows, as {name} has", rows=200, name="x")
        >>> print(rows, rows.render("zh"), dict(rows.values))
        200 rows, as x has 200 行，与 x 相同 {'rows': 200, 'name': 'x'}
        >>> fact("{kind} at {place}", kind=fact("a file"), place="runs/a").render("zh")
        'runs/a 处是文件'
    """
    return Message(template, values)


def known_fact(template: str, values: Mapping[str, object]) -> Message:
    """Return a record that was read from a file, if its template is in the catalog.

    Raises ``ValueError`` for another template: it could have a format that takes all memory.
    """
    if not is_known(template):
        raise ValueError("an unknown template")
    return Message(template, values)


def join_facts(separator: str, parts: Iterable[object], context: str = "") -> Message:
    """Return texts with a separator between them, each of which keeps its record.

    Args:
        separator: the text between two parts.
        parts: records and other texts.
        context: what the parts are, where the separator has several translations: ``"list"`` or ``"beside"``.

    Example:
        >>> join_facts(", ", [fact("no value"), "x"]).render("zh")
        '没有值, x'
        >>> join_facts(", ", [fact("no value"), "x"], "list").render("zh")
        '没有值、x'
    """
    return JoinedMessage(separator, parts, context)


def alternatives(*fixes: object) -> Message:
    """Return several fixes, one of which suffices, as one text; see ``alternatives_of``.

    Example:
        >>> print(alternatives("size=(4, 4)", "--size 4"))
        size=(4, 4), or --size 4
    """
    return join_facts(", or ", fixes)


def alternatives_of(fix: str) -> tuple[str, ...]:
    """Return the fixes that were passed to ``alternatives``, or the text alone."""
    return fix.parts if isinstance(fix, JoinedMessage) and fix.separator == ", or " else (fix,)


def message_of(error: BaseException, length: int = 2_000) -> str:
    """Return the record that an exception was raised with, or its text if there is none.

    Args:
        length: maximum length of a text without a record.

    Example:
        >>> message_of(ValueError(fact("no value"))).render("zh"), message_of(ValueError("x"))
        ('没有值', 'x')
    """
    records = [text for text in error.args if isinstance(text, Message)]
    if not records:
        return str(error)[:length]
    return records[0] if len(error.args) == 1 else join_facts("; ", error.args)


def rendered(text: object, lang: str) -> object:
    """Return the text of a message in one language; anything that is not a message stays.

    Args:
        text: a message, or anything else.
        lang: ``"en"`` or ``"zh"``.
    """
    return text.render(lang) if isinstance(text, Message) else text


def _basic(value: object) -> object:
    """Return a value that a record keeps: numbers and texts as they are, anything else as text."""
    return value if isinstance(value, _KEPT) else str(value)
