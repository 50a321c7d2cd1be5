"""What is printed about scores below their table: intervals, classes, calibration, verdict."""

from __future__ import annotations

import math

from chainrule.apps.cli.tables import verdict_lines
from chainrule.apps.cli.texts import text_of
from chainrule.notation.number_format import short
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.tabular.comparison import LearningCurve, Scores
from chainrule.tabular.display import metric_title
from chainrule.tabular.evaluation import RESULT_METRICS
from chainrule.tabular.intervals_after_training import MeasuredIntervals
from chainrule.tabular.threshold import DecisionThreshold
from chainrule.tabular.training import TableRun
from chainrule.texts.sentence import text_of_pair

MAX_CLASSES = 6  # whose recall is printed; of more classes, those with the lowest


def print_scores(run: TableRun) -> None:
    """Print what follows from the predictions for the scored rows."""
    scores = run.comparison
    interval_line(scores)
    if scores.task == "regression":
        print_intervals(run.intervals)
    else:
        class_lines(scores)
    verdict_lines(scores, *run.plan.scored.baseline_fits[0][0].flat.shape)
    threshold_table(run.threshold)


def threshold_table(threshold: DecisionThreshold | None) -> None:
    """Print the chosen threshold and its result beside that of 0.5."""
    if threshold is None:
        return
    screen.heading(text_of("threshold_heading").format(value=f"{threshold.value:.4g}", label=threshold.label))
    has_cost = threshold.chosen.cost is not None
    names = ["accuracy", "precision", "recall", "score", *(["mean_cost"] if has_cost else [])]
    rows = [
        (name, d.accuracy, d.precision, d.recall, d.f1, *([d.cost] if has_cost else []))
        for name, d in (
            (text_of(f"threshold_{threshold.rule}").format(cost=threshold.cost), threshold.chosen),
            (text_of("threshold_default"), threshold.default),
        )
    ]
    titles = [text_of("threshold_title"), *(text_of(f"threshold_{name}") for name in names)]
    screen.table(titles, rows, numbers=range(1, len(titles)))


def interval_line(scores: Scores) -> None:
    """Print the 95 % intervals of the network's metrics."""
    parts = [
        text_of("score_interval").format(name=metric_title(name), low=short(i.low), high=short(i.high))
        for name, i in scores.intervals(RESULT_METRICS[scores.task]).items()
        if math.isfinite(i.low)
    ]
    if parts:
        screen.line(text_of("score_intervals").format(intervals=text_of("scores_comma").join(parts)))


def class_lines(scores: Scores) -> None:
    """Print the recall of each class and the calibration error."""
    classes = [entry for entry in scores.class_scores if entry.rows]
    key = "recalls" if len(classes) <= MAX_CLASSES else "lowest_recalls"
    if len(classes) > MAX_CLASSES:
        classes = sorted(classes, key=lambda entry: entry.recall)[:MAX_CLASSES]
    parts = [
        text_of("class_recall").format(label=entry.label, recall=f"{entry.recall:.3f}", rows=entry.rows)
        for entry in classes
    ]
    screen.line(text_of(key).format(classes=text_of("scores_comma").join(parts)))
    table = scores.reliability
    assert table is not None
    worst = max(table.bins, key=lambda part: part.rows * abs(part.observed - part.predicted))
    screen.line(
        text_of("calibration_line").format(
            error=f"{table.error:.3f}",
            rows=worst.rows,
            predicted=f"{worst.predicted:.0%}",
            observed=f"{worst.observed:.0%}",
        )
    )


def print_intervals(measured: MeasuredIntervals | None) -> None:
    """Print method, mean width and measured coverage of 90 % prediction intervals."""
    for pair in measured.sentences if measured else ():
        screen.line(text_of_pair(pair))


def print_curve(curve: LearningCurve | None) -> None:
    """Print the loss of each number of training rows, and whether more would help."""
    if curve is None:
        return
    screen.heading(text_of("learning_heading"))
    rows = [(f"{count:,}", mean) for count, mean in zip(curve.rows, curve.means, strict=True)]
    screen.table([text_of("learning_rows"), text_of("loss")], rows, numbers=(0, 1))
    screen.line(curve.render(settings.lang))
