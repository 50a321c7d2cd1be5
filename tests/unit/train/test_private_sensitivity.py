"""The sensitivity of a private step: what one row changes of the sum of clipped gradients.

Steps are those of a training, with almost no noise, all rows in the batch and plain gradient descent, so that
the change of the parameters times the number of rows is the sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.train.evaluation.rows import encoded
from chainrule.train.fit_preparation import learn_labels
from chainrule.train.private.accounting import calibrated
from chainrule.train.private.clipped_noisy_gradient import PrivateObjective
from chainrule.train.private.privacy import Mechanism
from chainrule.train.private.private_updates import PrivateUpdates
from chainrule.train.private.refusals import refuse_network
from chainrule.train.step_graph import training_step
from chainrule.train.train_state import Tensors, TrainState

ROWS = 51
MAX_NORM = 0.5
NO_NOISE = 1e-12
SMALLEST_BOUND = 1e-4  # in units of C: below it a removed row changed nothing, and nothing was measured


class Sums:
    """The sums of clipped gradients of one network.

    Args:
        net: the layers; the last one gives two scores.
        x, y: the rows.
        noise_multiplier: of each step.
        dtype: of the network.
        engine: that computes the step.
    """

    def __init__(
        self,
        net: cr.Layer,
        x: Any,
        y: np.ndarray,
        *,
        noise_multiplier: float = NO_NOISE,
        dtype: Any = "float64",
        engine: Any = "reference",
        max_norm: float = MAX_NORM,
    ) -> None:
        holder = cr.Model(net, "cross_entropy", cr.SGD(1.0), dtype=dtype, engine=engine)
        model = holder.initialize(x, seed=3).state
        rows = model.rows_of(x, y)
        model, coding, rows = learn_labels(model, rows, False, (), (0, 1))
        network = model.network
        assert network is not None
        refuse_network(network)
        self.data = encoded(coding, rows)
        self.state = TrainState(dict(model.parameters), dict(model.states), {})
        self.noise, self.max_norm, self.engine, count = noise_multiplier, max_norm, engine, len(y)
        self.count = count
        objective = PrivateObjective(max_norm, noise_multiplier, count)
        self.step = training_step(network, True, 1, (), False, objective)
        self.state.slots = self.step.initial_slots()

    def runner(self, rows: np.ndarray) -> PrivateUpdates:
        """The steps of a training on these rows."""
        data = self.data.take(rows)
        mechanism = Mechanism(cr.Privacy(1, 1e-5, self.max_norm), self.noise, len(rows), len(rows), 1)
        updates = PrivateUpdates(self.step, data, mechanism, 1, seed=0, engine=self.engine)
        updates.begin(self.state)
        return updates

    def of(self, runner: PrivateUpdates, step: int = 0) -> np.ndarray:
        """The noisy sum of one step, all parameters in one vector."""
        before: Tensors = dict(self.state.parameters)
        state = TrainState(before, dict(self.state.states), dict(self.state.slots))
        state.step = step
        runner.load(state)
        runner.advance(state)
        changes = [(before[path] - state.parameters[path]).ravel() for path in sorted(before)]
        return np.concatenate(changes).astype("float64") * self.count


def _flat(*layers: cr.Layer) -> cr.Layer:
    return cr.Sequential(*layers, cr.Flatten(), cr.Dense(2))


def _shared() -> cr.Layer:
    twice = cr.Dense(6, "tanh")
    return cr.Sequential(twice, cr.Dropout(0.3), twice, cr.Dense(2))


class Sliced(cr.Layer):
    """A layer of a user that takes its random numbers from the scope."""

    def __call__(self, x: Any, scope: Any) -> Any:
        if not scope.training:
            return x
        return x * scope.uniform("factor", (x.shape[0], 1)).astype(x.dtype)


COUPLED = {"batch norm", "batch norm of images", "normalized inputs"}
TABLE, SEQUENCE, IMAGE, TOKENS = (6,), (5, 6), (6, 6, 2), (7,)
NETWORKS: dict[str, tuple[Callable[[], cr.Layer], tuple[int, ...]]] = {
    "linear": (lambda: cr.Sequential(cr.Dense(2)), TABLE),
    "hidden layers": (lambda: cr.Sequential(cr.Dense(8, "relu"), cr.Dense(6, "tanh"), cr.Dense(2)), TABLE),
    "dropout": (lambda: cr.Sequential(cr.Dropout(0.5), cr.Dense(2)), TABLE),
    "two dropouts": (
        lambda: cr.Sequential(cr.Dropout(0.2), cr.Dense(8, "gelu"), cr.Dropout(0.5), cr.Dense(2)),
        TABLE,
    ),
    "gaussian noise": (lambda: cr.Sequential(cr.GaussianNoise(0.5), cr.Dense(2)), TABLE),
    "gaussian dropout": (lambda: cr.Sequential(cr.GaussianDropout(0.4), cr.Dense(2)), TABLE),
    "alpha dropout": (lambda: cr.Sequential(cr.Dense(8, "selu"), cr.AlphaDropout(0.2), cr.Dense(2)), TABLE),
    "feature alpha dropout": (lambda: _flat(cr.Conv(4, 3), cr.FeatureAlphaDropout(0.3)), IMAGE),
    "spatial dropout": (lambda: _flat(cr.Conv(4, 3), cr.SpatialDropout(0.3)), IMAGE),
    "random slopes": (lambda: cr.Sequential(cr.Dense(8, "rrelu"), cr.Dense(2)), TABLE),
    "stochastic depth": (
        lambda: cr.Sequential(cr.Residual(cr.Sequential(cr.Dense(6, "tanh"), Sliced())), cr.Dense(2)),
        TABLE,
    ),
    "random pooling regions": (lambda: _flat(cr.FractionalMaxPool(2, output_ratio=0.6)), IMAGE),
    "layer norm": (lambda: cr.Sequential(cr.Dense(8), cr.LayerNorm(), cr.Dropout(0.2), cr.Dense(2)), TABLE),
    "rms norm": (lambda: cr.Sequential(cr.Dense(8), cr.RMSNorm(), cr.Dense(2)), TABLE),
    "group norm": (lambda: _flat(cr.Conv(4, 3), cr.GroupNorm(2), cr.Dropout(0.2)), IMAGE),
    "instance norm": (lambda: _flat(cr.Conv(4, 3), cr.InstanceNorm()), IMAGE),
    "batch norm": (lambda: cr.Sequential(cr.Dense(8), cr.BatchNorm(), cr.Dense(2)), TABLE),
    "batch norm of images": (lambda: _flat(cr.Conv(4, 3), cr.BatchNorm()), IMAGE),
    "normalized inputs": (
        lambda: cr.Sequential(cr.EnsembleNormalization(3), cr.Flatten(), cr.Dense(2)),
        TABLE,
    ),
    "weight norm": (lambda: cr.Sequential(cr.WeightNorm(cr.Dense(8)), cr.Dense(2)), TABLE),
    "shared layer": (_shared, TABLE),
    "convolution": (lambda: _flat(cr.Conv(4, 3, padding="same"), cr.MaxPool(2), cr.Dropout(0.3)), IMAGE),
    "depthwise convolution": (lambda: _flat(cr.DepthwiseConv(3), cr.Dropout(0.3)), IMAGE),
    "attention dropout": (lambda: _flat(cr.Dense(4), cr.MultiHeadAttention(2, dropout=0.3)), SEQUENCE),
    "transformer block": (lambda: _flat(cr.Dense(4), cr.TransformerEncoderLayer(2, dropout=0.2)), SEQUENCE),
    "lstm": (lambda: _flat(cr.LSTM(4), cr.Dropout(0.3)), SEQUENCE),
    "gru": (lambda: _flat(cr.GRU(4)), SEQUENCE),
    "recurrent dropout": (lambda: _flat(cr.LSTM(4, dropout=0.3, recurrent_dropout=0.3)), SEQUENCE),
    "embedding": (lambda: _flat(cr.Embedding(11, 4), cr.Dropout(0.3)), TOKENS),
    "embedding and lstm": (lambda: _flat(cr.Embedding(11, 4), cr.LSTM(3), cr.LayerNorm()), TOKENS),
    "recomputed block": (
        lambda: cr.Sequential(cr.Remat(cr.Sequential(cr.Dense(6, "tanh"), cr.Dropout(0.4))), cr.Dense(2)),
        TABLE,
    ),
    "ensemble": (
        lambda: cr.Sequential(
            cr.Dense(12),
            cr.Reshape((3, 4)),
            cr.EnsembleDense(4, "tanh"),
            cr.Dropout(0.2),
            cr.EnsembleDense(2),
            cr.EnsembleMean("softmax"),
        ),
        TABLE,
    ),
}


def rows_of(shape: tuple[int, ...], count: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Rows with large values, so that every gradient is clipped."""
    rng = np.random.default_rng(1)
    is_text = shape == TOKENS
    x = rng.integers(0, 11, (count, *shape)) if is_text else rng.normal(size=(count, *shape)) * 3
    return x, rng.integers(0, 2, count)


def largest_change(sums: Sums) -> float:
    """The largest change of the sum by the removal of a row, in units of C."""
    rows = np.arange(sums.count)
    every = sums.of(sums.runner(rows))
    changes = []
    for row in range(sums.count - 1):
        rest = sums.of(sums.runner(np.delete(rows, row)))
        changes.append(np.linalg.norm(every - rest) / sums.max_norm)
    return float(max(changes))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_removed_row_changes_the_clipped_sum_by_at_most_the_norm_or_the_network_is_refused(
    name: str,
) -> None:
    make, shape = NETWORKS[name]
    x, y = rows_of(shape)
    if name in COUPLED:
        with pytest.raises(ChainruleError) as refusal:
            Sums(make(), x, y)
        assert refusal.value.code == "E590"
        return
    sums = Sums(make(), x, y)
    assert SMALLEST_BOUND < largest_change(sums) <= 1.0


@pytest.mark.parametrize(
    "name", ["dropout", "recurrent dropout", "convolution", "gaussian noise", "embedding"]
)
def test_the_bound_holds_for_compiled_steps_in_float32(name: str) -> None:
    make, shape = NETWORKS[name]
    x, y = rows_of(shape, 300)
    sums = Sums(make(), x.astype("float32") if shape != TOKENS else x, y, dtype="float32", engine="native")
    every = sums.of(sums.runner(np.arange(300)))
    for row in (0, 150, 299):
        rest = sums.of(sums.runner(np.delete(np.arange(300), row)))
        assert SMALLEST_BOUND < np.linalg.norm(every - rest) / MAX_NORM <= 1.0


def test_the_mask_of_a_row_depends_on_the_step_and_not_on_its_place() -> None:
    x, y = rows_of(TABLE, 8)
    sums = Sums(NETWORKS["dropout"][0](), x, y)
    first, again = (sums.of(sums.runner(np.arange(8)[::step])) for step in (1, -1))
    np.testing.assert_allclose(first, again, atol=1e-6)
    assert np.abs(sums.of(sums.runner(np.arange(8)), step=1) - first).max() > 0.01


@pytest.mark.parametrize("rows", [200, 1000])
def test_an_attacker_with_the_seed_and_all_other_rows_succeeds_no_more_than_the_guarantee_allows(
    rows: int,
) -> None:
    """The likelihood ratio test of Neyman and Pearson, which no attack exceeds."""
    privacy, trials = cr.Privacy(1, 1e-5), 400
    x, y = rows_of(TABLE, rows)
    net = NETWORKS["dropout"][0]
    exact = Sums(net(), x, y, max_norm=privacy.max_norm)
    every, rest = np.arange(rows), np.arange(1, rows)
    means = [exact.of(exact.runner(part)) for part in (every, rest)]
    noise = calibrated(privacy, rows, rows, 1, 14).noise_multiplier
    noisy = Sums(net(), x, y, max_norm=privacy.max_norm, noise_multiplier=noise)
    direction = means[0] - means[1]
    ratios = []
    for part in (every, rest):
        runner = noisy.runner(part)
        ratios.append([float((noisy.of(runner) - means[1]) @ direction) for _ in range(trials)])
    included, excluded = np.array(ratios)
    for alarm in np.quantile(excluded, (0.5, 0.8, 0.9, 0.95, 0.99)):
        hits, false = np.sum(included > alarm), np.sum(excluded > alarm)
        # the smallest true rate and the largest false rate that these counts allow, 99.9 % each
        true_rate = stats.beta.ppf(1e-3, hits, trials - hits + 1) if hits else 0.0
        false_rate = stats.beta.ppf(1 - 1e-3, false + 1, trials - false)
        assert true_rate <= math.exp(privacy.epsilon) * false_rate + privacy.delta
    assert 0.4 < np.mean(included > np.median(excluded)) < 0.9  # with noise, but not with noise alone
