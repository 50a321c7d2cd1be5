"""The latent layer of a variational autoencoder: its mean, its divergence and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import ShapeError, UsageError


def objective(x: np.ndarray, weight: float) -> float:
    """The mean squared output plus the divergence, without noise: the targets are the means."""
    net = cr.Sequential(cr.GaussianLatent(weight=weight), cr.Dense(1, weight_initializer="zeros"))
    model = cr.Model(net, "mse", cr.SGD(1e-9))
    (row,) = model.fit(x, np.zeros((len(x), 1), np.float32), epochs=1, batch_size=None, verbose=False)
    loss = row["loss"]
    assert loss is not None
    return loss


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_the_divergence_is_that_of_pytorch(seed: int, weight: float) -> None:
    x = np.random.default_rng(seed).normal(size=(6, 4)).astype(np.float32)
    mean, log_variance = (torch.tensor(x[:, part]) for part in (slice(0, 2), slice(2, 4)))
    own = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    divergence = torch.distributions.kl_divergence(own, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    assert objective(x, weight) == pytest.approx(weight * float(divergence), rel=1e-4, abs=1e-5)


def test_inference_returns_the_means() -> None:
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    model = cr.Model(cr.Sequential(cr.GaussianLatent()), "mse").initialize(x)
    assert np.asarray(model(x)).tolist() == [[0, 1], [4, 5]]


@pytest.mark.parametrize("x", [np.zeros((2, 3), np.float32), np.zeros((2, 5), np.float32)])
def test_an_odd_number_of_features_is_refused(x: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="E208"):
        cr.Model(cr.Sequential(cr.GaussianLatent()), "mse").initialize(x)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(UsageError, match="E102"):
        cr.GaussianLatent(weight=-1.0)
