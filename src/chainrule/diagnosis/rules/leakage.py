"""Rules on repeated rows and on columns that reveal the target: problems 23 and 34."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from chainrule.data.tables.findings import DUPLICATES, SENTENCES
from chainrule.data.tables.repeated_rows import FACTOR, shared_by_chance
from chainrule.diagnosis.context import FEWEST, TrainingContext
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact
from chainrule.train.inputs.target import Target, distinct

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
