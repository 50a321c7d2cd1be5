"""Rules on labels and their order: problems 20, 22 and 28."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.data.tables.findings import IMBALANCE, SENTENCES
from chainrule.diagnosis.context import FEWEST, TrainingContext
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact
from chainrule.train.inputs.target import Target, distinct

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
