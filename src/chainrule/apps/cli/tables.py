"""Tables on the screen: columns of data, layers of a network, results."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from chainrule.apps.cli import screen
from chainrule.apps.cli.run_writer import RESULT_METRICS, Result
from chainrule.apps.cli.texts import WORDS, text_in, text_of
from chainrule.data import Column, Finding, Preparation
from chainrule.model import Model
from chainrule.nn import Layer, summary_rows
from chainrule.notation.readable_numbers import short
from chainrule.settings import settings
from chainrule.spec import Spec
from chainrule.tabular.comparison import Scores
from chainrule.train.evaluation.metric import METRICS, metric
from chainrule.train.stopping import MEMBER_LOSS

MAX_COLUMNS = 40  # columns of data on a screen; the report lists all
LEVELS = 4  # levels of a category in its summary
MAX_LENGTH = 25  # characters of a level
_LONG_LIST = re.compile(r"\(([^(), ]+, [^(), ]+)(?:, [^(), ]+){6,}, ([^(), ]+)\)")


def column_summary(column: Column) -> str:
    """A summary of a column: the range of numbers or dates, the levels of a category."""
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
    """The name of a level, shortened if it is long.

    Example:
        >>> cut("existing credits paid back duly till now")
        'existing credits paid ba…'
    """
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def column_rows(
    columns: Sequence[Column], preparation: Preparation | None = None
) -> list[tuple[str, str, str, str, str]]:
    """Name, kind, missing, summary and reason of each column, and its features if they are several."""
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


def columns_table(columns: Sequence[Column], preparation: Preparation | None = None) -> None:
    """Print the columns of the data, at most ``MAX_COLUMNS`` including the target."""
    listed = list(columns)
    if len(listed) > MAX_COLUMNS:
        listed = [c for i, c in enumerate(columns) if i < MAX_COLUMNS - 1 or c.is_target]
    header = [text_of(key) for key in ("name", "kind", "missing", "summary", "why")]
    screen.table(header, column_rows(listed, preparation), numbers=(2,))
    if len(listed) < len(columns):
        screen.line(text_of("more_columns").format(count=len(columns) - len(listed)))


def model_table(model: Model, inputs: Mapping[str, Spec]) -> None:
    """Print the layers with shapes and numbers of parameters, and the loss, optimizer and penalty."""
    layers_table(model.recipe.net, inputs)
    recipe = model.recipe
    loss = getattr(recipe.loss, "name", recipe.loss)
    penalty = recipe.penalty or text_of("none")
    screen.line(text_of("how_trained").format(loss=loss, optimizer=recipe.optimizer, penalty=penalty))


def without_long_lists(layer: str) -> str:
    """The text of a layer with the ends of long lists of numbers in place of the lists.

    Example:
        >>> without_long_lists("Select((0, 1, 2, 3, 4, 5, 6, 7, 8, 9))"), without_long_lists("Pad((1, 1))")
        ('Select((0, 1, … 9))', 'Pad((1, 1))')
    """
    return _LONG_LIST.sub(r"(\1, … \2)", layer)


def layers_table(net: Layer, inputs: Mapping[str, Spec]) -> None:
    """Print the layers of a network and its number of parameters."""
    rows = summary_rows(net, inputs)
    screen.table(
        [text_of(key) for key in ("layer", "what_layer", "output", "parameters")],
        [(r.path, without_long_lists(r.layer), r.output, f"{r.parameters:,}") for r in rows],
        numbers=(3,),
    )
    screen.line(text_of("parameter_count").format(count=f"{sum(r.parameters for r in rows):,}"))


def result_table(results: Sequence[Result], kind: str, additional: Sequence[str] = ()) -> None:
    """Print the metrics of a model and of baselines.

    Args:
        results: the metrics.
        kind: kind of the task.
        additional: metrics to print after the default ones.
    """
    names = list(dict.fromkeys([*RESULT_METRICS[kind], *additional]))
    rows = [
        (text_of(f"{r.name}_{kind}"), *(float(r.values.get(name, math.nan)) for name in names))
        for r in results
    ]
    screen.table(["", *map(metric_title, names)], rows, numbers=range(1, len(names) + 1))


def positive_class(preparation: Preparation) -> None:
    """Print the positive class of F1, for two classes."""
    if len(preparation.labels) == 2:
        screen.line(text_of("positive").format(label=preparation.labels[1]))


def verdict_lines(scores: Scores, rows: int, columns: int) -> None:
    """Print how the network compares with the best baseline, whether boosting was left out, and whether the
    result is too good to be true.

    Args:
        scores: of all models.
        rows, columns: the size of the table that the baselines were fitted to.
    """
    if scores.too_good is not None:
        finding = Finding("too_good", "warning", {"r2": scores.too_good})
        screen.line(finding.render(settings.lang), "yellow")
    if "boosting" not in scores.outputs:
        screen.line(text_of("no_boosting").format(rows=rows, columns=columns))
    if scores.verdict is not None:
        screen.line(scores.verdict.render(settings.lang))


def metric_title(name: str) -> str:
    """The column title of a metric."""
    if f"metric_{name}" in WORDS:
        return text_of(f"metric_{name}")
    entry = metric(name)
    return entry.chinese[0] + entry.label.removeprefix(entry.name) if settings.lang == "zh" else name


def history_table(history: Sequence[dict[str, float | None]], last: int = 5) -> None:
    """Print the last epochs of a training."""
    columns = [name for name in history[-1] if not MEMBER_LOSS.fullmatch(name)]
    rows = [
        [int(row[k] or 0) if k == "epoch" else _value(row.get(k)) for k in columns] for row in history[-last:]
    ]
    screen.table([history_title(name) for name in columns], rows, numbers=range(len(columns)))


def history_title(name: str) -> str:
    """The title of a column of the training history: its name, or a Chinese term.

    Example:
        >>> history_title("val_accuracy")
        'val_accuracy'
    """
    return history_titles(name)[1 if settings.lang == "zh" else 0]


def history_titles(name: str) -> tuple[str, str]:
    """The title of a column of the training history, in English and Chinese."""
    part = name.removeprefix("val_")
    keys = [key for key in (f"metric_{part}", f"history_{part}") if key in WORDS]
    title = text_in(keys[0], "zh") if keys else METRICS[part].chinese[0] if part in METRICS else part
    return name, title if part == name else f"{text_in('history_validation', 'zh')}{title}"


def _value(value: float | None) -> object:
    return "" if value is None else float(value)
