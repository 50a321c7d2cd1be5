"""The summary of a training in plain sentences: what is predicted, how well, from what, and what to watch.

Each sentence is a pair, English and Chinese, and every score in it is measured on rows that the model did
not learn from.
"""

from __future__ import annotations

import numpy as np

from chainrule.notation.number_format import short
from chainrule.records import frozen
from chainrule.tabular.display import cut
from chainrule.tabular.report.analysis import Analysis
from chainrule.tabular.texts import both_texts, sentence
from chainrule.texts.sentence import Pair

FEW_ROWS = 100  # test rows below which scores are rough
MINORITY = 0.2  # the share of a class that is called rare
MISCALIBRATED = 0.05  # difference between mean probability and accuracy, beyond its interval
NEXT_COLUMNS = 3  # named after the most important one
MONOTONIC = (
    0.8  # share of the range of the predictions between both ends of a column, from which these are named
)
MANY_KNOWN = 0.2  # the share of scored rows with the inputs of a training row that is mentioned
NAMED = 5  # columns or classes named in a sentence


@frozen
class Summary:
    """The sentences of a summary.

    Args:
        task: what is predicted from what.
        quality: the score with its interval, the baselines, and the conclusion.
        scope: which rows the scores hold for, where that is not any new row.
        columns: the most important columns.
        cautions: what limits the use of the predictions.
    """

    task: Pair
    quality: tuple[Pair, ...]
    scope: tuple[Pair, ...]
    columns: tuple[Pair, ...]
    cautions: tuple[Pair, ...]


def summarize(analysis: Analysis) -> Summary:
    """Return the summary of a trained and evaluated model."""
    return Summary(
        _task(analysis), _quality(analysis), _scope(analysis), _columns(analysis), _cautions(analysis)
    )


def percent(share: float) -> str:
    """Return a share in percent, with a decimal where rounding would hide it.

    Example:
        >>> percent(0.7977), percent(0.996), percent(1.0), percent(0.004)
        ('80%', '99.6%', '100%', '0.4%')
    """
    return f"{share:.1%}" if 0 < share < 0.0995 or 0.985 <= share < 1 else f"{share:.0%}"


def _task(analysis: Analysis) -> Pair:
    prepared, labels = analysis.prepared, analysis.labels
    classes: str | Pair = ", ".join(cut(str(label)) for label in labels)
    if len(labels) > NAMED:
        classes = sentence("summary_classes", count=len(labels))
    is_image = len(prepared.preparation.shape) > 1
    key = "summary_task_image" if is_image else f"summary_task_{prepared.task.kind}"
    columns = len(prepared.preparation.columns)
    return sentence(
        key, target=prepared.task.target, classes=classes, columns=columns, data=prepared.table.source
    )


def _quality(analysis: Analysis) -> tuple[Pair, ...]:
    predictions, rows = analysis.rows.predictions, len(analysis.rows.y)
    is_class = bool(analysis.labels)
    if rows < 2 or not np.isfinite(predictions.prediction).all():
        return ()
    name, write = ("accuracy", percent) if is_class else ("rmse", short)
    scores = {result.name: result.values[name] for result in analysis.results}
    interval = analysis.scores.intervals([name])[name]
    if not np.isfinite(interval.low):  # rows of one group
        return ()
    kind = analysis.prepared.task.kind
    value = write(scores["net"])
    low = write(interval.low)
    high = write(interval.high)
    share = percent(max(0.0, analysis.results[0].values.get("r2", 0.0)))
    words = {"value": value, "rows": f"{rows:,}", "low": low, "high": high, "share": share}
    known = [doubt.facts["count"] for doubt in analysis.prepared.doubts if doubt.code == "test_known"]
    if known:
        first = sentence(f"summary_score_known_{kind}", **words, known=f"{known[0]:,}")
    else:
        first = sentence(f"summary_score_{kind}", **words)
    first = _with_threshold(analysis, first)
    baselines = {key: score for key, score in scores.items() if key != "net"}
    if not baselines:
        return (first,)
    items = [
        sentence("summary_comparison_item", name=both_texts(f"{key}_{kind}"), value=write(score))
        for key, score in baselines.items()
    ]
    comma = both_texts("summary_comparison_comma")
    values = comma[0].join(item[0] for item in items), comma[1].join(item[1] for item in items)
    verdict = analysis.scores.verdict
    conclusion = () if verdict is None else ((verdict.render("en"), verdict.render("zh")),)
    if (r2 := analysis.scores.too_good) is not None:
        conclusion += (sentence("summary_too_good", r2=f"{r2:.5f}"),)
    return first, sentence("summary_comparison", values=values), *conclusion


def _with_threshold(analysis: Analysis, score: Pair) -> Pair:
    """Return the sentence on the score of the likelier class, then what the threshold leads to."""
    chosen = analysis.threshold
    if chosen is None:
        return score
    words = {"threshold": f"{chosen.value:.4g}", "label": cut(str(chosen.label))}
    shares = {name: percent(getattr(chosen.chosen, name)) for name in ("accuracy", "recall", "precision")}
    english, chinese = sentence("summary_threshold", **words, **shares)
    return f"{score[0]} {english}", f"{score[1]}{chinese}"


def _scope(analysis: Analysis) -> tuple[Pair, ...]:
    """Return a sentence if many of the scored rows have the inputs of a training row."""
    scored = analysis.plan.scored
    known, rows = scored.known_inputs, len(scored.rows.y)
    if known < MANY_KNOWN * rows:
        return ()
    return (sentence("summary_known_inputs", known=f"{known:,}", rows=f"{rows:,}"),)


def _columns(analysis: Analysis) -> tuple[Pair, ...]:
    importance = analysis.importance
    if importance is None:
        return ()
    strongest = importance.strongest
    if not strongest:
        return (sentence("summary_no_importance"),)
    error, score = importance.before
    before, after = short(error), short(error + float(importance.increases[0]))
    kind = analysis.prepared.task.kind
    if analysis.labels:
        share, lower = percent(score), percent(max(0.0, score - float(importance.drops[0])))
        is_visible = share != lower and float(importance.drops[0]) > 0
        before, after, kind = (share, lower, kind) if is_visible else (before, after, "probabilities")
    sentences = [sentence(f"summary_importance_{kind}", column=strongest[0], before=before, after=after)]
    if others := strongest[1 : 1 + NEXT_COLUMNS]:
        comma = both_texts("summary_next_comma")
        sentences.append(sentence("summary_next", columns=(comma[0].join(others), comma[1].join(others))))
    return (*sentences, *_effect(analysis))


def _effect(analysis: Analysis) -> tuple[Pair, ...]:
    """Return the prediction at both ends of the most important column, except with more than two classes."""
    if not analysis.effects or len(analysis.labels) > 2:
        return ()
    effect, is_class = analysis.effects[0], bool(analysis.labels)
    output = -1 if is_class else 0
    mean = effect.dependence.mean[:, output]
    ends = (0, len(mean) - 1) if len(effect.numbers) else (int(mean.argmin()), int(mean.argmax()))
    if abs(float(mean[-1] - mean[0])) < MONOTONIC * float(np.ptp(mean)):  # the extremes are in between
        ends = tuple(sorted((int(mean.argmin()), int(mean.argmax()))))
    missing = both_texts("missing")
    low, high = (
        short(float(effect.numbers[i])) if len(effect.numbers) else cut(effect.levels[i][0]) or missing
        for i in ends
    )
    key = "report_effects_probability" if is_class else "report_effects_value"
    labels = list(analysis.labels)
    name = sentence(key, name=labels[-1] if is_class else analysis.prepared.task.target)
    name = (f"the {name[0]}", name[1])
    first, last = (percent(mean[i]) if is_class else short(float(mean[i])) for i in ends)
    return (
        sentence(
            "summary_effect", output=name, column=effect.column, low=low, high=high, first=first, last=last
        ),
    )


def _cautions(analysis: Analysis) -> tuple[Pair, ...]:
    rows, cautions = len(analysis.rows.y), []
    if rows < FEW_ROWS:
        cautions.append(sentence("caution_few_rows", rows=rows))
    for finding in analysis.model.state.findings or ():
        if finding.severity != "info":
            name, what, end = ((text("en"), text("zh")) for text in (finding.name, finding.what, finding.end))
            what = sentence("caution_end", what=what, end=end) if end[0] else what
            cautions.append(sentence("caution_finding", name=_capital(name), what=what))
    if analysis.labels and rows:
        cautions += [*_rare_class(analysis), *_calibration(analysis)]
    return (*cautions, *_unused(analysis), *_range(analysis), *_cause(analysis))


def _capital(name: Pair) -> Pair:
    return name[0][:1].upper() + name[0][1:], name[1]


def _rare_class(analysis: Analysis) -> list[Pair]:
    """Return the recall of the rarer one of two classes; a threshold has a sentence of its own."""
    counts, predictions = analysis.class_counts, analysis.rows.predictions
    rare = int(counts.argmin())
    if len(counts) != 2 or analysis.threshold is not None or not 0 < counts[rare] < MINORITY * counts.sum():
        return []
    recall = float((predictions.predicted[predictions.target == rare] == rare).mean())
    share = percent(float(counts[rare] / counts.sum()))
    return [sentence("caution_imbalance", label=analysis.labels[rare], share=share, recall=percent(recall))]


def _calibration(analysis: Analysis) -> list[Pair]:
    """Return mean probability and accuracy, if they differ by more than the interval of the accuracy."""
    predictions, rows = analysis.rows.predictions, len(analysis.rows.y)
    right = int((predictions.predicted == predictions.target).sum())
    interval = analysis.scores.intervals(["accuracy"])["accuracy"]
    confidence = float(predictions.prediction.max(axis=1).mean())
    if not np.isfinite(interval.low) or abs(confidence - right / rows) < MISCALIBRATED:
        return []
    if interval.low <= confidence <= interval.high:
        return []
    key = "caution_overconfident" if confidence > interval.high else "caution_underconfident"
    return [sentence(key, confidence=percent(confidence), accuracy=percent(right / rows))]


def _unused(analysis: Analysis) -> list[Pair]:
    names = [c.name for c in analysis.prepared.columns if not c.is_input and not c.is_target]
    if not names:
        return []
    listed = ", ".join([*map(cut, names[:NAMED]), *(["…"] if len(names) > NAMED else [])])
    return [sentence("caution_unused", count=len(names), columns=listed)]


def _range(analysis: Analysis) -> list[Pair]:
    """Return the training range of the most important number."""
    strongest = analysis.importance.strongest if analysis.importance else ()
    columns = {c.name: c for c in analysis.prepared.columns if c.minimum is not None and c.is_input}
    name = next((name for name in strongest if name in columns), None)
    if name is None:
        return []
    low, high = short(float(columns[name].minimum or 0.0)), short(float(columns[name].maximum or 0.0))
    return [sentence("caution_range", column=name, low=low, high=high)]


def _cause(analysis: Analysis) -> list[Pair]:
    return [sentence("caution_cause")] if analysis.importance else []
