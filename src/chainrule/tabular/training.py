"""The training on a table: prepare, fit, evaluate, save.

The files are functions of the options and the data and contain no times, paths or machine names, so a resumed
training writes exactly the same bytes as an uninterrupted one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data import Table
from chainrule.escaping import csv_text, escape
from chainrule.events import Event, Notice, TrainingEnded, TrainingStarted
from chainrule.memoization import cached_property
from chainrule.messages import joined_sentences
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.robustness import with_table_gate
from chainrule.settings import settings
from chainrule.store import Checkpoint, RunFolder, atomic_write
from chainrule.tabular import threshold as decision
from chainrule.tabular.baselines import is_affordable, prepare_boosting
from chainrule.tabular.comparison import LearningCurve, Scores
from chainrule.tabular.display import html_table, metric_title, text_table
from chainrule.tabular.evaluation import (
    RESULT_METRICS,
    Result,
    evaluate_models,
    measure_learning_curve,
    metric_names,
    results_of,
)
from chainrule.tabular.intervals_after_training import MeasuredIntervals, intervals_of
from chainrule.tabular.options import Options
from chainrule.tabular.report.analysis import Analysis, analyze, refuse_robustness
from chainrule.tabular.report.model_card import model_card
from chainrule.tabular.report.page import HtmlReport, page
from chainrule.tabular.report.summary import Summary, summarize
from chainrule.tabular.run_folder import (
    CARD,
    CONFIG,
    HISTORY,
    MAX_BYTES,
    MODEL,
    REPORT,
    claimed,
    require_free,
    to_toml,
)
from chainrule.tabular.texts import text_of
from chainrule.tabular.threshold import DecisionThreshold
from chainrule.tabular.training_plan import TrainingPlan, odds_factor, plan_of, prepare_data
from chainrule.tabular.training_status import KINDS, SPLIT, Notify, TableFacts, silent
from chainrule.texts.sentence import text_of_pair
from chainrule.train.callback import Callback, Histograms, RecordedHistograms
from chainrule.train.callback.histograms import FILE as HISTOGRAMS
from chainrule.train.callback.histograms import read_histograms
from chainrule.train.checkpoint.model_file import save as save_model
from chainrule.train.model_state import THRESHOLD
from chainrule.train.private.privacy import INTERVALS

MANY_CELLS = 20_000_000  # of the rows that baselines are trained on, from which this takes many seconds


@frozen(eq=False)
class TableRun:
    """A trained model with its scores beside those of baselines, and what follows from them.

    In a notebook it is shown as a table of scores with a summary.

    Args:
        plan: of the training: its options, and what it did with the rows.
        model: the trained model.
        comparison: targets and predictions of the model and the baselines on the scored rows.
        threshold: the threshold that was chosen, if any.
        intervals: the prediction intervals of a regression, if there are rows for them.
        histograms: of the training, if they were recorded.
    """

    plan: TrainingPlan
    model: Model
    comparison: Scores
    threshold: DecisionThreshold | None
    intervals: MeasuredIntervals | None
    histograms: RecordedHistograms | None = None

    @cached_property
    def results(self) -> list[Result]:
        """The metrics of the model, first, and of the baselines."""
        return results_of(self.comparison, metric_names(self.comparison.task, self.plan.options.metric))

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """The metrics by model (``"net"``, ``"boosting"``, ``"linear"``, ``"trivial"``) and name."""
        return {result.name: dict(result.values) for result in self.results}

    @cached_property
    def analysis(self) -> Analysis:
        """What the model learned: the importance of the columns, and the dependence on them."""
        return analyze(self.model, self.plan, self.comparison, self.intervals, self.threshold)

    @cached_property
    def summary(self) -> Summary:
        """The result in plain sentences."""
        return summarize(self.analysis)

    @cached_property
    def learning_curve(self) -> LearningCurve | None:
        """The scores of trainings on parts of the rows, if the options request them."""
        plan, options = self.plan, self.plan.options
        if not options.learning_curve:
            return None
        training = plan.prepared.training
        return measure_learning_curve(plan.trained_on, training, plan.scored, self.comparison, options.seed)

    @cached_property
    def report(self) -> HtmlReport:
        """The report as a page, which a notebook shows."""
        return HtmlReport(page(self.analysis, self.summary, self.histograms))

    @cached_property
    def card(self) -> str:
        """The model card in Markdown."""
        return model_card(self.analysis, self.summary)

    def write(self, folder: RunFolder) -> tuple[str, ...]:
        """Write the model, its history, the model card and the report, and return the names of the texts.

        The last checkpoint is kept, so that the training can be resumed with more epochs. The report is
        written last: it marks the training as complete.

        Args:
            folder: the claimed run folder.
        """
        texts = {CARD: self.card, REPORT: self.report.html}
        save(self.model, folder, texts)
        return tuple(texts)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a run folder: model, history, options, model card and report; returns its path.

        The commands of ``chainrule`` read it: ``predict``, ``evaluate``, ``explain``, ``show`` and others.

        Args:
            path: a folder without a training.

        Raises:
            UsageError E602: the folder contains a training. FileError: it cannot be written.
        """
        path = Path(path)
        require_free(path)
        with claimed(path, resume=False) as folder:
            folder.write_text(
                CONFIG, to_toml(self.plan.options, self.plan.prepared.fingerprint, self.plan.used)
            )
            self.write(folder)
        return path

    @property
    def sentences(self) -> list[str]:
        """How good the model is, for which rows, and which columns matter most."""
        parts = (self.summary.quality[:1] + self.summary.scope, self.summary.columns)
        return [joined_sentences(map(text_of_pair, part), settings.lang) for part in parts if part]

    def __repr__(self) -> str:
        target, rows = self.plan.prepared.task.target, len(self.comparison.target)
        return f"<TableRun {target!r}: {rows:,} scored rows; print it>"

    def __str__(self) -> str:
        return "\n".join([text_table(*self._table()), "", *self.sentences])

    def _repr_html_(self) -> str:
        return html_table(*self._table()) + "".join(f"<p>{escape(text)}</p>" for text in self.sentences)

    def _table(self) -> tuple[list[str], list[list[object]]]:
        """Return the titles and rows of the table of scores."""
        kind = self.comparison.task
        names = list(dict.fromkeys([*RESULT_METRICS[kind], *self.plan.options.metric]))
        rows: list[list[object]] = [
            [text_of(f"{r.name}_{kind}"), *(float(r.values.get(name, math.nan)) for name in names)]
            for r in self.results
        ]
        return ["", *map(metric_title, names)], rows


def prepare_training(options: Options, table: Table | None = None, test: Table | None = None) -> TrainingPlan:
    """Read and prepare the rows of a training, and refuse options that do not fit them.

    Args:
        table: the rows, if they are not in the file of the options.
        test: the test rows, if they are not in the file of the options.

    Raises:
        DataError: as the functions of ``chainrule.data``. UsageError E101, E102, E108, E611: options that do
            not fit the data. TrainingError E591: a private training.
    """
    options.require_network()
    prepared = prepare_data(options, table, test)
    decision.require_two_classes(options.threshold, options.cost, len(prepared.task.labels))
    refuse_robustness(options, prepared)
    return plan_of(options, prepared)


@dataclass
class EventRecorder:
    """Recorder of the end and the notices of a training.

    Args:
        on_start: called when the training starts or resumes, after all checks.
    """

    end: TrainingEnded | None = None
    notices: list[Notice] = field(default_factory=list)
    on_start: Callable[[], None] = lambda: None

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrainingStarted):
            self.on_start()
        elif isinstance(event, TrainingEnded):
            self.end = event
        elif isinstance(event, Notice):
            self.notices.append(event)

    @property
    def was_interrupted(self) -> bool:
        """Whether the training was interrupted by the user."""
        return self.end is not None and self.end.reason == "interrupted"


def fit_model(
    model: Model,
    plan: TrainingPlan,
    folder: RunFolder | None = None,
    resume: bool = False,
    verbose: bool | None = None,
    callbacks: Sequence[Callback] = (),
) -> EventRecorder:
    """Train a model, or resume its training, with the options and checkpoints in a run folder.

    Args:
        model: untrained, of the plan.
        folder: the claimed run folder; ``None``: there is none.
        verbose: whether progress is shown; ``None``: as ``Model.fit``.
        callbacks: further ones, which do not change the result.

    Raises:
        TrainingError E501: the loss is not finite.
        FileError E505: the training to resume used other data.
    """
    recorder = EventRecorder()
    if folder is not None:
        config = config_of(plan)
        if resume:
            recorder.on_start = lambda: _save_config(folder, config)
        else:
            folder.write_text(CONFIG, config)
    counts = [Histograms(every=plan.options.histograms)] if plan.options.histograms else []
    named = plan.fit_options()
    named["callbacks"] = [*named["callbacks"], recorder, *counts, *callbacks]
    training = plan.prepared.training
    rows, columns = plan.scored.baseline_fits[0][0].flat.shape
    if is_affordable(rows, columns, len(plan.prepared.preparation.labels)):
        prepare_boosting()
    labels = plan.prepared.labels(training)
    model.fit(training.x, labels, **named, run=folder, resume=resume, verbose=verbose)
    return recorder


def config_of(plan: TrainingPlan) -> str:
    """Return the text of ``config.toml``: the options, with the values that the training uses."""
    return to_toml(plan.options, plan.prepared.fingerprint, plan.used)


def _save_config(folder: RunFolder, config: str) -> None:
    """Save another number of epochs, and mark the training as unfinished by deleting its report."""
    if config != folder.read_text(CONFIG, MAX_BYTES):
        atomic_write.remove(folder.path / REPORT, folder.path)
        folder.write_text(CONFIG, config)


def end_of(checkpoint: Checkpoint | None) -> tuple[int, bool]:
    """Return the number of complete epochs in a checkpoint, and whether a rule has stopped the training."""
    record = {} if checkpoint is None else checkpoint.record
    epochs, watch = record.get("epoch"), record.get("watch")
    rules = watch.values() if isinstance(watch, dict) else ()
    is_stopped = any(isinstance(counters, dict) and bool(counters.get("stop")) for counters in rules)
    return epochs if isinstance(epochs, int) else 0, is_stopped


def evaluate(
    model: Model, plan: TrainingPlan, folder: RunFolder | None = None, notify: Notify = silent
) -> TableRun:
    """Compare a trained model with baselines, choose its threshold, and form its prediction intervals.

    All of it is stored with the model; ``notify`` receives a line before a computation that takes long.
    """
    options, scored = plan.options, plan.scored
    rows, features = scored.baseline_fits[0][0].flat.shape
    if rows * features * len(scored.baseline_fits) >= MANY_CELLS:
        notify(text_of("comparing").format(rows=rows, features=features))
    preparation = plan.prepared.preparation
    scores = evaluate_models(model, preparation, scored, bool(options.class_weight), options.group)
    has_rule = options.threshold and not options.cost
    held_out = plan.held_out(model).predictions if has_rule and not scored.is_cross_validated else None
    balance = odds_factor(options, plan.prepared)
    threshold = decision.choose(options.threshold, options.cost, scores, held_out, options.seed, balance)
    intervals = intervals_of(plan, model, notify=notify)
    histograms = None
    if options.histograms and folder is not None:
        histograms = read_histograms(folder.path / HISTOGRAMS, folder.path)
    run = TableRun(plan, model, scores, threshold, intervals, histograms)
    add_facts(run)
    return run


def add_facts(run: TableRun) -> None:
    """Add data, split, results, command and novelty gate of the training to the facts of its model.

    A private model has no gate, which would reveal its training rows.
    """
    plan, model, threshold, intervals = run.plan, run.model, run.threshold, run.intervals
    options, prepared = plan.options, plan.prepared
    results = {r.name: {k: v if np.isfinite(v) else None for k, v in r.values.items()} for r in run.results}
    counts: tuple[int, ...] = ()
    if prepared.task.is_classification:
        labels = prepared.preparation.labels
        counts = tuple(np.bincount(prepared.training.y, minlength=len(labels)).tolist())
    facts: dict[str, Any] = {
        "data": prepared.table.source,
        "fingerprint": prepared.table.fingerprint,
        "target": prepared.task.target,
        SPLIT: plan.row_use.fact,
        **({KINDS: list(plan.kinds)} if plan.kinds else {}),
        "result": results,
        "command": options.command(),
        **TableFacts(tuple(options.id), options.weight, options.group, counts).facts,
        **({THRESHOLD: threshold.fact} if threshold else {}),
        **({INTERVALS: intervals.intervals.fact} if intervals else {}),
    }
    state = replace(model.state, facts={**model.facts, **facts})
    model.adopt(state if options.epsilon else with_table_gate(state, prepared.training.x))


def save(model: Model, folder: RunFolder, texts: Mapping[str, str]) -> None:
    """Write the files of a run, further ``texts`` by name; the report is last: it marks completion.

    The last checkpoint is kept, so that the training can be resumed with more epochs.
    """
    folder.verify()
    save_model(model.state, folder.path / MODEL, within=folder.path)
    folder.write_text(HISTORY, history_text(model.history))
    for name, text in texts.items():
        folder.write_text(name, text)
    folder.delete_checkpoints(keep=1)


def history_text(history: list[dict[str, float | None]]) -> str:
    """Return the history as CSV with all digits of the values."""
    columns = list(dict.fromkeys(key for row in history for key in row))
    rows = (["" if row.get(key) is None else row[key] for key in columns] for row in history)
    return csv_text([columns, *rows])
