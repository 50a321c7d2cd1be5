"""Every command explains, attacks and changes the class that ``chainrule predict`` prints.

A threshold, a calibration or a gate may decide otherwise than the largest probability of the network.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.attribution.permutation_importance_and_partial_dependence import shuffled_copies
from chainrule.errors import UsageError
from chainrule.plotting.plots.decision_boundary import prediction_grid
from chainrule.plotting.registry import PLOTS
from chainrule.plotting.samples import inputs_of
from chainrule.plotting.style import text_only
from chainrule.prng import fold, key_of, permutation
from chainrule.robustness import with_novelty_gate
from chainrule.tabular.predicted_columns import (
    Uncertainty,
    decision_of,
    plotted_decision,
    prediction_columns,
    threshold_option,
)
from chainrule.tabular.threshold import decision_rule
from chainrule.train.model_state import THRESHOLD
from chainrule.uncertainty import calibration
from chainrule.uncertainty.calibration import calibrate_probabilities, with_calibration

RNG = np.random.default_rng(7)
X = RNG.normal(size=(400, 3)).astype("float32")
P = 1 / (1 + np.exp(2 - 2 * X[:, 0] - X[:, 1]))
TWO = np.array(["no", "yes"])[(RNG.random(400) < P).astype(int)]
THREE = np.array(["a", "b", "c"])[(X[:, 0] > 0.4).astype(int) + (X[:, 1] + RNG.normal(size=400) > 0.8)]


def fitted(y: np.ndarray, net: cr.Layer, loss: Any, weight: Any = "balanced") -> cr.Model:
    model = cr.Model(net, loss, cr.Adam(0.02))
    model.fit(X, y, epochs=4, seed=0, class_weight=weight, verbose=False, doctor=False)
    return model


def one_score() -> cr.Model:
    return fitted(TWO, cr.Sequential(cr.Dense(6, "tanh"), cr.Dense(1)), "binary_cross_entropy")


def two_scores() -> cr.Model:
    return fitted(TWO, cr.Sequential(cr.Dense(6, "tanh"), cr.Dense(2)), "cross_entropy")


def ensemble() -> cr.Model:
    layers = cr.RepeatVector(3), cr.EnsembleDense(6, "tanh"), cr.EnsembleDense(2), cr.EnsembleMean("softmax")
    return fitted(TWO, cr.Sequential(*layers), "cross_entropy")


def with_threshold(model: cr.Model, value: float, **record: str) -> cr.Model:
    return cr.Model.of(
        replace(model.state, facts={**model.facts, THRESHOLD: {"value": value, "rule": "f1", **record}})
    )


def calibrated(model: cr.Model, y: np.ndarray, method: Any) -> cr.Model:
    model.calibrate(X, y, method=method)
    return model


KINDS: dict[str, tuple[Callable[[], cr.Model], np.ndarray]] = {
    "threshold, one score": (lambda: with_threshold(one_score(), 0.7), TWO),
    "threshold, two scores": (lambda: with_threshold(two_scores(), 0.7), TWO),
    "threshold, ensemble": (lambda: with_threshold(ensemble(), 0.7), TWO),
    "cost": (lambda: with_threshold(two_scores(), 0.2, rule="cost", cost="1:4"), TWO),
    "isotonic": (lambda: calibrated(one_score(), TWO, "isotonic"), TWO),
    "cost, isotonic": (
        lambda: calibrated(with_threshold(two_scores(), 0.2, rule="cost", cost="1:4"), TWO, "isotonic"),
        TWO,
    ),
    "f1, isotonic": (lambda: calibrated(with_threshold(two_scores(), 0.7), TWO, "isotonic"), TWO),
    "never": (lambda: with_threshold(one_score(), 2.0), TWO),
    "three classes, isotonic": (
        lambda: calibrated(
            fitted(THREE, cr.Sequential(cr.Dense(6, "tanh"), cr.Dense(3)), "cross_entropy"), THREE, "isotonic"
        ),
        THREE,
    ),
}


@pytest.fixture(scope="module", params=KINDS)
def case(request: pytest.FixtureRequest) -> tuple[cr.Model, np.ndarray, np.ndarray]:
    """A model, the labels, and the classes that ``chainrule predict`` prints."""
    build, y = KINDS[request.param]
    model = build()
    printed = np.asarray(prediction_columns(model, X, False)["prediction"])
    assert (printed != np.asarray(model.predict(X))).sum() > 5, "no row differs"
    return model, y, printed


def differing(model: cr.Model, printed: np.ndarray, count: int = 3) -> list[int]:
    return np.flatnonzero(printed != np.asarray(model.predict(X)))[:count].tolist()


def test_the_decision_is_the_printed_class(case: tuple[cr.Model, np.ndarray, np.ndarray]) -> None:
    model, _, printed = case
    shares = prediction_columns(model, X, True)
    for i in [*differing(model, printed), *range(5)]:
        decision = decision_of(model, X[i : i + 1])
        assert decision is not None
        assert decision.label == printed[i]
        assert decision.probability == pytest.approx(shares[f"probability of {printed[i]}"][i])


def test_the_confidence_is_its_probability(case: tuple[cr.Model, np.ndarray, np.ndarray]) -> None:
    model, _, printed = case
    columns = prediction_columns(model, X, True, None, Uncertainty(abstain=0.6))
    own = np.array([columns[f"probability of {label}"][i] for i, label in enumerate(printed)])
    np.testing.assert_allclose(columns["confidence"], own, atol=1e-6)
    is_decided = own.astype("float32") >= np.float32(0.6)
    assert is_decided.any()
    assert columns["prediction"].tolist() == np.where(is_decided, printed.astype(object), None).tolist()


def test_plots_show_it(case: tuple[cr.Model, np.ndarray, np.ndarray]) -> None:
    model, y, printed = case
    labels, decide, plot = list(model.labels or ()), plotted_decision(model), model.plot
    counts = np.array([[((y == a) & (printed == b)).sum() for b in labels] for a in labels])
    with text_only():
        matrix = plot.confusion_matrix(X, y, decide=decide)
        curve = plot.risk_coverage(X, y, decide=decide)
    cells = [line.split()[1:] for line in str(matrix).splitlines()[2 : 2 + len(labels)]]
    assert cells == [[str(count) for count in row] for row in counts.tolist()]
    assert f"{(printed != y).mean():.2%}" in str(curve)


def test_the_importance_is_measured_by_it(case: tuple[cr.Model, np.ndarray, np.ndarray]) -> None:
    model, y, printed = case
    if len(model.labels) != 2:
        pytest.skip("the threshold of two classes")
    importance = model.importance(X, y, metric="accuracy", repeats=1, **threshold_option(model))
    assert importance.score == pytest.approx((printed == y).mean())
    assert importance.score != pytest.approx((np.asarray(model.predict(X)) == y).mean())
    (x,) = shuffled_copies(X, [np.array([0])], 1, 0)
    after = np.asarray(prediction_columns(model, x, False)["prediction"])
    assert importance["x1"] == pytest.approx((printed == y).mean() - (after == y).mean())


def test_a_decision_boundary_has_it(case: tuple[cr.Model, np.ndarray, np.ndarray]) -> None:
    model, _, _ = case
    rows = inputs_of(model.state, X, "decision_boundary")
    grid = prediction_grid(model.state, rows, (0, 1), 20, plotted_decision(model))
    first, second = (part.reshape(-1) for part in np.meshgrid(*grid.edges))
    third = np.full(first.shape, np.median(X[:, 2]))
    points = np.stack([first, second, third], axis=1).astype("float32")
    printed = np.asarray(prediction_columns(model, points, False)["prediction"])
    assert np.asarray(model.labels)[grid.classes.reshape(-1)].tolist() == printed.tolist()


def test_every_plot_of_predicted_classes_can_show_it() -> None:
    names = {name for name, card in PLOTS.items() if "decide" in signature(card.draw).parameters}
    evaluations = {name for name, card in PLOTS.items() if card.is_evaluation}
    assert names == {*evaluations, "decision_boundary"} - {"residuals"}


def test_explanations_are_about_it(
    case: tuple[cr.Model, np.ndarray, np.ndarray], tmp_path: Path, chainrule: Any
) -> None:
    model, y, printed = case
    file, rows = str(tmp_path / "m.safetensors"), str(tmp_path / "r.npz")
    model.save(file)
    np.savez(rows, x=X, y=y)
    i = differing(model, printed, 1)[0]
    output = chainrule("explain", file, rows, "--row", str(i + 1)).out
    assert output.startswith(f"Why {printed[i]}?")
    decision = decision_of(model, X[i : i + 1])
    assert decision is not None
    assert f"predicts {printed[i]}, with a probability of {100 * decision.probability:.1f} %" in " ".join(
        output.split()
    )
    derived = " ".join(chainrule("explain", file, rows, "--row", str(i + 1), "--depth", "1").out.split())
    assert re.search(rf"predict(s| prints) {printed[i]}, with a probability", derived)
    assert f"The score (logit) of {printed[i]}" in chainrule("attribute", file, rows, "--row", str(i + 1)).out


def test_attacks_begin_with_it_and_reach_another(case: tuple[cr.Model, np.ndarray, np.ndarray]) -> None:
    model, y, printed = case
    if len(set(y)) > 2:
        pytest.skip("an attack is about the likeliest of more than two classes")
    result = model.attack(X, y, radius=0.3, steps=10, restarts=1, **threshold_option(model))
    names = np.array(result.classes)
    np.testing.assert_array_equal(names[result.clean], printed)
    after = np.asarray(prediction_columns(model, result.adversarial, False)["prediction"])
    np.testing.assert_array_equal(names[result.attacked], after)
    assert (after[result.success] != y[result.success]).all()
    if (printed == "yes").any():
        assert result.success.any()
    swept = model.corruption_sweep(X, y, **threshold_option(model))
    assert swept.clean.count == (printed == y).sum()


def test_counterfactuals_are_of_it(case: tuple[cr.Model, np.ndarray, np.ndarray]) -> None:
    model, y, printed = case
    if len(set(y)) > 2 or not (printed == "yes").any():
        pytest.skip("of two classes, both of which are predicted")
    i = differing(model, printed, 1)[0]
    result = model.counterfactual(X[i], data=X, **threshold_option(model))
    assert result.prediction == printed[i]
    assert result.alternatives
    rows = np.repeat(X[i][None], len(result.alternatives), axis=0)
    for row, one in zip(rows, result.alternatives, strict=True):
        for change in one.changes:
            row[int(re.sub(r"\D", "", change.column)) - 1] = np.float32(change.after)
    assert (prediction_columns(model, rows, False)["prediction"] != printed[i]).all()


def test_a_threshold_needs_two_classes_and_a_number() -> None:
    model = KINDS["three classes, isotonic"][0]()
    with pytest.raises(UsageError, match="E611"):
        model.attack(X, THREE, radius=0.1, threshold=0.3)
    with pytest.raises(UsageError, match="E611"):
        model.counterfactual(X[0], data=X, threshold=0.3)
    with pytest.raises(UsageError, match="E611"):
        model.corruption_sweep(X, THREE, threshold=0.3)
    with pytest.raises(UsageError, match="E102"):
        one_score().attack(X, TWO, radius=0.1, threshold=-1.0)


def test_an_explanation_states_that_a_row_is_named_unknown(tmp_path: Path, chainrule: Any) -> None:
    model = one_score()
    gated = cr.Model.of(with_novelty_gate(model.state, X[:300], X[300:]))
    far = np.full((1, 3), 40.0, "float32")
    assert prediction_columns(gated, far, False)["prediction"][0] == "unknown"
    decision = decision_of(gated, far)
    assert decision is not None
    assert decision.is_unknown
    file, rows = str(tmp_path / "m.safetensors"), str(tmp_path / "r.npz")
    gated.save(file)
    np.savez(rows, x=np.concatenate([far, X]), y=np.concatenate([TWO[:1], TWO]))
    output = " ".join(chainrule("explain", file, rows, "--row", "1").out.split())
    assert "chainrule predict names this row unknown." in output
    page = tmp_path / "page.html"
    for options in ((), ("--counterfactual", "*")):
        result = chainrule("attribute", file, rows, *options)
        assert result.code == 0, result.err
        output = " ".join(result.out.split())
        assert output.count("chainrule predict names this row unknown.") == 1
        chainrule("attribute", file, rows, *options, "--html", page)
        for sentence in ("chainrule predict names this row unknown.", "chainrule predict 把这一行标为未知。"):
            assert page.read_text(encoding="utf-8").count(sentence) == 1


def test_the_summary_states_what_the_threshold_leads_to(tmp_path: Path, chainrule: Any) -> None:
    data, run, out = str(tmp_path / "d.csv"), str(tmp_path / "run"), str(tmp_path / "p.csv")
    pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": TWO}).write_csv(data)
    options = ("--net", "6 tanh", "--epochs", "25", "--threshold", "f1", "--robustness", "0.1")
    output = chainrule("train", data, "--target", "y", "--out", run, *options)
    assert output.code == 0
    words = " ".join(output.out.split())
    match = re.search(r"`predict` predicts yes from a probability of (\S+) on: (\S+)% of the rows", words)
    assert match is not None
    report = (Path(run) / "report.html").read_text(encoding="utf-8")
    assert f'<td class="number">{match[1]}</td>' in report
    assert f"yes is predicted from a probability of the network of {match[1]} on." in report
    assert chainrule("predict", run, data, "--out", out).code == 0
    line = next(line for line in output.out.splitlines() if line.startswith("chosen for F1"))
    assert round(100 * float(line.split()[3])) == float(match[2])


@pytest.mark.parametrize("name", ["threshold, two scores", "cost"])
@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_calibrate_measures_the_printed_classes(name: str, method: str, chainrule: Any) -> None:
    model, y = KINDS[name][0](), KINDS[name][1]
    labels = np.searchsorted(model.labels, y)
    report = calibrate_probabilities(
        model.predict_proba(X), labels, method=method, decision=decision_rule(model)
    )
    half = permutation(fold(key_of(0), calibration._STREAM), len(X))[len(X) // 2 :]
    after = cr.Model.of(with_calibration(model.state, report))
    for decided, scores in ((model, report.before), (after, report.after)):
        printed = prediction_columns(decided, X[half], False)["prediction"]
        assert scores["accuracy"] == pytest.approx((printed == y[half]).mean())
    assert report.curve.at(1.0)[1] == pytest.approx(1 - report.after["accuracy"])
    model.save("m.safetensors")
    np.savez("rows.npz", x=X, y=y)
    output = chainrule("calibrate", "m.safetensors", "rows.npz", "--method", method)
    assert str(report).splitlines()[-6:] == output.out.splitlines()[-7:-1]
    assert "are of the classes that `predict` prints, by the threshold" in output.out


@pytest.mark.long
def test_attacks_state_that_they_do_not_use_a_calibration_of_more_than_two_classes(chainrule: Any) -> None:
    KINDS["three classes, isotonic"][0]().save("m.safetensors")
    np.savez("rows.npz", x=X[:20], y=THREE[:20])
    output = chainrule("attack", "m.safetensors", "rows.npz", "--radius", "0.1")
    assert "The attack is on the likeliest class of the network" in output.err
