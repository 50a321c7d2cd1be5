"""Uncertainty of several networks: entropy, disagreement, members and models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

import chainrule as cr
from chainrule.errors import TrainingError, UsageError
from chainrule.nn import EnsembleDense, EnsembleMean, EnsembleNormalization
from chainrule.uncertainty import disagreement, ensemble_samples

X = np.random.default_rng(0).normal(size=(120, 3)).astype("float32")
Y = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.8)]


def trained(
    seed: int, net: cr.Layer | None = None, loss: str = "cross_entropy", y: np.ndarray = Y
) -> cr.Model:
    net = net or cr.Sequential(cr.Dense(8, "relu"), cr.Dense(3))
    model = cr.Model(net, loss, cr.Adam(0.02))  # type: ignore[arg-type]
    model.fit(X[:80], y[:80], epochs=12, seed=seed, verbose=False, probes=False, doctor=False)
    return model


@given(st.integers(1, 6), st.integers(2, 5), st.integers(0, 999), st.floats(0.05, 5))
def test_entropy_is_divided_into_two_parts(networks: int, classes: int, seed: int, spread: float) -> None:
    p = np.random.default_rng(seed).dirichlet(np.full(classes, spread), (networks, 7))
    result = disagreement(p)
    assert result.entropy == pytest.approx(entropy(p.mean(axis=0), axis=1))
    assert result.expected_entropy == pytest.approx(entropy(p, axis=2).mean(axis=0))
    assert (result.mutual_information >= 0).all()
    assert (result.mutual_information <= np.log(classes) + 1e-9).all()
    divergence = np.mean([entropy(part, p.mean(axis=0), axis=1) for part in p], axis=0)
    assert result.mutual_information == pytest.approx(divergence, abs=1e-9)


def test_equal_networks_do_not_disagree() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    result = disagreement(np.stack([p, p, p]))
    assert result.mutual_information == pytest.approx(0.0, abs=1e-12)
    assert result.mean == pytest.approx(p)


def test_models_disagree_more_far_from_the_training() -> None:
    models = [trained(seed) for seed in range(4)]
    strange = np.tile(np.array([0, 0, 12], "float32"), (40, 1))
    near, far = (disagreement(ensemble_samples(models, rows)) for rows in (X[80:], strange))
    assert ensemble_samples(models, X[80:]).shape == (4, 40, 3)
    assert near.mutual_information.mean() > 0
    assert far.mutual_information.mean() > 2 * near.mutual_information.mean()
    np.testing.assert_allclose(
        near.mean, np.mean([np.asarray(model.predict_proba(X[80:])) for model in models], axis=0), rtol=1e-6
    )


@pytest.mark.parametrize("groups", [(), (0.25, 0.75), (0.5, 0.0, 0.5)], ids=["equal", "two", "three"])
@pytest.mark.parametrize(
    ("mode", "loss", "y"),
    [
        ("softmax", "cross_entropy", Y),
        ("sigmoid", "binary_cross_entropy", np.where(Y == "a", "no", "yes")),
        ("value", "mse", X[:, 0]),
    ],
)
def test_the_weighted_mean_of_the_members_is_the_prediction(
    mode: str, loss: str, y: np.ndarray, groups: tuple[float, ...]
) -> None:
    outputs, mean = 3 if mode == "softmax" else 1, EnsembleMean(mode, initial_weights=groups)
    model = trained(0, cr.Sequential(EnsembleNormalization(6), EnsembleDense(outputs), mean), loss, y)
    samples, weights = model.member_samples(X[80:]), model.member_weights
    assert samples.shape == (6, 40, {"softmax": 3, "sigmoid": 2, "value": 1}[mode])
    expected = np.repeat(groups or (1.0,), 6 // len(groups or (1.0,)))
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-6)
    predicted = np.asarray(model.predict(X[80:]) if mode == "value" else model.predict_proba(X[80:]))
    means = np.average(samples, axis=0, weights=weights).reshape(predicted.shape)
    np.testing.assert_allclose(means, predicted, rtol=1e-4, atol=1e-5)
    assert samples.std(axis=0).max() > 1e-3


def test_what_has_no_members_or_other_classes_is_refused() -> None:
    model = trained(0)
    with pytest.raises(UsageError, match="E101"):
        model.member_samples(X)
    with pytest.raises(TrainingError, match="E503"):
        cr.Model(cr.Sequential(cr.Dense(3)), "cross_entropy").member_samples(X)
    with pytest.raises(UsageError, match="E102"):
        ensemble_samples([model], X)
    with pytest.raises(UsageError, match="E102"):
        ensemble_samples([model, trained(0, y=np.where(Y == "c", "d", Y))], X)
    with pytest.raises(UsageError, match="E101"):
        _ = model.member_weights
    with pytest.raises(UsageError, match="E102"):
        disagreement(np.ones((3, 2, 2)), np.ones(2))
    with pytest.raises(UsageError, match="E102"):
        disagreement(np.ones((3, 2)))
