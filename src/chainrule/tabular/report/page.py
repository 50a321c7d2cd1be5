"""Render the report of a training: data, network, training, and results with those of baselines.

Texts from outside (column names, labels, paths) are escaped by the template; only plots, which contain
numbers alone, are inserted as markup.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup, escape

from chainrule.data import PreparedData
from chainrule.diagnosis import Finding
from chainrule.escaping import escape as html_escape
from chainrule.escaping import printable_lines
from chainrule.messages import rendered
from chainrule.metrics import PRIMARY_METRIC, Predictions
from chainrule.notation.number_format import cell
from chainrule.page import charts
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.store import atomic_write
from chainrule.tabular.display import column_rows, history_titles, layer_rows
from chainrule.tabular.evaluation import RESULT_METRICS
from chainrule.tabular.options import Options
from chainrule.tabular.remedies import ADVICE, command_for
from chainrule.tabular.report.analysis import Analysis
from chainrule.tabular.report.column_importance_and_effects import (
    effects_caption,
    effects_section,
    importance_section,
)
from chainrule.tabular.report.figures import figures
from chainrule.tabular.report.model_card import OPEN, intended_use
from chainrule.tabular.report.summary import Summary
from chainrule.tabular.texts import WORDS, both_texts
from chainrule.tabular.training_status import status_of
from chainrule.train.callback import RecordedHistograms
from chainrule.train.callback.early_stopping import MEMBER_LOSS
from chainrule.train.history import TrainingFacts
from chainrule.train.monitor.probe import Probe
from chainrule.train.objective import DATA_LOSS

MAX_CLASSES = 30  # of a confusion matrix
SEPARATOR = re.compile(r"(?<=[_./:-])(?=\w)")  # in a name, after which it may be broken


@frozen
class Confusion:
    """A confusion matrix: rows are true classes, columns predicted classes."""

    labels: tuple[Any, ...]
    counts: np.ndarray

    def shade(self, i: int, j: int) -> str:
        """Return the background of a count: darker for a larger share of its row; errors are orange."""
        share = self.counts[i, j] / max(1, self.counts[i].sum())
        rgb = "37,99,168" if i == j else "209,102,15"
        minimum = 0.15 if self.counts[i, j] else 0.0  # makes a single error among many rows visible
        return f"background:rgba({rgb},{minimum + 0.6 * share:.2f})"


@frozen
class HtmlReport:
    """A report as a self-contained page in both languages; a notebook shows it in a frame."""

    html: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which is replaced if it exists."""
        atomic_write.write(Path(path), self.html.encode())

    def __repr__(self) -> str:
        return f"<HtmlReport: {len(self.html):,} characters; save it, or show it in a notebook>"

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{html_escape(self.html)}" width="100%" height="700"></iframe>'


def page(analysis: Analysis, summary: Summary, recorded: RecordedHistograms | None = None) -> str:
    """Render the report as HTML, with the histograms of the training, if there are any."""
    model, options, prepared = analysis.model, analysis.options, analysis.prepared
    predictions, history = analysis.rows.predictions, model.history
    assert model.network is not None
    training = TrainingFacts.of(model.facts)
    best = training.best_epoch if training is not None else None
    return _template().render(
        words={key: both_texts(key) for key in WORDS},
        lang=settings.lang,
        title=prepared.table.source,
        kind=prepared.task.kind,
        summary=summary,
        intended_use=intended_use(analysis),
        open_questions=[both_texts(key) for key in OPEN],
        facts=status_of(model),
        metrics=RESULT_METRICS[prepared.task.kind],
        positive=_positive(prepared),
        results=analysis.results,
        columns=_columns(prepared),
        layers=layer_rows(model.recipe.net, model.network.inputs, model.recipe.dtype),
        count=model.network.count,
        optimizer=str(model.recipe.optimizer),
        loss=prepared.head.loss,
        penalty=str(model.recipe.penalty or ""),
        notices=[(notice.en, notice.zh) for notice in prepared.notices],
        history=_history(history),
        curves=_curves(history, prepared.task.kind, best),
        confusion=_confusion(prepared, predictions),
        plots=[]
        if prepared.task.is_classification
        else _value_plots(predictions.target[:, 0], predictions.prediction[:, 0]),
        intervals=analysis.intervals,
        command=options.command(),
        robustness=analysis.robustness.section if analysis.robustness else [],
        **figures(analysis, recorded),
        **_column_sections(analysis),
        diagnosis=[_finding(finding, options, model.state.probes) for finding in model.state.findings or ()],
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("chainrule.tabular.report", "template"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
    )
    environment.filters["cell"] = cell
    environment.filters["breakable"] = breakable
    return environment.get_template("page.html")


def breakable(name: str) -> Markup:
    """Return a name of a column that may be broken after its separators, and so not within a word.

    Example:
        >>> print(breakable("monthly_income<EUR>"))
        monthly_<wbr>income&lt;EUR&gt;
    """
    return Markup(SEPARATOR.sub("<wbr>", str(escape(printable_lines(name)))))


def _printable(value: Any) -> Any:
    """Escape control characters of a text; markup of plots is not changed."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable_lines(value)


def _column_sections(analysis: Analysis) -> dict[str, Any]:
    """Return the importance of the columns and the partial dependence on the most important ones."""
    if analysis.importance is None:
        return {"importance": None, "effects": [], "effects_caption": []}
    labels, counts = analysis.labels, analysis.class_counts
    return {
        "importance": importance_section(analysis.importance),
        "effects": effects_section(analysis.effects, labels, counts),
        "effects_caption": effects_caption(labels, counts, analysis.prepared.task.target),
    }


def _positive(prepared: PreparedData) -> tuple[str, ...]:
    """Return the note on the positive class of F1, for two classes."""
    labels = prepared.preparation.labels
    return tuple(text.format(label=labels[1]) for text in both_texts("positive")) if len(labels) == 2 else ()


def _finding(finding: Finding, options: Options, probes: Sequence[Probe]) -> dict[str, Any]:
    """Return a finding of the doctor with its texts, and the command that applies its fix."""

    def both(text: Callable[[str], str]) -> tuple[str, str]:
        return text("en"), text("zh")

    advice, command = ADVICE.get(finding.rule.id), command_for(finding, options, probes)
    return {
        "severity": both_texts(f"severity_{finding.severity}"),
        "name": both(finding.name),
        "rule": finding.rule.id,
        "what": both(finding.what),
        "end": both(finding.end),
        "evidence": both(finding.numbers),
        "why": both(finding.why),
        "command": command or ("" if advice else finding.see),
        "advice": advice and both(lambda lang: str(rendered(advice, lang))),
    }


def _columns(prepared: PreparedData) -> list[dict[str, Any]]:
    """Return the columns of the data in both languages."""
    rows = {}
    for lang in ("en", "zh"):
        with settings.using(lang=lang):
            rows[lang] = column_rows(prepared.columns, prepared.preparation)
    pairs = zip(rows["en"], rows["zh"], strict=True)
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


def _history(history: list) -> dict[str, Any]:
    """Return the table of all epochs: its titles in both languages, and its cells."""
    names = [name for name in history[0] if not MEMBER_LOSS.fullmatch(name)]
    titles = [history_titles(name) for name in names]
    rows = [["" if (value := row.get(name)) is None else f"{value:.4g}" for name in names] for row in history]
    return {"titles": titles, "rows": rows}


def _curves(history: list, kind: str, best: int | None) -> list[dict[str, Any]]:
    """Return the training and validation loss without penalties, and the validation metric, by epoch."""
    metric = f"val_{PRIMARY_METRIC[kind]}"

    def values(name: str) -> list[float]:
        return [np.nan if row[name] is None else row[name] for row in history]

    training = DATA_LOSS if DATA_LOSS in history[0] else "loss"
    caption = "curve_val_loss_and_best" if best else "curve_val_loss"
    losses = [(values(training), charts.BLUE), (values("val_loss"), charts.ORANGE)]
    return [
        {
            "svg": Markup(charts.curves(losses, best)),
            "caption": [(charts.BLUE, both_texts("curve_loss")), (charts.ORANGE, both_texts(caption))],
        },
        {
            "svg": Markup(charts.curves([(values(metric), charts.GREEN)], best)),
            "caption": [(charts.GREEN, both_texts(f"curve_{metric}"))],
        },
    ]


def _confusion(prepared: PreparedData, predictions: Predictions) -> Confusion | None:
    labels = prepared.preparation.labels
    if not prepared.task.is_classification or len(labels) > MAX_CLASSES:
        return None
    counts = np.zeros((len(labels), len(labels)), int)
    np.add.at(counts, (predictions.target, predictions.predicted), 1)
    return Confusion(labels, counts)


def _value_plots(true: np.ndarray, predicted: np.ndarray) -> list[dict[str, Any]]:
    """Return predicted against true values, and the distribution of the errors."""
    return [
        {
            "svg": Markup(charts.against(true, predicted)),
            "caption": [(charts.BLUE, both_texts("curve_against"))],
        },
        {
            "svg": Markup(charts.residuals(predicted - true)),
            "caption": [(charts.BLUE, both_texts("curve_residuals"))],
        },
    ]
