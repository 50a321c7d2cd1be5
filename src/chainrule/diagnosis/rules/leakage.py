"""Rules about rows that repeat and columns that tell too much: 23 and 34 of the list of problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from chainrule.data.tables.check_thresholds import DUPLICATES
from chainrule.data.tables.findings import SENTENCES
from chainrule.diagnosis.context import FEWEST, Look
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.train.inputs.target import Target, distinct

SHARED = 0.05  # of the validation rows that are training rows too
EQUAL = 0.999  # the correlation from which a feature is the target under another name
MOST = 4096  # features of one row beyond which it is no row of a table


def _leaks(look: Look) -> Iterator[Evidence]:
    for each in look.found("copy_of_target", "leak"):
        severity = "error" if each.code == "copy_of_target" else ""
        column = str(each.facts["column"])
        yield Evidence(1.0, EQUAL, each.facts, layer=column, form=each.code, severity=severity)
    if look.noticed is None and look.single is not None and look.seen >= FEWEST:
        yield from _telling_features(look, *look.single)
    if look.held_out and not _repeats_by_nature(look):
        known, asked = set(_rows(look.x)), _rows(look.held_out)
        share = sum(row in known for row in asked) / len(asked)
        if share > SHARED:
            yield Evidence(share, SHARED, {"count": round(share * len(asked))}, form="shared_rows")


def _telling_features(look: Look, target: Target, y: np.ndarray) -> Iterator[Evidence]:
    """Features of a table that are the target, or an exact function of it."""
    x = look.features.get(next(iter(look.x)))
    if (
        x is None
        or len(x) != look.seen
        or not 2 <= x.shape[1] <= MOST
        or y.reshape(look.seen, -1).shape[1] > 1
    ):
        return  # a single feature may be all there is to learn from
    wanted = y.reshape(-1).astype(np.float64)  # (n,)
    name = next(iter(look.x))
    for i in np.flatnonzero(_correlation(x, wanted) > EQUAL):
        facts = {"column": f"{name}[{i}]"}
        yield Evidence(1.0, EQUAL, facts, layer=facts["column"], form="copy_of_target", severity="error")
    if target.is_single and len(target.labels) > 2:
        for i, levels in _exact_functions(x, wanted):
            facts = {"column": f"{name}[{i}]", "levels": levels}
            yield Evidence(1.0, EQUAL, facts, layer=facts["column"], form="leak")


def _exact_functions(x: np.ndarray, wanted: np.ndarray) -> Iterator[tuple[int, int]]:
    """Features with one level for each class, and the class the same wherever a level is."""
    classes = len(distinct(wanted))
    correlated = _correlation(x, wanted) > EQUAL
    for i in range(x.shape[1]):
        if correlated[i] or len(distinct(x[:, i])) != classes:
            continue
        if len(set(zip(x[:, i].tolist(), wanted.tolist(), strict=True))) == classes:
            yield i, classes


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far each feature goes with the target, up or down: (F,), from 0 to 1."""
    centered, wanted = x - x.mean(axis=0), y - y.mean()
    sizes = np.sqrt((centered**2).sum(axis=0) * (wanted**2).sum())
    return np.abs(wanted @ centered) / np.maximum(sizes, 1e-300)


def _duplicates(look: Look) -> Iterator[Evidence]:
    if look.noticed is not None:
        for each in look.found("duplicates"):
            yield Evidence(float(str(each.facts["share"])), DUPLICATES, each.facts)
        return
    if look.seen < FEWEST or not look.features or _repeats_by_nature(look):
        return  # texts repeat: a sentence that is said twice is no fault
    rows = _rows({**look.x, **{f"target {name}": y for name, y in look.y.items()}})
    count = look.seen - len(set(rows))
    share = count / look.seen
    if share > DUPLICATES:
        yield Evidence(share, DUPLICATES, {"count": count, "share": share})


def _repeats_by_nature(look: Look) -> bool:
    """Whether rows must repeat, because there are hardly more different ones than were given."""
    if look.flat is None:
        return False
    kinds = 1.0
    for i in range(look.flat.shape[1]):
        kinds *= len(distinct(look.flat[:, i]))
        if kinds > 2.0 * look.rows:
            return False
    return True


def _rows(arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """Each row of some arrays, side by side, as bytes."""
    parts = [np.ascontiguousarray(a).reshape(len(a), -1) for a in arrays.values()]
    if len(parts) == 1:
        return [row.tobytes() for row in parts[0]]
    return [b"".join(row.tobytes() for row in rows) for rows in zip(*parts, strict=True)]


DATA_LEAKAGE = Rule(
    23,
    "data-leakage",
    ("data leakage", "数据泄漏"),
    "warning",
    symptom=(
        "a single feature determines the target, or validation rows are among the training rows",
        "某个特征单独就能得出目标，或验证集的行出现在训练集中",
    ),
    threshold=(
        f"a feature whose correlation with the target exceeds {EQUAL:g}, or whose every level belongs to "
        f"one class; more than {SHARED:.0%} of the validation rows are also training rows",
        f"某特征与目标的相关系数超过 {EQUAL:g}，或它的每个取值只对应一个类别；"
        f"超过 {SHARED:.0%} 的验证行也在训练行中",
    ),
    source="deepchecks (train/test overlap 5 %); the correlation is this project's own",
    what={
        "copy_of_target": SENTENCES["copy_of_target"],
        "leak": SENTENCES["leak"],
        "shared_rows": (
            "{count} of the validation rows ({value:.1%}) are also training rows",
            "验证集中有 {count} 行（{value:.1%}）也在训练集中",
        ),
    },
    why=(
        "Information that is in the data but not available at prediction time inflates every metric "
        "and makes the model useless.",
        "记录数据时已知、预测时却未知的信息，会让所有指标虚高，而模型毫无用处。",
    ),
    remedy="x = numpy.delete(x, column, axis=1)  # or split before rows are copied or augmented",
    remedy_comment="或先划分数据，再复制或增广",
    before=_leaks,
)

DUPLICATE_ROWS = Rule(
    34,
    "duplicate-rows",
    ("duplicate rows", "重复行"),
    "warning",
    symptom=("rows occur several times, with equal inputs and targets", "输入和目标都相同的行多次出现"),
    threshold=(
        f"more than {DUPLICATES:.0%} of the rows repeat an earlier row; not reported if the features have "
        "too "
        "few values to distinguish rows",
        f"超过 {DUPLICATES:.0%} 的行与前面的行重复；特征取值太少、行必然重复时不提示",
    ),
    source="deepchecks (5 %)",
    what=SENTENCES["duplicates"],
    why=(
        "A repeated row counts twice; after a random split, one copy may be in the training set and the "
        "other "
        "in the validation set, which is leakage.",
        "出现两次的行有双倍的权重；随机划分后，一份用来学习，另一份用来评判，这就是泄漏。",
    ),
    remedy="x, first = numpy.unique(x, axis=0, return_index=True); y = y[first]",
    before=_duplicates,
)
