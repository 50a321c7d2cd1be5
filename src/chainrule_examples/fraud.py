"""Fraud: the cases ranked so that the suspicious ones are investigated first.

Data: web pages that imitate others, 1,250 with nine properties; most have copies, which share a fold. Or
(``--set creditcard``) card payments, of which the later ones are the test. Network: the ensemble of
``cr.train_table``. Loss: binary cross-entropy. Evaluation: average precision and the precision among the
first cases; accuracy would reward a detector that never reports anything where fraud is rare.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

import chainrule as cr
from chainrule.data import Table, row_digests
from chainrule.data.datasets import open_dataset, table_of
from chainrule.messages import Texts, in_language
from chainrule.page import markup_table, result_page, screen
from chainrule_examples import Count, table_folds
from chainrule_examples.payments import predict_payments
from chainrule_examples.score_table import credit_line, print_scores, save_run
from chainrule_examples.table_folds import FoldPredictions, cross_predict, fold_scores

OPTIONS: Texts = {
    **table_folds.OPTIONS,
    "set": "web pages (phishing) or card payments (creditcard)",
    "long": "ten divisions into folds; all earlier payments",
}
TARGET = "is_phishing"
COLUMNS = ("empty_server_form_handler", "popup_window", "https", "age_of_domain", TARGET)
CASES, REASONS = 5, 3  # cases that are printed, and columns named for each
SHAPLEY = 14  # columns of a table from which Shapley values would need a sample
LATEST = 40_000  # earlier payments from which the short form learns
NAMES = {
    name: {
        "AP": "pr_auc",
        f"precision in the first {share:g} %": f"precision_at_top_{share / 100:g}",
        "AUC": "roc_auc",
    }
    for name, share in (("phishing", 5), ("creditcard", 0.5))
}
METRICS = {set: {title: cr.metric(name) for title, name in own.items()} for set, own in NAMES.items()}


def case_rows(table: Table, division: FoldPredictions) -> list[list[object]]:
    """The most suspicious rows of the last fold: probability, class, and the columns that raise it."""
    test = np.flatnonzero(division.fold == division.fold.max())
    test = test[np.unique(row_digests(table.take(test)), return_index=True)[1]]  # equal rows once
    first = test[np.lexsort((test, -division.outputs["net"][test]))[:CASES]]
    method = "shapley" if len(table.columns) < SHAPLEY else "integrated_gradients"
    result = division.model.attribute(table.take(first), method, target=1)
    rows: list[list[object]] = []
    for row, number in enumerate(first):
        values = {name: float(value[row]) for name, value in result.by_column.items()}
        reasons = sorted(values, key=lambda name: -values[name])[:REASONS]
        cells = table.frame.row(int(number), named=True)
        text = ", ".join(f"{name} = {cells[name]:g} ({values[name]:+.2f})" for name in reasons)
        rows.append([division.outputs["net"][number], int(division.y[number]), text])
    return rows


def pages(data: str, seeds: int, epochs: int) -> tuple[Table, list[FoldPredictions]]:
    """The web pages and their predictions in ``seeds`` divisions into five folds."""
    table = table_of(open_dataset("phishing", data), "*phishing.csv.gz", COLUMNS)
    return table, [cross_predict(table, TARGET, 1, seed=seed, epochs=epochs) for seed in range(seeds)]


def main(
    *,
    lang: str = "en",
    set: Literal["phishing", "creditcard"] = "phishing",
    data: str = "",
    long: bool = False,
    seeds: Count = 3,
    epochs: int = 0,
    out: str = "",
) -> None:
    """Predict, print the scores and the first cases, and save the model of the last training."""
    is_phishing = set == "phishing"
    texts = in_language({**table_folds.FRAUD, **({} if is_phishing else table_folds.PAYMENTS)}, lang)
    if is_phishing:
        table, divisions = pages(data, 10 if long else seeds, epochs)
    else:
        table, divisions = predict_payments(data, seeds, epochs, 0 if long else LATEST, texts["data"])
    scores = fold_scores(divisions, METRICS[set])
    print_scores(scores, lang, "AP", test_ratio=table_folds.TEST_RATIO if is_phishing else 0.0)
    header, cases = texts["header"].split(","), case_rows(table, divisions[-1])
    screen.heading(texts["cases"])
    screen.table(header, cases, (0, 1))
    screen.block(f"\n{texts['limits']}\n{credit_line(set, lang)}")
    if out:
        note = divisions[-1].limits(table, texts["limits"], lang)
        sections = [(texts["cases"], markup_table(header, cases), note)]
        files = {"fraud.html": result_page(texts["title"], lang, sections), **divisions[-1].row_files(table)}
        save_run(out, divisions[-1].model, scores, files, metrics=[*NAMES[set].values()])


if __name__ == "__main__":
    main()
