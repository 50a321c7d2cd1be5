"""Membership inference: what is found where there is something, and where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.auditing.membership import (
    Candidates,
    attack_membership,
    fit_statistic,
    halves,
    offline_distance,
    online_ratio,
)
from chainrule.auditing.request import shadow_options
from chainrule.errors import TrainingError, UsageError

Part = tuple[np.ndarray, np.ndarray]


def parts(rows: int = 160, noise: float = 1.0) -> tuple[Part, Part]:
    """Rows of a training and others of the same distribution."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2 * rows, 30)).astype("float32")
    y = (x[:, 0] + noise * rng.normal(size=2 * rows) > 0).astype(int)
    return (x[:rows], y[:rows]), (x[rows:], y[rows:])


def trained(members: Part, epochs: int) -> cr.Model:
    model = cr.Model(cr.Sequential(cr.Dense(48, "relu"), cr.Dense(2)), "cross_entropy", cr.Adam(0.01))
    model.fit(*members, epochs=epochs, seed=0, verbose=False, probes=False, doctor=False)
    return model


def test_an_overfitted_network_is_caught_and_the_likelihood_ratio_is_stronger() -> None:
    members, others = parts()
    result = trained(members, 40).audit_membership(members, others, shadows=8, lang="en")
    loss, ratio = result.attacks
    assert result.verdict == "clear"
    assert ratio.area.value > loss.area.value > 0.6
    text = str(result)
    assert "clearly recognizable" in text
    assert "needs 1000 other rows" in text
    assert "清楚" in result.to_html()
    assert result.member_fit > 0.99
    assert all(result.is_member[row] for row in result.exposed())


def test_a_private_training_is_repeated_privately_and_reveals_less() -> None:
    members, others = parts()
    plain = trained(members, 40).audit_membership(members, others, shadows=4)
    model = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2)), "cross_entropy", cr.Adam(0.01))
    privacy = cr.Privacy(epsilon=4, delta=1e-3)
    model.fit(*members, epochs=10, batch_size=32, verbose=False, privacy=privacy)
    private = model.audit_membership(members, others, shadows=4)
    assert private.area.value < plain.area.value - 0.1
    repeated = shadow_options(model.state, None, 0)
    assert (repeated.epochs, repeated.batch_size) == (10, 32)
    assert repeated.privacy is not None
    assert repeated.privacy.epsilon == pytest.approx(4, rel=0.02)


def test_an_untrained_network_reveals_nothing() -> None:
    members, others = parts()
    result = trained(members, 0).audit_membership(members, others, lang="zh")
    assert result.verdict == "chance"
    assert "没有攻击优于随机猜测" in str(result)


def test_a_chance_verdict_is_wrong_at_most_as_often_as_stated() -> None:
    rng, alarms = np.random.default_rng(0), 0
    y = np.zeros(200, np.int64)
    candidates = Candidates(y, np.arange(200) < 100)
    for _ in range(200):
        p = rng.uniform(0.01, 0.99, 200)
        alarms += attack_membership(np.stack([p, 1 - p], 1), candidates).verdict != "chance"
    assert alarms <= 20  # 5 % of 200, and 3 standard errors


@given(st.integers(2, 6), st.integers(20, 60), st.integers(1, 4), st.integers(0, 100))
def test_halves_are_complements_with_all_classes(classes: int, rows: int, pairs: int, seed: int) -> None:
    y = np.arange(rows) % classes
    included = halves(Candidates(y, y == 0), pairs, seed)
    assert (included[::2] == ~included[1::2]).all()
    assert (included.sum(axis=0) == pairs).all()
    for mask in included:
        counts, totals = np.bincount(y[mask], minlength=classes), np.bincount(y)
        assert (np.abs(2 * counts - totals) <= 1).all()
        assert abs(2 * int(mask.sum()) - rows) <= 1


def test_the_scores_of_lira_are_log_ratios_of_normal_densities() -> None:
    rng = np.random.default_rng(0)
    included = np.zeros((80, 5), bool)
    included[::2] = True
    shadows = np.where(included, 2.0, -1.0) + np.array([0.5, 1, 1, 2, 0.1]) * rng.normal(size=(80, 5))
    target = rng.normal(size=5)
    expected = []
    for row in range(5):
        logs = []
        for mask in (included[:, row], ~included[:, row]):
            values = shadows[mask, row]
            variance = values.var(ddof=1) * (1 + 1 / len(values))
            logs.append(-((target[row] - values.mean()) ** 2) / (2 * variance) - np.log(variance) / 2)
        expected.append(logs[0] - logs[1])
    assert online_ratio(target, shadows, included) == pytest.approx(expected)
    far = offline_distance(target + 3, shadows, ~included) - offline_distance(target, shadows, ~included)
    assert (far > 0).all()


def test_rows_that_no_shadow_is_trained_on_are_attacked_offline() -> None:
    members, others = parts()
    x, y = (np.concatenate(pair) for pair in zip(members, others, strict=True))
    is_member = np.arange(len(y)) < len(members[1])
    seen: list[np.ndarray] = []

    def trainer(rows: np.ndarray, seed: int) -> np.ndarray:
        seen.append(rows)
        return np.asarray(trained((x[rows], y[rows]), 30).predict_proba(x))

    output = np.asarray(trained(members, 30).predict_proba(x))
    candidates = Candidates(y, is_member, True, is_member)
    result = attack_membership(output, candidates, trainer, shadows=4)
    assert all(is_member[rows].all() for rows in seen)
    assert result.verdict == "clear"


def test_values_are_attacked_through_their_residuals() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(240, 20)).astype("float32")
    y = (x[:, 0] + rng.normal(size=240)).astype("float32")
    is_member = np.arange(240) < 120

    def trainer(rows: np.ndarray, seed: int) -> np.ndarray:
        coefficients = np.linalg.lstsq(np.tanh(x[rows] @ mix), y[rows], rcond=None)[0]
        return (np.tanh(x @ mix) @ coefficients)[:, None]

    mix = rng.normal(size=(20, 60))
    output = trainer(np.flatnonzero(is_member), 0)
    result = attack_membership(output, Candidates(y, is_member, False), trainer, shadows=8, lang="en")
    assert result.verdict != "chance"
    assert "squared error" in str(result)


def test_without_other_rows_a_model_of_a_half_is_attacked() -> None:
    members, _ = parts()

    def trainer(rows: np.ndarray, seed: int) -> np.ndarray:
        return np.asarray(trained((members[0][rows], members[1][rows]), 40).predict_proba(members[0]))

    candidates = Candidates(members[1], np.ones(len(members[1]), bool))
    result = attack_membership(None, candidates, trainer, shadows=4, lang="en")
    assert result.is_replaced
    assert abs(2 * int(result.is_member.sum()) - len(members[1])) <= 2
    assert result.verdict == "clear"
    assert "in its place" in str(result)


@given(st.integers(2, 5), st.integers(0, 99))
def test_the_statistic_is_the_logit_of_the_true_class(classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), 7)
    y = rng.integers(0, classes, 7)
    own = p[np.arange(7), y]
    assert fit_statistic(p, y, True) == pytest.approx(np.log(own / (1 - own)), abs=1e-6)


@pytest.mark.parametrize("shadows", [1, -2, 2.0, True, 2000])
def test_a_number_of_shadows_that_is_not_even_is_refused(shadows: int) -> None:
    members, others = parts(30)
    with pytest.raises(UsageError, match="E102"):
        trained(members, 1).audit_membership(members, others, shadows=shadows)


def test_few_rows_unlabeled_rows_and_values_are_refused() -> None:
    members, others = parts(30)
    model = trained(members, 1)
    with pytest.raises(UsageError, match="E102"):
        model.audit_membership(members, (others[0][:5], others[1][:5]))
    with pytest.raises(UsageError, match="E102"):
        model.audit_membership(members[0], others)
    values = cr.Model(cr.Sequential(cr.Dense(1)), "mse")
    values.fit(*members, epochs=1, verbose=False)
    with pytest.raises(TrainingError, match="E507"):
        values.audit_membership(members, others)
