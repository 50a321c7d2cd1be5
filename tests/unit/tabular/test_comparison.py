"""Comparison of models on the same rows: losses of rows, standard errors, the verdict in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.metrics import Predictions, mean_difference, score
from chainrule.tabular.comparison import Scores, Verdict, row_losses, verdict

LOSSES = st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9), st.integers(1, 4)), min_size=2, max_size=30)


@settings(max_examples=60, deadline=None)
@given(rows=LOSSES)
def test_a_difference_is_antisymmetric_and_ignores_what_rows_share(rows: list[tuple]) -> None:
    a, b, _ = np.array(rows).T
    gap = mean_difference(a, b)
    assert gap.mean == pytest.approx(a.mean() - b.mean(), abs=1e-9)
    assert gap.standard_error == pytest.approx((a - b).std(ddof=1) / np.sqrt(len(a)), abs=1e-9)
    swapped = mean_difference(b, a)
    assert (swapped.mean, swapped.standard_error) == pytest.approx((-gap.mean, gap.standard_error))
    shared = np.arange(len(a)) * 100.0
    moved = mean_difference(a + shared, b + shared)
    assert (moved.mean, moved.standard_error) == pytest.approx((gap.mean, gap.standard_error), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(rows=LOSSES)
def test_a_weight_of_zero_leaves_a_row_out_and_weights_have_no_unit(rows: list[tuple]) -> None:
    a, b, w = np.array(rows).T
    gap = mean_difference(a, b, w)
    scaled = mean_difference(a, b, 7 * w)
    assert (scaled.mean, scaled.standard_error) == pytest.approx((gap.mean, gap.standard_error), abs=1e-9)
    more = mean_difference(np.append(a, 50.0), np.append(b, 0.0), np.append(w, 0.0))
    assert (more.mean, more.standard_error) == pytest.approx((gap.mean, gap.standard_error), abs=1e-9)


def test_losses_of_rows_average_to_the_metrics() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    p = rng.dirichlet(np.ones(3), 40)
    y = rng.integers(0, 3, 40)
    loss = score(Predictions(y, p, None, "classification"), ["log_loss"])["log_loss"]
    assert row_losses("classification", y, p).mean() == pytest.approx(loss)
    values, predicted = rng.normal(size=(40, 1)), rng.normal(size=(40, 1))
    rmse = score(Predictions(values, predicted, None, "regression"), ["rmse"])["rmse"]
    assert np.sqrt(row_losses("regression", values, predicted).mean()) == pytest.approx(rmse)


def test_the_standard_error_is_the_spread_of_the_difference_over_test_sets() -> None:
    rng = np.random.Generator(np.random.Philox(4))
    a, b = rng.exponential(1.0, (2000, 50)), rng.exponential(1.2, (2000, 50))
    gaps = [mean_difference(x, y) for x, y in zip(a, b, strict=True)]
    spread = np.std([gap.mean for gap in gaps])
    assert np.mean([gap.standard_error for gap in gaps]) == pytest.approx(spread, rel=0.05)
    clear = np.mean([abs(gap.errors) >= 2 for gap in map(mean_difference, a, a[::-1])])
    assert clear < 0.08  # of equal models, one in twenty test sets shows two standard errors


def test_the_verdict_names_the_better_of_the_network_and_its_best_other_model() -> None:
    rng = np.random.Generator(np.random.Philox(5))
    y = rng.integers(0, 2, 300)
    good = np.where(y == 1, 0.8, 0.2)
    outputs = {
        "net": np.stack([1 - good, good], 1),
        "boosting": np.full((300, 2), 0.5),
        "linear": np.stack([0.8 - good * 0.6, 0.2 + good * 0.6], 1),
    }
    scores = Scores("classification", y, outputs)
    won = scores.verdict
    assert won is not None
    assert (won.first, won.second, won.is_clear) == ("net", "linear", True)
    assert won.render("en").startswith("The network is better than the linear model: log-loss 0.2231 against")
    lost = verdict("classification", {"net": scores.losses["boosting"], "linear": scores.losses["net"]})
    assert lost is not None
    assert lost.render("en").startswith("The linear model is better than the network")
    assert "线性模型优于网络" in lost.render("zh")


def test_a_verdict_without_evidence_is_open() -> None:
    noise = np.random.Generator(np.random.Philox(6)).normal(size=(2, 30)) ** 2
    near = verdict(
        "regression", {"net": noise[0], "trivial": noise[1] + noise[0].mean() - noise[1].mean() + 0.01}
    )
    assert near is not None
    assert not near.is_clear
    assert near.render("en").startswith("No clear winner: the network has RMSE")
    assert near.render("zh").startswith("尚无定论")
    same = verdict("regression", {"net": noise[0], "trivial": noise[0]})
    assert same is not None
    assert "equally good" in same.render()
    assert ">100" in Verdict("regression", "net", "linear", (1.0, 4.0), np.inf, True).render()


@pytest.mark.parametrize(
    "losses",
    [
        {"net": np.ones(5)},
        {"net": np.ones(1), "linear": np.ones(1)},
        {"net": np.array([1.0, np.nan]), "linear": np.ones(2)},
    ],
    ids=["one model", "one row", "not finite"],
)
def test_there_is_no_verdict_without_a_comparison(losses: dict) -> None:
    assert verdict("regression", losses) is None


@given(rows=LOSSES, copies=st.integers(1, 4))
def test_copies_of_rows_in_groups_are_no_more_evidence_than_the_rows(rows: list[tuple], copies: int) -> None:
    a, b, w = np.array(rows, float).T
    gap = mean_difference(a, b, w)
    groups = np.tile(np.arange(len(a)), copies)
    repeated = mean_difference(np.tile(a, copies), np.tile(b, copies), np.tile(w, copies), groups)
    expected = pytest.approx((gap.mean, gap.standard_error), abs=1e-9)
    assert (repeated.mean, repeated.standard_error) == expected
