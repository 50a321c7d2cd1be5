"""What a model needs of a data set: permutation importance, from a model and rows to numbers and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from chainrule.attribution.importance.permutation import losses
from chainrule.attribution.methods.feature_groups import ALONG, places_of
from chainrule.attribution.methods.occlusion import patches
from chainrule.attribution.plots import with_pictures
from chainrule.data import Arrays
from chainrule.derive.narrative import check_options
from chainrule.errors import TrainingError, UsageError
from chainrule.notation import number
from chainrule.page.bar_chart import Bar, bar_chart
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import LANGUAGES, render
from chainrule.train.evaluation import evaluate
from chainrule.train.evaluation.known_rows import known_rows
from chainrule.train.evaluation.metric import PRIMARY_METRIC, larger_is_better
from chainrule.train.inputs import tabular
from chainrule.train.options import refuse_unknown

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

SHOWN = 20  # columns that are listed; the rest is told as one line
WIDE = 24  # signs of the longest bar
COLOR, NOTHING = "#2563a8", "#adb5bd"  # important columns, and columns within chance


class Options(TypedDict, total=False):
    """What ``importance`` may also be told; see ``Model.importance``."""

    metric: str | None
    repeats: int
    seed: int
    groups: Mapping[str, Any] | None
    lang: str | None


@frozen
class Importance(Page):
    """How much worse a model judges rows when a column is shuffled. Printing it gives text, a notebook HTML.

    Args:
        names: the columns or groups.
        values: for each the mean over the repeats of how much worse the metric became.
        spreads: for each the standard deviation over the repeats.
        repeated: (names, repeats) every single one.
        metric: what was measured.
        score: the metric of the rows as they are.
        others: the page in the other languages.
    """

    names: tuple[str, ...]
    values: np.ndarray
    spreads: np.ndarray
    repeated: np.ndarray
    metric: str
    score: float
    others: tuple[Page, ...] = ()

    def __getitem__(self, name: str) -> float:
        """The importance of a column."""
        return float(self.values[self.names.index(name)])

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<Importance of {len(self.names)} columns by {self.metric}; print it>"

    def to_html(self) -> str:
        """One self-contained page in all languages, with its picture."""
        return with_pictures(html_page(self, others=self.others), [self.to_svg()])

    def to_svg(self) -> str:
        """A picture: a bar for each column; gray where it is not larger than its spread."""
        bars = []
        for i in order_of(self.values)[:SHOWN]:
            value, spread = float(self.values[i]), float(self.spreads[i])
            said = f"{number(value)} ± {number(spread)}"
            bars.append(Bar(self.names[i], max(value, 0.0), said, COLOR if value > spread else NOTHING))
        return bar_chart(bars)

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False) + self.to_svg()


def order_of(values: np.ndarray) -> np.ndarray:
    """The places of the values, the largest first."""
    return np.argsort(-values, kind="stable")


def measure_importance(model: ModelState, x: Any, y: Any = None, **options: Unpack[Options]) -> Importance:
    """How much worse a model judges rows when each column is shuffled; see ``Model.importance``."""
    repeats, lang = _known(options), options.get("lang") or settings.lang
    check_options(1, lang)
    if model.network is None:
        raise TrainingError("E503", where="importance", fix="model.fit(x, y)")
    known = known_rows(model, x)
    x, y = tabular.taken(model.preparation, x, y)
    rows = evaluate.encoded(model, Arrays.of(x, y, dtype=model.recipe.dtype))
    name, judged = _judge(model, rows, options.get("metric"))
    groups, seed = _groups(model, rows, options.get("groups")), options.get("seed", 0)
    inputs: Any = rows.x
    score, sign = judged(inputs), 1.0 if larger_is_better(name) else -1.0
    if not np.isfinite(score):
        raise UsageError(
            "E102", where="importance", name="metric", expected="a metric that can be said of these rows",
            received=f"{name} is {score}", fix='metric="loss"',
        )  # fmt: skip
    flat = np.concatenate([_flat(array) for array in inputs.values()], axis=1)
    found = losses(lambda x: sign * judged(_unpacked(x, inputs)), flat, list(groups.values()), repeats, seed)
    facts = {
        "rows": len(flat),
        "metric": name,
        "score": number(score),
        "repeats": repeats,
        "seed": seed,
        "known": known,
    }
    pages = {each: _page(tuple(groups), found, facts, each) for each in LANGUAGES}
    own, values = pages.pop(lang), (found.mean(axis=1), found.std(axis=1), found)
    others = tuple(pages.values())
    return Importance(own.title, lang, own.sections, tuple(groups), *values, name, score, others)


def _known(options: Options) -> int:
    """How often each column is shuffled, once it is known that all options exist."""
    refuse_unknown("importance", options, Options.__annotations__)
    repeats = options.get("repeats", 5)
    for name, value, least in (("repeats", repeats, 1), ("seed", options.get("seed", 0), 0)):
        if type(value) is not int or value < least:
            raise UsageError(
                "E102", where="importance", name=name, expected=f"an integer, at least {least}",
                received=repr(value)[:80], fix="repeats=5" if name == "repeats" else "seed=0",
            )  # fmt: skip
    return repeats


def _judge(model: ModelState, rows: Arrays, metric: str | None) -> tuple[str, Callable[[Any], float]]:
    """What is measured, and how, of any inputs in place of the rows'."""
    assert model.network is not None
    tasks = [target.task for target in model.targets.values()]
    chosen = metric or PRIMARY_METRIC.get(tasks[0], "loss")
    metrics = evaluate.metrics_of(model, chosen=[] if chosen == "loss" else [chosen])
    names = [
        evaluate.column(model.targets, output, each.label)
        for output, measured in metrics.items()
        for each in measured
    ]
    name = names[0] if names else "loss"

    def judged(inputs: Any) -> float:
        changed = Arrays(inputs, rows.y, rows.weights)
        return evaluate.evaluator(model, changed, metrics)(model.held)[name]

    return name, judged


def _groups(model: ModelState, rows: Arrays, asked: Mapping[str, Any] | None) -> dict[str, np.ndarray]:
    """What is shuffled together: a person's groups, columns, patches of an image, whole inputs."""
    inputs: Any = rows.x
    (first, *others), prepared = inputs.values(), model.preparation
    is_row = not others and first.ndim == 2
    if not is_row and asked is not None:
        raise UsageError(
            "E102", where="importance", name="groups", expected="one input of rows of numbers (B, F)",
            received=", ".join(f"{name} {array.shape[1:]}" for name, array in inputs.items()),
        )  # fmt: skip
    if is_row:
        columns = [f"x{i + 1}" for i in range(first.shape[1])]
        if prepared is not None:
            columns = [feature.column for feature in prepared.features]
        return places_of(asked or {name: [name] for name in dict.fromkeys(columns)}, columns)
    if others:
        ends = np.cumsum([0, *(array[0].size for array in inputs.values())])
        return {name: np.arange(a, b) for name, a, b in zip(inputs, ends[:-1], ends[1:], strict=True)}
    shape = first.shape[1:]
    window = [-(-length // ALONG) for length in shape[:-1]]
    named = {}
    for places in patches(shape, window, window):
        corner = np.unravel_index(places[0], shape)[:-1]
        named[f"patch at {', '.join(map(str, map(int, corner)))}"] = places
    return named


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1).astype(np.float64)


def _unpacked(values: np.ndarray, like: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs of rows of numbers."""
    ends = np.cumsum([0, *(array[0].size for array in like.values())])
    return {
        name: values[:, start:end].reshape(array.shape).astype(array.dtype)
        for (name, array), start, end in zip(like.items(), ends[:-1], ends[1:], strict=True)
    }


def _page(names: tuple[str, ...], found: np.ndarray, facts: dict[str, Any], lang: str) -> Page:
    """The numbers in words."""
    values, spreads = found.mean(axis=1), found.std(axis=1)
    order = order_of(values)
    most = max(float(values.max()), 0.0) or 1.0
    rows = [
        (names[i], f"{values[i]:.5f}", f"{spreads[i]:.5f}", "█" * round(WIDE * max(values[i], 0.0) / most))
        for i in order[:SHOWN]
    ]
    if len(order) > SHOWN:
        rest = render("importance_rest", lang, count=len(order) - SHOWN)
        rows.append((rest, f"{values[order[SHOWN]]:.5f}", "", ""))
    keys = ("importance_column", "importance_value", "importance_spread")
    head = (*(render(key, lang) for key in keys), "")
    key = "importance_larger" if larger_is_better(facts["metric"]) else "importance_smaller"
    texts = [render("importance_facts", lang, **facts), render(key, lang, metric=facts["metric"])]
    if (known := facts["known"]) is not None:
        texts.append(render("importance_known", lang, training=known.training, validation=known.validation))
    items = Items(tuple(texts))
    return Page(
        render("importance_title", lang), lang, (Section("", (items, Table(head, tuple(rows), (1, 2)))),)
    )
