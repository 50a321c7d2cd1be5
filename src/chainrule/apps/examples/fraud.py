"""Fraud: which web pages imitate others, ranked so that the suspicious ones are investigated first.

Data: 1,250 pages with nine properties; most pages have copies, which share a fold. Network: the ensemble of
``chainrule train``. Loss: binary cross-entropy. Evaluation: average precision and the precision among the
first 5 %; accuracy would reward a detector that never reports anything where fraud is rare.
"""

from __future__ import annotations

import numpy as np

from chainrule.apps.cli import screen
from chainrule.apps.examples import Count, table_texts
from chainrule.apps.examples.result_page import credit_line, markup_table, result_page
from chainrule.apps.examples.score_table import print_scores, save_run
from chainrule.apps.examples.table_folds import FoldPredictions, cross_predict, fold_scores
from chainrule.data import Table
from chainrule.data.datasets import open_dataset, table_of
from chainrule.data.tables.folds import row_digests
from chainrule.train.evaluation.metric import metric

OPTIONS = {**table_texts.OPTIONS, "long": ("ten divisions into folds", "把数据分成五折，重复十次")}
TARGET = "is_phishing"
COLUMNS = ("empty_server_form_handler", "popup_window", "https", "age_of_domain", TARGET)
CASES, REASONS = 5, 3  # cases that are printed, and columns named for each
METRICS = {
    "AP": metric("pr_auc").of,
    "precision in the first 5 %": metric("precision_at_top_0.05").of,
    "AUC": metric("roc_auc").of,
}


def case_rows(table: Table, division: FoldPredictions) -> list[list[object]]:
    """The most suspicious pages of the last fold: probability, class, and the columns that raise it."""
    test = np.flatnonzero(division.fold == division.fold.max())
    test = test[np.unique(row_digests(table.take(test)), return_index=True)[1]]  # equal pages once
    first = test[np.lexsort((test, -division.outputs["net"][test]))[:CASES]]
    result = division.model.attribute(table.take(first), "shapley", target=1)
    rows: list[list[object]] = []
    for row, number in enumerate(first):
        values = {name: float(value[row]) for name, value in result.by_column.items()}
        reasons = sorted(values, key=lambda name: -values[name])[:REASONS]
        cells = table.frame.row(int(number), named=True)
        text = ", ".join(f"{name} = {cells[name]:g} ({values[name]:+.2f})" for name in reasons)
        rows.append([division.outputs["net"][number], int(division.y[number]), text])
    return rows


def main(*, lang: str = "en", data: str = "", long: bool = False, seeds: Count = 3, epochs: int = 0,
         out: str = "") -> None:  # fmt: skip
    """Cross-validate, print the scores and the first cases, and save the model of the last fold."""
    texts = {key: pair[lang == "zh"] for key, pair in table_texts.FRAUD.items()}
    table = table_of(open_dataset("phishing", data), "*phishing.csv.gz", COLUMNS)
    options = {"target": TARGET, "positive": 1, "epochs": epochs}
    divisions = [cross_predict(table, **options, seed=seed) for seed in range(10 if long else seeds)]
    scores = fold_scores(divisions, METRICS)
    print_scores(scores, lang, "AP")
    header, cases = texts["header"].split(","), case_rows(table, divisions[-1])
    screen.heading(texts["cases"])
    screen.table(header, cases, (0, 1))
    screen.block(f"\n{texts['limits']}\n{credit_line('phishing', lang)}")
    if out:
        page = result_page(
            texts["title"], lang, [(texts["cases"], markup_table(header, cases), texts["limits"])]
        )
        save_run(out, divisions[-1].model, scores, {"fraud.html": page, **divisions[-1].row_files(table)})


if __name__ == "__main__":
    main()
