"""Noise and dropout in training: their statistics, and what they drop together."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule import nn
from chainrule.engines import evaluate
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Spec

SHAPE = (50, 10, 4, 6)  # 12,000 numbers, 300 channels of 40 positions


def disturbed(layer: nn.Layer, x: np.ndarray, seed: int = 0) -> np.ndarray:
    """The output of the layer in training."""
    net = nn.build(layer, {"x": Spec(x.shape, "float64")}, "float64", training=True)
    return evaluate(net.output, {"x": x, KEY: key_of(seed)})


def test_gaussian_noise_has_its_standard_deviation() -> None:
    noise = disturbed(nn.GaussianNoise(0.3), np.ones(SHAPE)) - 1.0
    assert (noise.mean(), noise.std()) == (pytest.approx(0, abs=0.01), pytest.approx(0.3, rel=0.03))


def test_gaussian_dropout_has_the_variance_of_dropout() -> None:
    factors = disturbed(nn.GaussianDropout(0.2), np.ones(SHAPE))
    assert (factors.mean(), factors.var()) == (pytest.approx(1, abs=0.02), pytest.approx(0.25, rel=0.05))


def test_spatial_dropout_drops_whole_channels() -> None:
    output = disturbed(nn.SpatialDropout(0.25), np.ones(SHAPE))
    assert (output == output[:, :1, :1]).all()
    assert set(np.unique(output)) == {0.0, 1 / 0.75}
    assert (output == 0).mean() == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize("layer", [nn.AlphaDropout(0.3), nn.FeatureAlphaDropout(0.3)])
def test_alpha_dropout_keeps_mean_and_variance(layer: nn.Layer) -> None:
    x = np.random.default_rng(0).normal(size=(400, 3, 2, 20))
    y = disturbed(layer, x)
    assert (y.mean(), y.var()) == (pytest.approx(0, abs=0.03), pytest.approx(1, abs=0.05))
    values, times = np.unique(y, return_counts=True)
    low = y == values[times.argmax()]
    assert low.mean() == pytest.approx(0.3, abs=0.02)
    if isinstance(layer, nn.FeatureAlphaDropout):
        assert (low == low[:, :1, :1]).all()


def test_the_noise_depends_on_the_seed() -> None:
    x = np.ones((3, 4))
    one, again, other = (disturbed(nn.GaussianNoise(1.0), x, seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).all()
