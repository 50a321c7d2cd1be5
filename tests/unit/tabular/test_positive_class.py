"""The positive class: its default, ``positive``, costs and thresholds, rare classes and class weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score, roc_auc_score

import chainrule as cr
from case_loops import loop_over
from chainrule.data import read_table
from chainrule.data.tables.task import choose_task
from chainrule.errors import UsageError
from chainrule.tabular.threshold import Cost, reads_calibrated, stored_threshold, with_threshold
from chainrule.tabular.train_table import TableRun
from chainrule.train.default_table_ensemble import recipe_for, scoring_rare_classes

CASES = [
    # values of the target, positive class, whether a notice states it
    (["fraud"] * 2 + ["ok"] * 18, "fraud", True),
    (["ok"] * 18 + ["sick"] * 2, "sick", True),
    (["ja"] * 12 + ["nein"] * 8, "ja", True),
    (["是"] * 12 + ["否"] * 8, "是", True),
    (["negative"] * 2 + ["positive"] * 18, "positive", True),
    (["cat"] * 9 + ["dog"] * 11, "dog", True),
    ([1] * 15 + [2] * 5, 2, True),
    ([0] * 5 + [1] * 15, 1, False),
    ([True] * 5 + [False] * 15, True, False),
]


@loop_over(("values", "positive", "is_stated"), CASES)
def test_the_default_is_the_word_for_yes_the_rarer_class_or_the_second(
    values: list[Any], positive: object, is_stated: bool
) -> None:
    table = read_table({"x": np.arange(20.0), "y": values})
    task = choose_task(table, "y", positive="")
    assert task.labels[1] == positive
    assert ("positive_class" in [notice.code for notice in task.notices]) == is_stated
    assert choose_task(table, "y").labels == tuple(sorted(set(values)))  # Model.fit: sorted, as before


def test_a_class_may_be_chosen_in_any_case_and_by_its_value() -> None:
    table = read_table({"x": np.arange(20.0), "y": ["Fraud"] * 2 + ["Ok"] * 18})
    assert choose_task(table, "y", positive="ok").labels == ("Fraud", "Ok")
    assert choose_task(table, "y", positive="FRAUD").labels == ("Ok", "Fraud")
    numbers = read_table({"x": np.arange(20.0), "y": [0, 1] * 10})
    assert choose_task(numbers, "y", positive="0").labels == (1, 0)
    with pytest.raises(UsageError, match="E101") as unknown:
        choose_task(table, "y", positive="fruad")
    assert unknown.value.fix == 'positive="Fraud"'
    for others in (["a", "b", "c"] * 7, np.linspace(0, 1, 21)):
        with pytest.raises(UsageError, match="E611"):
            choose_task(read_table({"x": np.arange(21.0), "y": others}), "y", positive="a")


def rows(count: int, seed: int, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers and whether each row is a fraud."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 4))
    return x, rng.random(count) < 1 / (1 + np.exp(offset - 3 * x[:, 0] - x[:, 1]))


def frame(x: np.ndarray, is_fraud: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({**{f"x{i}": x[:, i] for i in range(4)}, "y": np.where(is_fraud, "fraud", "ok")})


def trained(positive: str = "", **options: Any) -> TableRun:
    table = frame(*rows(600, 1, 4.0))
    options = {"quick": True, "epochs": 40, "verbose": False, "positive": positive, **options}
    return cr.train_table(table, "y", **options)


def test_costs_thresholds_and_scores_are_those_of_the_positive_class() -> None:
    fraud, ok = trained(cost="1:10"), trained("ok", cost="1:10")
    assert fraud.model.labels == ("ok", "fraud")
    assert ok.model.labels == ("fraud", "ok")
    x, is_fraud = rows(4_000, 2, 4.0)
    p = fraud.model.predict_proba(frame(x, is_fraud).drop("y"))
    assert roc_auc_score(is_fraud, p[:, 1]) > 0.9
    assert fraud.threshold is not None
    assert ok.threshold is not None
    assert (fraud.threshold.label, ok.threshold.label) == ("fraud", "ok")
    assert fraud.threshold.chosen.recall > fraud.threshold.default.recall  # missed frauds cost more
    assert fraud.scores["net"]["f1"] < ok.scores["net"]["f1"]  # the rarer class is the harder one
    assert "fraud" in fraud.card


def test_a_model_with_the_positive_class_first_in_order_survives_saving(tmp_path: Any) -> None:
    run = trained(epochs=3)
    run.save(tmp_path / "run")
    loaded = cr.Model.load(tmp_path / "run" / "model.safetensors")
    table = frame(*rows(50, 3, 2.0))
    assert loaded.labels == ("ok", "fraud")
    assert loaded.preparation is not None
    assert loaded.preparation.labels == ("ok", "fraud")
    assert loaded.predict(table).tolist() == run.model.predict(table).tolist()
    assert loaded.evaluate(table) == run.model.evaluate(table)


@pytest.mark.long
@pytest.mark.parametrize("net", ["ensemble", "16 relu"])
def test_an_estimator_decides_by_the_cost_of_its_positive_class(net: str) -> None:
    x, is_fraud = rows(400, 1, 3.0)
    y = np.where(is_fraud, "fraud", "ok")
    fitted = {
        name: cr.TabularClassifier(net, positive=name, cost="1:10", epochs=30, random_state=0).fit(x, y)
        for name in ("fraud", "ok")
    }
    for name, classifier in fitted.items():
        assert classifier.classes_.tolist() == ["fraud", "ok"]
        p = classifier.predict_proba(x)
        assert roc_auc_score(y == "ok", p[:, 1]) > 0.8
        column = classifier.classes_.tolist().index(name)
        assert ((classifier.predict(x) == name) == (p[:, column] >= 1 / 11)).all()
        assert classifier.model_.labels[1] == name
        assert np.allclose(classifier.model_.predict_proba(x)[:, 1], p[:, column])
    assert (fitted["fraud"].predict(x) == "fraud").sum() > (fitted["ok"].predict(x) == "fraud").sum()


@pytest.mark.long
@loop_over("net", ["ensemble", "16 relu"])
@loop_over("rule", ["f1", "youden"])
def test_an_estimator_chooses_its_threshold_on_rows_outside_the_training(rule: str, net: str) -> None:
    x, is_fraud = rows(900, 1, 4.0)
    other, other_is_fraud = rows(4000, 2, 4.0)
    y = np.where(is_fraud, "fraud", "ok")
    options: dict[str, Any] = {"net": net, "positive": "fraud", "epochs": 40, "random_state": 0}
    plain = cr.TabularClassifier(**options).fit(x, y)
    chosen = cr.TabularClassifier(**options, threshold=rule).fit(x, y)
    level = chosen.model_.facts["threshold"]["value"]
    assert chosen.model_.facts["threshold"]["rule"] == rule
    p = chosen.predict_proba(other)
    assert np.array_equal(p, plain.predict_proba(other)), "the training is the same"
    predicted = chosen.predict(other)
    assert ((predicted == "fraud") == (p[:, 0] >= level)).all()
    score = f1_score if rule == "f1" else recall_score
    before, after = (score(other_is_fraud, own == "fraud") for own in (plain.predict(other), predicted))
    assert after > before
    both = cr.TabularClassifier(**options, threshold=rule, cost="1:10").fit(x, y)
    assert both.model_.facts["threshold"] == {"value": 1 / 11, "rule": "cost", "cost": "1:10"}


def test_the_fix_of_an_unknown_class_of_an_estimator_works() -> None:
    x, is_fraud = rows(40, 1, 1.0)
    y = np.where(is_fraud, "fraud", "ok")
    for name, value, fix in (
        ("positive", "fruad", 'positive="fraud"'),
        ("threshold", "F2", 'threshold="f1"'),
    ):
        arguments: dict[str, Any] = {name: value}
        with pytest.raises(UsageError) as caught:
            cr.TabularClassifier(epochs=1, **arguments).fit(x, y)
        assert caught.value.fix == fix


@loop_over(
    ("arguments", "code"),
    [({"positive": "no"}, "E101"), ({"cost": "1"}, "E102"), ({"threshold": "f2"}, "E101")],
)
def test_an_estimator_refuses_other_classes_and_costs(arguments: dict[str, Any], code: str) -> None:
    x, is_fraud = rows(40, 1, 1.0)
    with pytest.raises(UsageError, match=code):
        cr.TabularClassifier(epochs=1, **arguments).fit(x, np.where(is_fraud, "fraud", "ok"))


@loop_over("arguments", [{"positive": 1}, {"threshold": "f1"}])
def test_an_estimator_refuses_a_positive_one_of_three_classes(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="E611"):
        cr.TabularClassifier(epochs=1, **arguments).fit(rows(42, 1, 1.0)[0], np.arange(42) % 3)


@pytest.mark.long
def test_all_rows_of_a_rare_class_are_scored() -> None:
    x, is_fraud = rows(4_000, 1, 8.5)
    assert 3 <= is_fraud.sum() < 40
    run = cr.train_table(frame(x, is_fraud), "y", epochs=1, verbose=False)
    assert len(run.comparison.target) == 4_000
    assert run.comparison.target.sum() == is_fraud.sum()
    large = recipe_for(50_000)
    assert scoring_rare_classes(large, 20_000) == large


@pytest.mark.long
def test_balanced_classes_are_as_good_as_those_of_logistic_regression() -> None:
    x, is_fraud = rows(4_000, 1, 8.5)
    other, other_is_fraud = rows(20_000, 2, 8.5)
    linear = LogisticRegression(class_weight="balanced").fit(x, is_fraud)
    run = cr.train_table(frame(x, is_fraud), "y", class_weight="balanced", epochs=8, verbose=False)
    p = run.model.predict_proba(frame(other, other_is_fraud).drop("y"))[:, 1]
    network = balanced_accuracy_score(other_is_fraud, p >= 0.5)
    assert network > balanced_accuracy_score(other_is_fraud, linear.predict(other)) - 0.03


def test_a_constant_prediction_does_not_rank_the_rows_of_a_cross_validation() -> None:
    x, is_fraud = rows(160, 1, 3.0)
    run = cr.train_table(frame(x, is_fraud), "y", epochs=1, verbose=False)
    assert run.scores["trivial"]["roc_auc"] == 0.5


def test_a_cost_counts_class_weights_once(tmp_path: Any) -> None:
    balanced = trained(cost="1:10", class_weight="balanced")
    assert balanced.threshold is not None
    y = balanced.plan.prepared.training.y
    ratio = (y == 0).sum() / (y == 1).sum()
    assert ratio > 3
    assert balanced.threshold.value == pytest.approx(ratio / (ratio + 10))
    scored = balanced.comparison.predictions()
    twice = Cost(1, 10).mean(scored.target, scored.prediction[:, 1])  # with 1/11
    assert balanced.threshold.chosen.cost is not None
    assert balanced.threshold.chosen.cost < 0.8 * twice
    balanced.save(tmp_path / "run")
    model = cr.Model.load(tmp_path / "run" / "model.safetensors")
    assert stored_threshold(model) == balanced.threshold.value
    x, is_fraud = rows(2_000, 5, 4.0)
    model.uncertainty.calibrate(frame(x, is_fraud), method="temperature")
    assert (stored_threshold(model), reads_calibrated(model)) == (balanced.threshold.value, False)
    model.uncertainty.calibrate(frame(x, is_fraud), method="isotonic")
    assert (stored_threshold(model), reads_calibrated(model)) == (pytest.approx(1 / 11), True)
    chosen = with_threshold(model, 0.3, cost="1:10")  # by the user, without regard to the cost
    assert (stored_threshold(chosen), reads_calibrated(chosen)) == (0.3, True)


def test_class_weights_hold_for_the_verdict() -> None:
    run = trained(class_weight="balanced")
    verdict = run.comparison.verdict
    assert verdict is not None
    assert "trivial" not in (verdict.first, verdict.second)
    assert "log-loss of balanced classes" in verdict.render("en")
    assert "类别平衡" in verdict.render("zh")
    plain = trained().comparison.verdict
    assert plain is not None
    assert "balanced" not in plain.render("en")
