"""Columns, layers, metrics and epochs as texts of screens and pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from chainrule.data import Column, Preparation
from chainrule.escaping import escape
from chainrule.metrics import METRICS, metric
from chainrule.nn import Layer, Row, summary_rows
from chainrule.notation.number_format import cell, short
from chainrule.settings import settings
from chainrule.symbolic_shape import Spec
from chainrule.tabular.texts import WORDS, text_in, text_of
from chainrule.texts.sentence import text_of_pair

LEVELS = 4  # levels of a category in its summary
MAX_LENGTH = 25  # characters of a level
_LONG_LIST = re.compile(r"\(([^(), ]+, [^(), ]+)(?:, [^(), ]+){6,}, ([^(), ]+)\)")


def column_summary(column: Column) -> str:
    """Return a summary of a column: the range of numbers or dates, the levels of a category."""
    if column.dates is not None:
        return f"{column.dates.first} … {column.dates.last}"
    if column.minimum is not None:
        is_zero = abs(column.mean or 0.0) < 1e-12 * (column.std or 0.0)  # up to rounding
        mean = 0.0 if is_zero or column.mean is None else column.mean
        low, high, middle = map(short, (column.minimum, column.maximum or 0.0, mean))
        return text_of("range_and_mean").format(low=low, high=high, mean=middle)
    if column.levels:
        levels = [f"{cut(level)} ({count})" for level, count in column.levels[:LEVELS]]
        rest = len(column.levels) - LEVELS
        return ", ".join([*levels, *([f"… +{rest}"] if rest > 0 else [])])
    return ""


def cut(text: str) -> str:
    """Return the name of a level, shortened if it is long.

    Example:
        >>> cut("existing credits paid back duly till now")
        'existing credits paid ba…'
    """
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def column_rows(
    columns: Sequence[Column], preparation: Preparation | None = None
) -> list[tuple[str, str, str, str, str]]:
    """Return name, kind, missing, summary and reason of each column, and its features if they are several."""
    encodings = preparation.encodings if preparation is not None else ()
    features = {e.column: e.description.render(settings.lang) for e in encodings if e.description}
    return [
        (
            c.name,
            text_of(f"kind_{c.kind}")
            + (text_of("aside").format(text_of("is_target")) if c.is_target else ""),
            str(c.missing or ""),
            column_summary(c),
            c.reason.render(settings.lang)
            + (text_of("as_features").format(features=features[c.name]) if c.name in features else ""),
        )
        for c in columns
    ]


def layer_rows(net: Layer, inputs: Mapping[str, Spec], dtype: str) -> list[Row]:
    """Return the layers of a network, without long lists of numbers; see ``nn.summary_rows``."""
    return [row._replace(layer=_without_long_lists(row.layer)) for row in summary_rows(net, inputs, dtype)]


def _without_long_lists(layer: str) -> str:
    """Return the text of a layer with the ends of long lists of numbers in place of the lists.

    Example:
        >>> _without_long_lists("Select((0, 1, 2, 3, 4, 5, 6, 7, 8, 9))"), _without_long_lists("Pad((1, 1))")
        ('Select((0, 1, … 9))', 'Pad((1, 1))')
    """
    return _LONG_LIST.sub(r"(\1, … \2)", layer)


def metric_title(name: str) -> str:
    """Return the column title of a metric."""
    if f"metric_{name}" in WORDS:
        return text_of(f"metric_{name}")
    return metric(name).title(settings.lang)


def history_title(name: str) -> str:
    """Return the title of a column of the training history: its name, or a Chinese term.

    Example:
        >>> history_title("val_accuracy")
        'val_accuracy'
    """
    return text_of_pair(history_titles(name))


def history_titles(name: str) -> tuple[str, str]:
    """Return the title of a column of the training history, in English and Chinese."""
    part = name.removeprefix("val_")
    keys = [key for key in (f"metric_{part}", f"history_{part}") if key in WORDS]
    title = text_in(keys[0], "zh") if keys else METRICS[part].title("zh") if part in METRICS else part
    return name, title if part == name else f"{text_in('history_validation', 'zh')}{title}"


def text_table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as text; columns of numbers are aligned right, others left.

    Example:
        >>> print(text_table(["", "error"], [["net", 0.25], ["linear", 1.5]]))
                 error
        net     0.2500
        linear  1.5000
    """
    columns = []
    for title, *values in zip(titles, *rows, strict=True):
        texts = [title, *map(cell, values)]
        width, align = max(map(len, texts)), str.ljust if isinstance(values[0], str) else str.rjust
        columns.append([align(text, width) for text in texts])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def html_table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as HTML."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    lines = ("".join(f"<td>{escape(cell(value))}</td>" for value in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
