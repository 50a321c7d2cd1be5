"""The page of one training: what was learned from, how, and how good it is beside its rivals.

Everything from outside (names of columns, labels, paths) passes through the template's escaping; the only
texts put in as they are, are pictures made here, which hold numbers alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from chainrule.apps.cli.options import Options
from chainrule.apps.cli.prepared_data import Study
from chainrule.apps.cli.run_writer import SHOWN, Rating, answer_of, judgeable
from chainrule.apps.cli.screen import cell
from chainrule.apps.cli.tables import column_rows
from chainrule.apps.cli.texts import WORDS
from chainrule.apps.report import svg_charts
from chainrule.apps.report.figures import figures
from chainrule.diagnosis import Finding
from chainrule.escaping import printable_lines
from chainrule.model import Model
from chainrule.nn import summary_rows
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.train.callback import RecordedHistograms
from chainrule.train.evaluation.metric import PRIMARY_METRIC, Predictions

MATRIX = 30  # classes shown in a confusion matrix at most


@frozen
class Confusion:
    """How often each class was taken for each: rows are true classes, columns answers."""

    labels: tuple[Any, ...]
    counts: np.ndarray

    def shade(self, i: int, j: int) -> str:
        """The color behind a count: deeper for a larger share of its row; errors are orange."""
        share = self.counts[i, j] / max(1, self.counts[i].sum())
        rgb = "37,99,168" if i == j else "209,102,15"
        seen = 0.15 if self.counts[i, j] else 0.0  # a single mistake among many rows must be seen
        return f"background:rgba({rgb},{seen + 0.6 * share:.2f})"


def page(
    model: Model,
    options: Options,
    study: Study,
    rated: list[Rating],
    recorded: RecordedHistograms | None = None,
) -> str:
    """The whole page as HTML.

    Args:
        model: the trained net.
        options: what was asked for.
        study: the data.
        rated: the net and its rivals on the held-out rows.
        recorded: histograms of the training, if there are any.
    """
    loader = jinja2.PackageLoader("chainrule.apps.report", "template")
    shelf = jinja2.Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    shelf.filters["cell"] = cell
    answers = judgeable(model, study.test.y, answer_of(model, study.test.x))
    history = model.history
    assert model.network is not None
    best = min(history, key=lambda row: row["val_loss"] if row["val_loss"] is not None else np.inf)
    return shelf.get_template("page.html").render(
        words=WORDS,
        lang=settings.lang,
        title=study.table.source,
        kind=study.task.kind,
        facts=_facts(options, study, history, int(best["epoch"] or 0)),
        metrics=SHOWN[study.task.kind],
        positive=_positive(study),
        rated=rated,
        columns=_columns(study),
        layers=summary_rows(model.recipe.net, model.network.inputs),
        count=model.network.count,
        optimizer=str(model.recipe.optimizer),
        loss=study.loss,
        penalty=str(model.recipe.penalty or ""),
        notices=[(notice.en, notice.zh) for notice in study.notices],
        history=history,
        curves=_curves(history, study.task.kind, int(best["epoch"] or 0)),
        confusion=_confusion(study, answers),
        pictures=[]
        if study.task.is_classification
        else _of_values(answers.target[:, 0], answers.prediction[:, 0]),
        command=options.command(),
        **figures(model, study, answers, recorded),
        diagnosis=list(map(_finding, model.state.findings or ())),
    )


def _shown(value: Any) -> Any:
    """What the template puts into the page: a text without control characters; markup made here as it is."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable_lines(value)


def _positive(study: Study) -> tuple[str, ...]:
    """Of two classes, which one F1 speaks of."""
    labels = study.preparation.labels
    return tuple(text.format(label=labels[1]) for text in WORDS["positive"]) if len(labels) == 2 else ()


def _finding(finding: Finding) -> dict[str, Any]:
    """What the doctor found, each text in both languages."""

    def both(text: Callable[[str], str]) -> tuple[str, str]:
        return text("en"), text("zh")

    return {
        "gravity": WORDS[f"severity_{finding.severity}"], "name": both(finding.name), "rule": finding.rule.id,
        "what": both(finding.what), "evidence": both(finding.numbers), "why": both(finding.why),
        "remedy": both(finding.remedy_in),
    }  # fmt: skip


def _facts(options: Options, study: Study, history: list, best: int) -> list[tuple[tuple[str, str], str]]:
    """Short facts, each with its name in both languages."""
    parts = dict(zip(("training", "validation", "test"), map(str, study.parts.sizes), strict=True))
    found = {
        "fact_rows": f"{study.table.rows:,}",
        "fact_target": study.task.target,
        "fact_split": " / ".join(parts.values()),
        "fact_epochs": f"{len(history)} / {options.epochs}",
        "fact_best": str(best),
        "fact_batch": str(options.batch_size),
        "fact_seed": str(options.seed),
        "fact_fingerprint": study.table.fingerprint[:16],
    }
    return [(WORDS[key], value) for key, value in found.items()]


def _columns(study: Study) -> list[dict[str, Any]]:
    """The columns of the data in both languages."""
    found = {}
    for lang in ("en", "zh"):
        with settings.using(lang=lang):
            found[lang] = column_rows(study.columns)
    pairs = zip(found["en"], found["zh"], strict=True)
    return [
        {
            "name": en[0],
            "kind": (en[1], zh[1]),
            "missing": en[2],
            "summary": (en[3], zh[3]),
            "why": (en[4], zh[4]),
        }
        for en, zh in pairs
    ]


def _curves(history: list, kind: str, best: int) -> list[dict[str, Any]]:
    """The loss while training, and the metric on the validation rows."""
    metric = f"val_{PRIMARY_METRIC[kind]}"

    def values(name: str) -> list[float]:
        return [np.nan if row[name] is None else row[name] for row in history]

    losses = [(values("loss"), svg_charts.BLUE), (values("val_loss"), svg_charts.ORANGE)]
    return [
        {
            "svg": Markup(svg_charts.curves(losses, best)),
            "says": [(svg_charts.BLUE, WORDS["curve_loss"]), (svg_charts.ORANGE, WORDS["curve_val_loss"])],
        },
        {
            "svg": Markup(svg_charts.curves([(values(metric), svg_charts.GREEN)], best)),
            "says": [(svg_charts.GREEN, WORDS[f"curve_{metric}"])],
        },
    ]


def _confusion(study: Study, predictions: Predictions) -> Confusion | None:
    labels = study.preparation.labels
    if not study.task.is_classification or len(labels) > MATRIX:
        return None
    counts = np.zeros((len(labels), len(labels)), int)
    np.add.at(counts, (predictions.target, predictions.predicted), 1)
    return Confusion(labels, counts)


def _of_values(true: np.ndarray, predicted: np.ndarray) -> list[dict[str, Any]]:
    """Predicted against true values, and the errors."""
    return [
        {
            "svg": Markup(svg_charts.against(true, predicted)),
            "says": [(svg_charts.BLUE, WORDS["curve_against"])],
        },
        {
            "svg": Markup(svg_charts.residuals(predicted - true)),
            "says": [(svg_charts.BLUE, WORDS["curve_residuals"])],
        },
    ]
