"""Rules on labels and their order, repeated rows, and columns that reveal the target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from chainrule.data.tables.findings import DUPLICATES, IMBALANCE, SENTENCES
from chainrule.data.tables.repeated_rows import FACTOR, shared_by_chance
from chainrule.diagnosis.context import FEWEST, TrainingContext
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact
from chainrule.train.inputs.target import Target, distinct

# Rules on labels and their order: problems 20, 22 and 28.

SORTED = 0.5  # agreement of neighboring targets beyond chance, from 0 (as by chance) to 1 (always)
_MAX_LISTED = 5


def _wrong_label_numbers(context: TrainingContext) -> Iterator[Evidence]:
    if context.table_findings is not None:
        for finding in context.findings("label_gap", "labels_from_one"):
            severity = "info" if finding.code == "labels_from_one" else ""
            value = float(str(finding.facts.get("low", 1)))
            yield Evidence(value, 0.0, finding.facts, form=finding.code, severity=severity)
        return
    for target, classes in context.classes():
        integers = [label for label in target.labels if type(label) is int]
        are_integers = len(integers) == len(target.labels)
        is_enough = context.sampled_rows == context.rows or len(classes) >= FEWEST * len(target.labels)
        labels = [integers[int(i)] for i in distinct(classes)] if are_integers and is_enough else []
        if len(labels) >= 2 and labels != [-1, 1] and not target.is_declared:
            yield from _integer_labels(labels, target)


def _integer_labels(labels: list[int], target: Target) -> Iterator[Evidence]:
    """Report integer labels, those that occur, that do not match the scores of the network."""
    low, high = labels[0], labels[-1]
    missing = sorted(set(range(low, high + 1)) - set(labels)) if high - low < 10 * len(labels) else []
    if missing:
        listed = ", ".join(map(str, missing[:_MAX_LISTED])) + (", ..." if len(missing) > _MAX_LISTED else "")
        yield Evidence(len(missing), 0.0, {"low": low, "high": high, "missing": listed}, form="label_gap")
    elif low == 1 and target.max_classes == len(labels):
        facts = {"high": high, "last": high - 1}
        yield Evidence(low, 0.0, facts, form="labels_from_one", severity="info")
    if (
        target.max_classes > len(labels)
        and target.scores > 1
        and (low or missing or target.max_classes != high + 1)
    ):
        facts = {"scores": target.scores, "classes": len(labels), "low": low, "high": high}
        yield Evidence(target.scores, len(labels), facts, form="unused_scores")


def _imbalance(context: TrainingContext) -> Iterator[Evidence]:
    if context.weighted:
        return
    if context.table_findings is not None:
        for finding in context.findings("imbalance"):
            yield Evidence(float(str(finding.facts["ratio"])), IMBALANCE, finding.facts)
        return
    for target, classes in context.classes():
        counts = np.bincount(classes, minlength=len(target.labels))[: len(target.labels)]
        if context.sampled_rows < FEWEST or not counts.size or not counts.min():
            continue
        ratio = float(counts.max() / counts.min())
        if ratio > IMBALANCE:
            large, small = (target.labels[int(i)] for i in (counts.argmax(), counts.argmin()))
            yield Evidence(ratio, IMBALANCE, {"large": large, "small": small, "ratio": ratio})


def _unshuffled(context: TrainingContext) -> Iterator[Evidence]:
    order = context.order
    if (
        getattr(order, "shuffle", True)
        or order.steps < 2
        or context.sampled_rows < FEWEST
        or context.single_output is None
    ):
        return
    target, y = context.single_output
    y = y.reshape(context.sampled_rows, -1)[:, 0]  # (n,)
    agreement = _agreement(y, target.is_single)
    if agreement > SORTED:
        yield Evidence(agreement, SORTED, {"batches": order.steps})


def _agreement(y: np.ndarray, are_classes: bool) -> float:
    """Return the agreement of neighboring targets: 0 as by chance, 1 always."""
    if not are_classes:
        centered = y - y.mean()
        return float((centered[1:] * centered[:-1]).sum() / max(1e-300, float((centered**2).sum())))
    chance = sum(float((y == kind).mean()) ** 2 for kind in distinct(y))
    return (float((y[1:] == y[:-1]).mean()) - chance) / max(1e-12, 1 - chance)


LABEL_NUMBERS = Rule(
    20,
    "label-numbers",
    "labels off by one or out of range",
    "warning",
    symptom="integer labels have gaps, do not start at 0, or do not match the number of scores",
    threshold=(
        fact(
            "an integer between the smallest and the largest label never occurs; labels start at 1; more "
            "scores than classes where the labels do not count from 0; more classes than scores"
        )
    ),
    source="cs231n and the training notes of Karpathy; the rule is exact",
    what={
        "label_gap": SENTENCES["label_gap"],
        "labels_from_one": SENTENCES["labels_from_one"],
        "unused_scores": (
            "the network outputs {scores} scores, but only {classes} classes occur, with labels {low} to "
            "{high}"
        ),
        "too_many": "the network outputs {scores} scores, but {classes} classes occur: {low} to {high}",
    },
    why=(
        "The loss uses a label as the index of a score. A label that is too high by one selects the adjacent "
        "score, or is out of range; a label that never occurs wastes a score, or indicates missing rows."
    ),
    remedy="y = numpy.unique(y, return_inverse=True)[1]",
    remedy_comment="0, 1, ..., K - 1",
    before=_wrong_label_numbers,
    reads_rows=True,
    is_silent=True,
)

CLASS_IMBALANCE = Rule(
    22,
    "class-imbalance",
    "class imbalance",
    "warning",
    symptom="one class has many times the rows of another, and no weights are used",
    threshold=fact(
        "ratio of the largest to the smallest class above {imbalance:g}; not reported if classes or "
        "rows have weights",
        imbalance=IMBALANCE,
    ),
    source="Amazon SageMaker Debugger, ClassImbalance",
    what=SENTENCES["imbalance"],
    why=(
        "The loss is a mean over rows, so a class with few rows has little influence: always predicting "
        "the large class already gives a low loss and a high accuracy."
    ),
    remedy='model.fit(x, y, class_weight="balanced")',
    before=_imbalance,
    reads_rows=True,
)

UNSHUFFLED = Rule(
    28,
    "unshuffled",
    "rows not shuffled",
    "warning",
    symptom="shuffling is off, and neighboring rows have similar targets",
    threshold=fact(
        "neighboring targets agree beyond chance by more than {sorted:g} (0: as by chance, 1: "
        "always), in a fixed order",
        sorted=SORTED,
    ),
    source="this project's own",
    what=(
        "neighboring rows have similar targets ({value:.2f} beyond chance) and keep their order over "
        "{batches} batches"
    ),
    why=(
        "Each batch then contains similar targets only. Its gradient favors them, the next batch undoes the "
        "change, and the last rows have the largest effect."
    ),
    remedy="model.fit(x, y, shuffle=True)",
    before=_unshuffled,
    reads_rows=True,
)


SHARED = 0.05  # share of validation rows that are also training rows
EQUAL = 0.999  # the correlation from which a feature is considered equal to the target
MAX_FEATURES = 4096  # rows with more features are not rows of a table


def _leakage(context: TrainingContext) -> Iterator[Evidence]:
    for finding in context.findings("copy_of_target", "leak"):
        severity = "error" if finding.code == "copy_of_target" else ""
        column = str(finding.facts["column"])
        yield Evidence(
            1.0,
            EQUAL,
            finding.facts,
            layer=column,
            form=finding.code,
            severity=severity,
            sample=finding.sample,
        )
    if (
        context.table_findings is None
        and context.single_output is not None
        and context.sampled_rows >= FEWEST
    ):
        yield from _revealing_features(context, *context.single_output)
    if context.validation and not _must_repeat(context):
        training_rows, validation_rows = set(_rows(context.x)), _rows(context.validation)
        share = sum(row in training_rows for row in validation_rows) / len(validation_rows)
        if share > SHARED and share > FACTOR * _shared_by_chance(context):
            yield Evidence(share, SHARED, {"count": round(share * len(validation_rows))}, form="shared_rows")


def _shared_by_chance(context: TrainingContext) -> float:
    """Return the share of validation rows that are training rows because the features have few values."""
    if context.flat is None or context.flat.shape[1] > MAX_FEATURES:
        return 0.0
    validation = next(iter(context.validation.values()))
    return shared_by_chance(context.flat, validation.reshape(len(validation), -1))


def _revealing_features(context: TrainingContext, target: Target, y: np.ndarray) -> Iterator[Evidence]:
    """Report features of a table that are equal to the target, or an exact function of it."""
    x = context.features.get(next(iter(context.x)))
    if (
        x is None
        or len(x) != context.sampled_rows
        or not 2 <= x.shape[1] <= MAX_FEATURES
        or y.reshape(context.sampled_rows, -1).shape[1] > 1
    ):
        return  # a single feature may legitimately determine the target
    labels = y.reshape(-1).astype(np.float64)  # (n,)
    is_copy = _correlation(x, labels) > EQUAL
    for i in np.flatnonzero(is_copy):
        facts = {"column": context.feature_name(int(i))}
        yield Evidence(1.0, EQUAL, facts, layer=facts["column"], form="copy_of_target", severity="error")
    if target.is_single and len(target.labels) > 2:
        others = np.flatnonzero(~is_copy)
        for i, levels in _exact_functions(x[:, others], labels):
            facts = {"column": context.feature_name(int(others[i])), "levels": levels}
            yield Evidence(1.0, EQUAL, facts, layer=facts["column"], form="leak")


def _exact_functions(x: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield features with as many levels as there are classes, each level with a single class."""
    classes = len(distinct(labels))
    ordered = np.sort(x, axis=0)
    levels = 1 + (ordered[1:] != ordered[:-1]).sum(axis=0)  # (F,)
    for i in np.flatnonzero(levels == classes).tolist():
        if len(set(zip(x[:, i].tolist(), labels.tolist(), strict=True))) == classes:
            yield i, classes


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the absolute correlation of each feature with the target: (F,), from 0 to 1."""
    centered, y_centered = x - x.mean(axis=0), y - y.mean()
    sizes = np.sqrt((centered**2).sum(axis=0) * (y_centered**2).sum())
    return np.abs(y_centered @ centered) / np.maximum(sizes, 1e-300)


def _duplicates(context: TrainingContext) -> Iterator[Evidence]:
    if context.table_findings is not None:
        for finding in context.findings("duplicates"):
            share = float(str(finding.facts["share"]))
            yield Evidence(share, DUPLICATES, finding.facts, sample=finding.sample)
        return
    if context.sampled_rows < FEWEST or not context.features or _must_repeat(context):
        return  # repeated texts are not an error
    rows = _rows({**context.x, **{f"target {name}": y for name, y in context.y.items()}})
    count = context.sampled_rows - len(set(rows))
    share = count / context.sampled_rows
    if share > DUPLICATES:
        yield Evidence(share, DUPLICATES, {"count": count, "share": share})


def _must_repeat(context: TrainingContext) -> bool:
    """Return whether rows must repeat because there are hardly more distinct ones than rows."""
    if context.flat is None:
        return False
    distinct_rows = 1.0
    for i in range(context.flat.shape[1]):
        distinct_rows *= len(distinct(context.flat[:, i]))
        if distinct_rows > 2.0 * context.rows:
            return False
    return True


def _rows(arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """Return each row of some arrays, concatenated, as bytes."""
    parts = [np.ascontiguousarray(a).reshape(len(a), -1) for a in arrays.values()]
    if len(parts) == 1:
        return [row.tobytes() for row in parts[0]]
    return [b"".join(row.tobytes() for row in rows) for rows in zip(*parts, strict=True)]


DATA_LEAKAGE = Rule(
    23,
    "data-leakage",
    "data leakage",
    "warning",
    symptom="a single feature determines the target, or validation rows are among the training rows",
    threshold=fact(
        "a feature whose correlation with the target exceeds {equal:g}, or whose every level "
        "belongs to one class; more than {shared:.0%} of the validation rows are also training rows",
        equal=EQUAL,
        shared=SHARED,
    ),
    source="deepchecks (train/test overlap 5 %); the correlation is this project's own",
    what={
        "copy_of_target": SENTENCES["copy_of_target"],
        "leak": SENTENCES["leak"],
        "shared_rows": "{count} of the validation rows ({value:.1%}) are also training rows",
    },
    why=(
        "Information that is in the data but not available at prediction time inflates every metric "
        "and makes the model useless."
    ),
    remedy="x = numpy.delete(x, column, axis=1)",
    remedy_comment="or split before rows are copied or augmented",
    before=_leakage,
    reads_rows=True,
)

DUPLICATE_ROWS = Rule(
    34,
    "duplicate-rows",
    "duplicate rows",
    "warning",
    symptom="rows occur several times, with equal inputs and targets",
    threshold=fact(
        "more than {duplicates:.0%} of the rows repeat an earlier row; not reported if the features "
        "have too few values to distinguish rows",
        duplicates=DUPLICATES,
    ),
    source="deepchecks (5 %)",
    what=SENTENCES["duplicates"],
    why=(
        "A repeated row counts twice; after a random split, one copy may be in the training set and the "
        "other in the validation set, which is leakage."
    ),
    remedy="x, first = numpy.unique(x, axis=0, return_index=True); y = y[first]",
    before=_duplicates,
    reads_rows=True,
)
