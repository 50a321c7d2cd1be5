"""Credit risk: which loans are not repaid, with probabilities that a bank can compute costs from.

Data: 4,454 loans with 13 columns. Network: the ensemble of ``cr.train_table``, which reads categories and
missing values. Loss: binary cross-entropy. Evaluation: all methods are trained and scored on the same five
folds. A loan is refused where granting it costs more on average, so no threshold is chosen on scored rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import chainrule as cr
from chainrule.data import Table
from chainrule.data.datasets import open_dataset, table_of
from chainrule.messages import Texts, in_language
from chainrule.metrics import groups_of
from chainrule.page import markup_table, result_page, screen
from chainrule.tabular import Cost
from chainrule_examples import Count, table_folds
from chainrule_examples.score_table import credit_line, print_scores, save_run
from chainrule_examples.table_folds import calibration_chart, cross_predict, fold_scores, group_rows

OPTIONS: Texts = {
    **table_folds.OPTIONS,
    "set": "data set: 4,454 loans, or 1,000 German ones",
    "long": "ten divisions into folds",
    "cost": "cost of refusing a good loan and of granting a bad one",
}
AGES = 30.0, 45.0  # ends of the groups by age


class Loans(NamedTuple):
    """A data set of loans: its name, its file, and the columns that are used by name."""

    dataset: str
    file: str
    target: str
    age: str
    group: str


SETS = {
    "loans": Loans("loans", "*credit_data.csv", "Status", "Age", "Marital"),
    "german": Loans(
        "credit", "*germancredit.csv", "creditability", "age_in_years", "personal_status_and_sex"
    ),
}


def read_loans(chosen: Loans, data: str) -> Table:
    """The loans; the number of the row is left out."""
    table = table_of(open_dataset(chosen.dataset, data), chosen.file, chosen[2:])
    return replace(table, frame=table.frame.drop("rownames", strict=False))


def main(
    *,
    lang: str = "en",
    set: Literal["loans", "german"] = "loans",
    data: str = "",
    long: bool = False,
    seeds: Count = 3,
    epochs: int = 0,
    cost: str = "1:5",
    out: str = "",
) -> None:
    """Cross-validate, print the scores and the groups, and save the model of the last fold."""
    texts = in_language(table_folds.RISK, lang)
    chosen, costs = SETS[set], Cost.parse(cost)
    table = read_loans(chosen, data)
    options = {"target": chosen.target, "positive": "bad", "epochs": epochs}
    divisions = [cross_predict(table, **options, seed=seed) for seed in range(10 if long else seeds)]
    metrics = {"AUC": cr.metric("roc_auc"), "Brier": cr.metric("brier"), "cost": costs.mean}
    print_scores(scores := fold_scores(divisions, metrics), lang, "AUC", test_ratio=table_folds.TEST_RATIO)
    screen.line(rule := texts["refuse"].format(level=costs.threshold))
    header = texts["header"].split(",")
    ages, names = (table.frame[name].to_numpy() for name in (chosen.age, chosen.group))
    inside = {**groups_of(ages, chosen.age, AGES), **groups_of(names, chosen.group)}
    groups = group_rows(divisions[0], inside, costs.threshold)
    screen.heading(texts["groups"])
    screen.table(header, groups, range(1, len(header)))
    screen.block(f"\n{texts['limits']}\n{credit_line(chosen.dataset, lang)}")
    if out:
        sections = [
            (texts["curve"], calibration_chart(divisions[0]), texts["legend"]),
            (texts["groups"], markup_table(header, groups), divisions[-1].limits(table, rule, lang)),
        ]
        files = {"risk.html": result_page(texts["title"], lang, sections), **divisions[-1].row_files(table)}
        model = divisions[-1].model
        save_run(out, model, scores, files, metrics=["brier"], **table_folds.decision(model, costs))


if __name__ == "__main__":
    main()
