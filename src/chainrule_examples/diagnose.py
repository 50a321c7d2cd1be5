"""Diagnosis: narrowed coronary arteries, from the examinations of 303 patients.

Data: 13 columns (age, chest pain, blood pressure, ...). Network: the ensemble of ``cr.train_table``. Loss:
binary cross-entropy. Evaluation: several divisions into five folds, the same for all methods, because a
single test set of 60 patients would decide by chance; an interval, and what abstaining in doubt gains.

Reference: Detrano et al. (1989), International application of a new probability algorithm for the diagnosis
of coronary artery disease, American Journal of Cardiology 64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import chainrule as cr
from chainrule.data import Table
from chainrule.data.datasets import open_dataset, table_of
from chainrule.messages import Texts, in_language
from chainrule.metrics import fold_interval, groups_of
from chainrule.page import markup_table, result_page, screen
from chainrule_examples import Count, table_folds
from chainrule_examples.score_table import Score, credit_line, print_scores, save_run
from chainrule_examples.table_folds import (
    TEST_RATIO,
    FoldPredictions,
    calibration_chart,
    cross_predict,
    fold_scores,
    group_rows,
)

OPTIONS: Texts = {**table_folds.OPTIONS, "long": "twenty divisions into folds"}
TARGET = "diameter narrowing"
COLUMNS = ("age", "gender", "chest pain", "max HR", TARGET)
TYPE_LINES = 2, 3  # lines of the file with the types and roles of the columns
DOUBT = 0.0, 0.1, 0.2, 0.3  # distances from 1/2 within which nothing is predicted
SPECIFIC = "sensitivity at specificity 0.9"
NAMES = {"AUC": "roc_auc", SPECIFIC: SPECIFIC.replace(" ", "_"), "Brier": "brier"}
METRICS = {title: cr.metric(name) for title, name in NAMES.items()}


def abstention_rows(divisions: Sequence[FoldPredictions]) -> list[list[object]]:
    """For each range without prediction: the share of patients left, and how well they are predicted."""
    y = np.concatenate([division.y for division in divisions])
    p = np.concatenate([division.outputs["net"] for division in divisions])
    rows: list[list[object]] = []
    for doubt in DOUBT:
        decided = np.abs(p - 0.5) >= doubt
        right = (p >= 0.5) == y
        if (decided & y).any() and (decided & ~y).any():
            shares = (right[decided].mean(), right[decided & y].mean(), right[decided & ~y].mean())
            rows.append([f"{0.5 - doubt:.1f} - {0.5 + doubt:.1f}", decided.mean(), *shares])
    return rows


def groups_in(table: Table) -> dict[str, np.ndarray]:
    """The groups by sex and age: for each whether a patient belongs to it."""
    ages, sexes = (table.frame[name].to_numpy() for name in ("age", "gender"))
    return {**groups_of(sexes, "gender"), **groups_of(ages, "age", (50.0, 60.0))}


def interval_line(net: Score, text: str) -> str:
    """The interval of the mean AUC over folds and divisions."""
    values = np.reshape(net.values["AUC"], (-1, 5))
    interval = fold_interval(values)
    return text.format(mean=values.mean(), low=interval.low, high=min(interval.high, 1.0))


def main(
    *, lang: str = "en", data: str = "", long: bool = False, seeds: Count = 4, epochs: int = 0, out: str = ""
) -> None:
    """Cross-validate, print scores, abstention and groups, and save the model of the last fold."""
    texts = in_language(table_folds.DIAGNOSE, lang)
    table = table_of(open_dataset("heart", data), "*heart_disease.tab", COLUMNS, TYPE_LINES, delimiter="tab")
    options = {"target": TARGET, "positive": 1, "epochs": epochs}
    divisions = [cross_predict(table, **options, seed=seed) for seed in range(20 if long else seeds)]
    scores = fold_scores(divisions, METRICS)
    print_scores(scores, lang, "AUC", test_ratio=TEST_RATIO)
    screen.line(interval_line(scores[-1], texts["interval"]))
    tables = [("abstain", texts["abstain_header"].split(","), abstention_rows(divisions))]
    tables.append(("groups", texts["header"].split(","), group_rows(divisions[0], groups_in(table), 0.5)))
    for heading, header, rows in tables:
        screen.heading(texts[heading])
        screen.table(header, rows, range(1, len(header)))
    screen.block(f"\n{texts['limits']}\n{credit_line('heart', lang)}")
    if out:
        sections = [
            (texts["curve"], calibration_chart(divisions[0]), texts["legend"]),
            *((texts[key], markup_table(header, rows), "") for key, header, rows in tables),
            ("", "", divisions[-1].limits(table, texts["limits"], lang)),
        ]
        files = {"diagnose.html": result_page(texts["title"], lang, sections)}
        files |= divisions[-1].row_files(table)
        save_run(out, divisions[-1].model, scores, files, metrics=[*NAMES.values()])


if __name__ == "__main__":
    main()
