"""Overfitting, underfitting, too many epochs, and different behavior in training and inference.

Rules 14, 15, 16, 24 and 31.
"""

from __future__ import annotations

import numpy as np
from campaigns.doctor_cases.case import Case
from campaigns.doctor_cases.training import Rules, blobs, curve, trained

import chainrule as cr
from chainrule.train.default_table_ensemble import CrossValidation, EnsembleTraining, recipe_for


def _overfitting(rows: int, apart: float, seed: int = 0) -> Rules:
    """A network far too large for a few rows."""
    x, y = blobs(rows + 200, 20, 2, apart, seed)
    net = cr.Sequential(cr.Dense(128, "relu"), cr.Dense(128, "relu"), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(1e-3))
    validation = (x[rows:], y[rows:])
    return trained(model, x[:rows], y[:rows], epochs=60, validation=validation, seed=seed)


def _overfitting_values() -> Rules:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(240, 10)).astype("f4")
    y = (x[:, 0] + draw.normal(size=240)).astype("f4")
    net = cr.Sequential(cr.Dense(128, "relu"), cr.Dense(64, "relu"), cr.Dense(1))
    return trained(
        cr.Model(net, "mse", cr.Adam(1e-3)), x[:60], y[:60], epochs=80, validation=(x[60:], y[60:])
    )


def _linear_for_rings(seed: int = 0) -> Rules:
    """A linear model for two rings, one inside the other."""
    draw = np.random.default_rng(seed)
    angle, y = draw.uniform(0, 2 * np.pi, 300), np.arange(300) % 2
    x = (1.0 + y)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1) + 0.1 * draw.normal(size=(300, 2))
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.Adam(1e-2))
    return trained(model, x.astype("f4"), y, epochs=40)


def _linear_for_waves() -> Rules:
    x, y = curve()
    y = np.sin(12 * x[:, 0]).astype("f4")
    return trained(cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.Adam(1e-2)), x, y, epochs=60)


def _strong_penalty() -> Rules:
    """A network with a penalty that is far too strong."""
    x, y = blobs(apart=2.0)
    net = cr.Sequential(cr.Dense(16, "relu"), cr.Dense(2))
    return trained(cr.Model(net, "cross_entropy", cr.Adam(1e-2), penalty=cr.L2(1.0)), x, y, epochs=40)


def _long(apart: float, epochs: int, seed: int = 0) -> Rules:
    x, y = blobs(400, 4, 2, apart, seed)
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(2)), "cross_entropy", cr.Adam(1e-2))
    return trained(model, x[:200], y[:200], epochs=epochs, validation=(x[200:], y[200:]), seed=seed)


def _batch_norm(momentum: float, batch: int, epochs: int, seed: int = 0) -> Rules:
    """Running means that do not converge, or that change much with each small batch."""
    x, y = blobs(256, 8, 3, 3.0, seed)
    norm = cr.BatchNorm(momentum=momentum)
    net = cr.Sequential(cr.Dense(32), norm, cr.Activation("relu"), cr.Dense(3))
    return trained(
        cr.Model(net, "cross_entropy", cr.Adam(1e-2)), 10 * x + 30, y, epochs=epochs, batch_size=batch
    )


def _dropped(share: float, apart: float = 2.0, seed: int = 0) -> Rules:
    x, y = blobs(600, 4, 2, apart, seed)
    net = cr.Sequential(cr.Dense(64, "relu"), cr.Dropout(share), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(3e-3))
    return trained(model, x[:300], y[:300], epochs=20, validation=(x[300:], y[300:]))


def _easier() -> Rules:
    """Validation rows far from the decision boundary, training rows near it."""
    x, y = blobs(300, 4, 2, 1.0)
    easy, labels = blobs(100, 4, 2, 6.0)
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(2)), "cross_entropy", cr.Adam(1e-2))
    return trained(model, x, y, epochs=15, validation=(easy, labels))


def _stopped(rule: cr.nn.StoppingRule | cr.EarlyStopping, seed: int = 0) -> Rules:
    """A network far too large for a few rows, with a rule that keeps the best epoch."""
    x, y = blobs(240, 20, 2, 1.5, seed)
    net = cr.Sequential(cr.Dense(128, "relu"), cr.Dense(128, "relu"), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(1e-3))
    return trained(model, x[:40], y[:40], epochs=60, validation=(x[40:], y[40:]), seed=seed, callbacks=[rule])


def _members(rows: int) -> Rules:
    """The default network for a table whose rows are mostly noise."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 6)).astype("f4")
    y = (x[:, 0] + 2 * draw.normal(size=rows) > 0).astype(int)
    recipe = recipe_for(rows)
    fold = draw.permutation(rows) % recipe.folds
    plan = CrossValidation(fold, recipe.folds, recipe.members, len(recipe.groups))
    training = EnsembleTraining(recipe, plan, x, 1, "binary_cross_entropy")
    return trained(cr.Model.of(training.model()), x, y, **training.fit_options(y))


CASES = (
    Case("overfitting-undone", "40 rows, patience 30", lambda: _stopped(cr.EarlyStopping(patience=30))),
    Case("overfitting-undone", "40 rows, all epochs", lambda: _stopped(cr.EarlyStopping(patience=0), 1)),
    Case("overfitting-undone", "the default network for 200 rows", lambda: _members(200)),
    Case("overfitting", "40 rows, 20 features, a wide network", lambda: _overfitting(40, 1.5)),
    Case("overfitting", "60 rows whose classes overlap", lambda: _overfitting(60, 1.0, 1)),
    Case("overfitting", "60 rows of noisy values", _overfitting_values),
    Case("underfitting", "a line between two rings", _linear_for_rings),
    Case("underfitting", "a line for waves", _linear_for_waves),
    Case("underfitting", "weights that cost too much", _strong_penalty),
    Case("trained-too-long", "easy classes, 200 epochs", lambda: _long(2.0, 200)),
    Case("trained-too-long", "classes that overlap, 150 epochs", lambda: _long(1.0, 150, 1)),
    Case("trained-too-long", "classes that overlap, 300 epochs", lambda: _long(1.5, 300, 2)),
    Case("mode-gap", "running means that hardly move", lambda: _batch_norm(0.0001, 32, 20)),
    Case("mode-gap", "running means that move too little", lambda: _batch_norm(0.001, 64, 15, 1)),
    Case("mode-gap", "batches of 4, no running mean", lambda: _batch_norm(1.0, 4, 8, 2)),
    Case("validation-easier", "most of the units dropped, another seed", lambda: _dropped(0.7)),
    Case("validation-easier", "most of the units dropped", lambda: _dropped(0.8, 1.5, 1)),
    Case("validation-easier", "validation rows that are easier", _easier),
)
