"""Values as tables on the screen: columns of data, layers of a net, results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from chainrule.apps.cli import screen
from chainrule.apps.cli.run_writer import SHOWN, Rating
from chainrule.apps.cli.texts import WORDS, say
from chainrule.data import Column, Preparation
from chainrule.model import Model
from chainrule.nn import Layer, summary_rows
from chainrule.settings import settings
from chainrule.spec import Spec
from chainrule.train.evaluation.metric import metric

MOST = 40  # columns of data shown on a screen; the report shows all
LEVELS = 4  # levels of a category shown in its summary
LONGEST = 25  # characters of a level shown there


def column_summary(column: Column) -> str:
    """What a column holds, in a few words: the range of numbers, the levels of a category."""
    if column.minimum is not None:
        mean = (
            0.0 if abs(column.mean or 0.0) < 1e-12 * (column.std or 0.0) else column.mean
        )  # 0 but for rounding
        low, high, middle = map(short, (column.minimum, column.maximum or 0.0, mean))
        return f"{low} … {high}{say('comma')}{say('mean')} {middle}"
    if column.levels:
        levels = [f"{cut(level)} ({count})" for level, count in column.levels[:LEVELS]]
        rest = len(column.levels) - LEVELS
        return ", ".join([*levels, *([f"… +{rest}"] if rest > 0 else [])])
    return ""


def short(value: float) -> str:
    """A number in four digits, whole ones up to a million with all of theirs.

    Example:
        >>> short(18424.0), short(0.05263), short(1234567.8)
        ('18424', '0.05263', '1.235e+06')
    """
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"


def cut(text: str) -> str:
    """A level's name, of a long one the beginning.

    Example:
        >>> cut("existing credits paid back duly till now")
        'existing credits paid ba…'
    """
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def column_rows(columns: Sequence[Column]) -> list[tuple[str, str, str, str, str]]:
    """Name, kind, missing, summary and reason of each column."""
    return [
        (
            c.name,
            say(f"kind_{c.kind}") + (say("aside").format(say("is_target")) if c.is_target else ""),
            str(c.missing or ""),
            column_summary(c),
            c.reason.say(settings.lang),
        )
        for c in columns
    ]


def columns_table(columns: Sequence[Column]) -> None:
    """The columns of the data; of very many the first, and always the target."""
    shown = list(columns)
    if len(shown) > MOST:
        shown = [c for i, c in enumerate(columns) if i < MOST - 1 or c.is_target]
    header = [say(key) for key in ("name", "kind", "missing", "summary", "why")]
    screen.table(header, column_rows(shown), numbers=(2,))
    if len(shown) < len(columns):
        screen.line(say("more_columns").format(count=len(columns) - len(shown)))


def net_table(model: Model, inputs: Mapping[str, Spec]) -> None:
    """The layers with shapes and parameter counts, and how they are trained."""
    layers(model.recipe.net, inputs)
    recipe = model.recipe
    loss = getattr(recipe.loss, "name", recipe.loss)
    penalty = recipe.penalty or say("none")
    screen.line(say("how_trained").format(loss=loss, optimizer=recipe.optimizer, penalty=penalty))


def layers(net: Layer, inputs: Mapping[str, Spec]) -> None:
    """A net as a table, with the sum of its parameters."""
    rows = summary_rows(net, inputs)
    screen.table(
        [say(key) for key in ("layer", "what_layer", "output", "parameters")],
        [(r.path, r.layer, r.output, f"{r.parameters:,}") for r in rows],
        numbers=(3,),
    )
    screen.line(say("parameter_count").format(count=f"{sum(r.parameters for r in rows):,}"))


def result_table(rated: Sequence[Rating], kind: str, also: Sequence[str] = ()) -> None:
    """The net beside its rivals.

    Args:
        rated: what was measured.
        kind: of the task.
        also: metrics that are shown besides the usual ones.
    """
    names = list(dict.fromkeys([*SHOWN[kind], *also]))
    rows = [
        (say(f"{r.name}_{kind}"), *(float(r.values.get(name, math.nan)) for name in names)) for r in rated
    ]
    screen.table(["", *map(name_of, names)], rows, numbers=range(1, len(names) + 1))


def positive_class(preparation: Preparation) -> None:
    """Of two classes, which one F1 speaks of: the numbers of the other would be others."""
    if len(preparation.labels) == 2:
        screen.line(say("positive").format(label=preparation.labels[1]))


def name_of(name: str) -> str:
    """What a metric is called above its column."""
    if f"metric_{name}" in WORDS:
        return say(f"metric_{name}")
    each = metric(name)
    return each.chinese[0] + each.label.removeprefix(each.name) if settings.lang == "zh" else name


def history_table(history: Sequence[dict[str, float | None]], last: int = 5) -> None:
    """The last epochs of a training."""
    header = list(history[-1])
    rows = [
        [int(row[k] or 0) if k == "epoch" else _value(row.get(k)) for k in header] for row in history[-last:]
    ]
    screen.table(header, rows, numbers=range(len(header)))


def _value(value: float | None) -> object:
    return "" if value is None else float(value)
