"""The scores of an example beside those of the baselines, as a table with a verdict and as files of a RUN."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from chainrule import Model, settings
from chainrule.data import Table
from chainrule.data.datasets import DATASETS
from chainrule.errors import Message, fact
from chainrule.messages import Text, join_facts, joined_sentences, translated
from chainrule.metrics import (
    Comparison,
    Difference,
    SampledScore,
    compare,
    fold_difference,
    sampled_difference,
)
from chainrule.page import BLUE, ORANGE, curves, encode_png, markup_table, result_page, screen
from chainrule.robustness import MIN_VALIDATION_ROWS, with_novelty_gate
from chainrule.store import atomic_write
from chainrule.tabular import with_threshold

SCORES, MODEL, REPORT = "scores.json", "model.safetensors", "report.html"
MAX_NAMES = 6  # of the files of a RUN that are listed
SMALLER_IS_BETTER = frozenset(
    {
        *("RMSE", "MAE", "Brier", "log-loss", "perplexity", "WER", "CER", "EER", "MCD", "QLIKE", "cost"),
        *("RMSE on new scaffolds", "count error"),
    }
)
METRICS: tuple[Text, ...] = (
    "accuracy",
    "perplexity",
    "log-loss",
    "return",
    "cost",
    "rank-1",
    "TAR at FAR 1%",
    "recall@10",
    "nDCG@10 by time",
    "recall@10 by time",
    "count error",
    "pixel accuracy",
    "sensitivity at specificity 0.9",
    "precision in the first 5 %",
    "precision in the first 0.5 %",
    "moves that keep the value",
    "games won against flat Monte Carlo",
    "RMSE on new scaffolds",
    "red",
    "white",
    "platelet",
)
"""Metrics whose names are words; the others are abbreviations."""
_WINS: Text = "Best: {best}, {metric} {a:.4g}; {other} {b:.4g}."
_OPEN: Text = (
    "No clear winner: {best} has {metric} {a:.4g}, {other} {b:.4g}; a difference of {errors:.1f} standard "
    "errors may be chance."
)
_EQUAL: Text = "{best} and {other} are equally good: {metric} {a:.4g}."
_UNKNOWN: Text = (
    "Undecided: {best} has {metric} {a:.4g}, {other} {b:.4g}; how much of that is chance is not known."
)
_ONE: Text = "That is one training; another one may score differently."
_METHOD: Text = "method"
_SCORES: Text = "Scores"
_MEANS: Text = (
    "Mean and standard deviation over the trainings, folds or divisions; the latter only where scores differ."
)
_LOSSES: Text = "Loss of the saved network"
_TRAINING: Text = "Blue: training rows, by epoch."
_VALIDATION: Text = "Orange: validation rows."
_BEST_EPOCH: Text = "Dashed: the epoch of the saved weights."
_PAGES: Text = "Pages"
_SAVED: Text = "Written to {folder}: {files}"
_NO_GATE: Text = (
    "No novelty gate: of {rows} validation rows, fewer than {fewest}, no distance can be chosen; "
    "`chainrule predict` predicts every row."
)
_CREDIT: Text = "Data: {credit}. License: {license}."


@dataclass(frozen=True)
class Score:
    """The scores of a method.

    Args:
        name: the English name, a text of the catalog or a record with values.
        values: by the name of the metric, one value for each seed or fold.
        samples: by the name of the metric, for each seed the score of any units of one test set; for the
            verdict.
    """

    name: Text
    values: Mapping[str, Sequence[float]] = field(default_factory=dict)
    samples: Mapping[str, Sequence[SampledScore]] = field(default_factory=dict)

    @staticmethod
    def on_test_set(name: Text, runs: Iterable[Mapping[str, SampledScore]]) -> Score:
        """The scores of the trainings of a method on one test set; of a method without training, one.

        Example:
            >>> from chainrule.metrics import mean_score
            >>> Score.on_test_set("network", [{"accuracy": mean_score(np.array([1, 0, 1, 1]))}]).values
            {'accuracy': [0.75]}
        """
        samples: dict[str, list[SampledScore]] = {}
        for run in runs:
            for metric, score in run.items():
                samples.setdefault(metric, []).append(score)
        values = {metric: [score.value for score in scores] for metric, scores in samples.items()}
        return Score(name, values, samples)

    def name_in(self, lang: str) -> str:
        """The name in a language."""
        return (self.name if isinstance(self.name, Message) else fact(self.name)).render(lang)

    def mean(self, metric: str) -> float:
        """The mean over seeds or folds; NaN if the method has no value of this metric."""
        values = self.values.get(metric, ())
        return float(np.mean(values)) if len(values) else float("nan")

    def text(self, metric: str) -> str:
        """Mean and, of several values that differ, standard deviation.

        Example:
            >>> Score("network", {"accuracy": [0.9, 0.92]}).text("accuracy")
            '0.9100 ± 0.0141'
            >>> Score("network", {"return": [-250.0]}).text("return")
            '-250.0'
        """
        return mean_and_spread(self.values.get(metric, ()))


def mean_and_spread(values: Sequence[float]) -> str:
    """The mean of some values and their standard deviation; empty without a value.

    A standard deviation that is zero in these digits is left out: that of a method without a seed.

    Example:
        >>> mean_and_spread([0.91, 0.93]), mean_and_spread([0.91, 0.91]), mean_and_spread([])
        ('0.9200 ± 0.0141', '0.9100', '')
    """
    if not len(values):
        return ""
    mean = float(np.mean(values))
    digits = 4 if abs(mean) < 10 else 1
    spread = f"{np.std(values, ddof=1) if len(values) > 1 else 0:.{digits}f}"
    return f"{mean:.{digits}f} ± {spread}" if float(spread) else f"{mean:.{digits}f}"


def metric_name(metric: str, lang: str) -> str:
    """The name of a metric on the screen, where Chinese has another one.

    Example:
        >>> metric_name("accuracy", "zh"), metric_name("AUC", "zh"), metric_name("accuracy", "en")
        ('准确率', 'AUC', 'accuracy')
    """
    return translated(metric, lang) if metric in METRICS else metric


def collected(runs: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """The values of each metric in the order of the runs.

    Example:
        >>> collected([{"AUC": 0.8, "cost": 1.0}, {"AUC": 0.9}])
        {'AUC': [0.8, 0.9], 'cost': [1.0]}
    """
    values: dict[str, list[float]] = {}
    for run in runs:
        for metric, value in run.items():
            values.setdefault(metric, []).append(value)
    return values


def print_scores(
    scores: Sequence[Score], lang: str, first: str, own: int = 1, test_ratio: float = 0.0
) -> None:
    """Print the methods in the order given, and which one has the best mean of a metric.

    Args:
        scores: the network last.
        lang: ``"en"`` or ``"zh"``.
        first: the metric of the verdict.
        own: how many of the last methods use the network.
        test_ratio: as for ``verdict``.
    """
    metrics = list(dict.fromkeys(name for score in scores for name in score.values))
    rows = [(s.name_in(lang), *(s.text(metric) for metric in metrics)) for s in scores]
    titles = [metric_name(metric, lang) for metric in metrics]
    screen.table([translated(_METHOD, lang), *titles], rows, numbers=range(1, len(metrics) + 1))
    screen.line(verdict(scores, lang, first, own, test_ratio))


def verdict(scores: Sequence[Score], lang: str, first: str, own: int = 1, test_ratio: float = 0.0) -> str:
    """Which method is the best, if that is more than chance; see ``chainrule.metrics.compare``.

    The last ``own`` methods use the network; the best of them counts.

    Args:
        scores: the network last.
        lang: ``"en"`` or ``"zh"``.
        first: the metric.
        own: how many of the last methods use the network.
        test_ratio: test rows per training row, where each value is of other training and test rows, such as
            folds; 0 for one test set, whose units are the samples of the scores.
    """
    known = {str(i): score for i, score in enumerate(scores) if len(score.values.get(first, ()))}
    means = {name: score.mean(first) for name, score in known.items()}
    is_smaller_better = first in SMALLER_IS_BETTER
    networks = [name for name in known if int(name) >= len(scores) - own]
    if len(known) == 1:
        (score,) = known.values()
        return f"{score.name_in(lang)}: {metric_name(first, lang)} {score.text(first)}"
    if len(networks) in (0, len(known)):
        networks = [min(known, key=lambda name: means[name] * (1 if is_smaller_better else -1))]

    def gap(a: str, b: str) -> Difference | None:
        one, other = known[a], known[b]
        if test_ratio:
            return fold_difference(one.values[first], other.values[first], test_ratio)
        mine, its = one.samples.get(first), other.samples.get(first)
        return sampled_difference(mine, its) if mine and its else None

    result = compare(means, networks, gap, not is_smaller_better)
    best, other = result.first, result.second
    text = _text_of(result)
    numbers = {
        "a": means[best],
        "b": means[other],
        "errors": abs(result.difference.errors) if result.difference else 0,
    }
    names = {"best": known[best].name_in(lang), "other": known[other].name_in(lang)}
    sentence = translated(text, lang).format(**names, metric=metric_name(first, lang), **numbers)
    trainings = [len(known[name].values[first]) for name in networks]
    more = [translated(_ONE, lang)] if text == _WINS and max(trainings) == 1 else []
    return joined_sentences([sentence, *more], lang)


def _text_of(result: Comparison) -> Text:
    """The sentence of a comparison."""
    if result.difference is None:
        return _UNKNOWN
    return _WINS if result.is_clear else _OPEN if result.difference.mean else _EQUAL


def _gated(model: Model, known: tuple[Any, Any], blocks: int) -> Model:
    """The model with a novelty gate, if there are enough validation rows; at most one block for each row."""
    training, validation = (_row_count(rows) for rows in known)
    if validation >= MIN_VALIDATION_ROWS:
        blocks = min(blocks, training) if training > 1 else 0
        return Model.of(with_novelty_gate(model.state, *known, blocks=blocks))
    text = translated(_NO_GATE, settings.lang)
    screen.line(text.format(rows=validation, fewest=MIN_VALIDATION_ROWS))
    return model


def _row_count(rows: Any) -> int:
    if isinstance(rows, Table):
        return rows.rows
    return len(next(iter(rows.values())) if isinstance(rows, dict) else rows)


def every_fifth_apart(x: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Four fifths of the training rows and the others, as ``known`` of ``save_run`` without validation rows.

    The network was trained on all of them, but the distance of the others is not from themselves.
    """
    is_apart = np.arange(_row_count(dict(x))) % 5 == 4
    return ({k: a[~is_apart] for k, a in x.items()}, {k: a[is_apart] for k, a in x.items()})


def save_run(
    out: str,
    model: Model,
    scores: Sequence[Score],
    files: Mapping[str, bytes | str] | None = None,
    *,
    threshold: float | None = None,
    cost: str = "",
    metrics: Sequence[str] | None = None,
    known: tuple[Any, Any] | None = None,
    blocks: int = 0,
    curve: tuple[str, str, str] | None = None,
) -> Path:
    """Write a RUN: the model, the scores, a page of both, and files such as plots.

    Args:
        out: the folder; created if it does not exist.
        model: the trained model.
        scores: of the network and the baselines.
        files: contents by name.
        threshold: from which probability ``predict`` predicts the second of two classes; by default 0.5.
        cost: that the threshold follows from, as for ``with_threshold``.
        metrics: that ``evaluate`` prints, by name; by default those of the model.
        known: training and validation rows; ``predict`` then outputs ``"unknown"`` for rows that are farther
            from the training rows than 99 % of the validation rows. Of fewer than ten validation rows, as of
            small data of a user, no distance is stored, and a line states it.
        blocks: of consecutive training rows that choose this distance, too, as for ``with_novelty_gate``.
        curve: title, chart and legend of a training that the history of the model does not contain.

    Returns:
        the folder.
    """
    if threshold is not None:
        model = with_threshold(model, threshold, cost=cost)
    if known is not None:
        model = _gated(model, known, blocks)
    if metrics is not None:
        model = Model.of(replace(model.state, metrics=list(metrics)))
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / MODEL)
    record = {
        score.name: {name: [float(v) for v in values] for name, values in score.values.items()}
        for score in scores
    }
    report = score_page(folder.name, model, scores, files or {}, settings.lang, curve)
    contents = {SCORES: json.dumps(record, indent=1) + "\n", REPORT: report, **(files or {})}
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        atomic_write.write(folder / name, content.encode() if isinstance(content, str) else content)
    names = [MODEL, *contents]
    listed = join_facts(", ", [*names[:MAX_NAMES], *["..."] * (len(names) > MAX_NAMES)], "list")
    screen.line(fact(_SAVED, folder=out, files=listed).render(settings.lang))
    return folder


def score_page(
    title: str,
    model: Model,
    scores: Sequence[Score],
    files: Iterable[str],
    lang: str,
    curve: tuple[str, str, str] | None = None,
) -> str:
    """The scores as a table, the losses of the training, and links to the other pages of a RUN.

    Args:
        title: of the page.
        model: its history has the losses; without one there is no chart.
        scores: of the network and the baselines.
        files: names of the files of the RUN, those that end in ``.html`` are pages.
        lang: ``"en"`` or ``"zh"``.
        curve: title, chart and legend of a training that the history of the model does not contain.
    """
    metrics = list(dict.fromkeys(name for score in scores for name in score.values))
    rows = [(s.name_in(lang), *(s.text(metric) for metric in metrics)) for s in scores]
    header = [translated(_METHOD, lang), *(metric_name(metric, lang) for metric in metrics)]
    sections = [(translated(_SCORES, lang), markup_table(header, rows), translated(_MEANS, lang))]
    losses = [
        ([float(row[name]) for row in model.history if row.get(name) is not None], color)
        for name, color in (("loss", BLUE), ("val_loss", ORANGE))
    ]
    lines = [(values, color) for values, color in losses if values]
    if lines:
        best = model.facts.get("best_epoch")
        parts = {
            _TRAINING: bool(losses[0][0]),
            _VALIDATION: bool(losses[1][0]),
            _BEST_EPOCH: best is not None,
        }
        legend = joined_sentences((translated(text, lang) for text in parts if parts[text]), lang)
        sections.append((translated(_LOSSES, lang), curves(lines, best), legend))
    if curve:
        sections.append(curve)
    pages = [name for name in files if name.endswith(".html")]
    if pages:
        links = join_facts(", ", (f'<a href="{escape(name)}">{escape(name)}</a>' for name in pages), "list")
        sections.append((translated(_PAGES, lang), f"<p>{links.render(lang)}</p>", ""))
    return result_page(title, lang, sections)


def credit_line(dataset: str, lang: str) -> str:
    """Whose a data set is, and its license.

    Example:
        >>> credit_line("shares", "en")
        'Data: Sheppard, arch. License: NCSA (the package); data: not stated.'
    """
    row = next(row for row in DATASETS if row.name == dataset)
    return translated(_CREDIT, lang).format(credit=row.credit, license=row.license_in(lang))


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as the content of a CSV file.

    Example:
        >>> csv_text([("film", "title"), (1, "Heat, 1995")])
        'film,title\\n1,"Heat, 1995"\\n'
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def labeled_image_files(images: Table, folder: str = "test") -> dict[str, bytes]:
    """Images as files of a RUN, ``test/CLASS/NUMBER.png``, as ``evaluate`` reads them.

    Args:
        images: with the column ``class``.
        folder: of the files.
    """
    pixels, labels = images.images["image"], images.frame["class"].to_list()
    rows = enumerate(zip(pixels, labels, strict=True), 1)
    return {f"{folder}/{label}/{number}.png": encode_png(image) for number, (image, label) in rows}


def npz(**arrays: np.ndarray) -> bytes:
    """Arrays as the content of an ``.npz`` file, as ``predict`` and ``attribute`` read it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()
