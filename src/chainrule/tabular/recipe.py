"""The recipe of the default network for a table, by the size of the table.

Two kinds of networks are averaged. A *plain* member reads the scaled features; its connection from the input
to the output makes it as good as a linear model where nothing else can be learned from few rows. An
*interval* member reads in addition the position of each number in intervals with about equally many rows, so
that steps and bends are easy to learn, as they are for decision trees. On small tables the mean of both is
better than either; on large ones interval members alone are.

All constants were chosen on the development tables of ``campaigns/tables.py``, not on those of the published
comparison; docs/decisions/0050-ensemble-over-folds.md has what was tried.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.nn import (
    AdamW,
    Cosine,
    Dropout,
    EnsembleDense,
    EnsembleMean,
    EnsembleNormalization,
    EnsemblePiecewiseLinear,
    Layer,
    Merge,
    Optimizer,
    Parallel,
    Residual,
    Sequential,
)
from chainrule.records import frozen

PLAIN, INTERVALS = "plain", "intervals"
MIN_FOLDS = 3  # for training, stopping and scoring
SMALL, MIDDLE, LARGE = 600, 3_000, 20_000  # rows from which the next recipe applies
MAX_ENCODED = 2_048  # values of all intervals of a row
MAX_FEATURES = 1_024  # numbers up to which they are encoded by intervals


@frozen
class TabularRecipe:
    """How the ensemble for a table is built and trained.

    Args:
        folds: K, the folds of the cross-validation.
        members: the members of each group.
        groups: the kinds of members: ``"plain"`` and ``"intervals"``.
        units: units of each of the two hidden layers of a member.
        dropout: dropout rate after each hidden layer.
        intervals: intervals of each number.
        epochs: maximum number of epochs.
        patience: epochs without improvement after which a member is done.
        batch_size: rows of a batch.
        learning_rate: initial learning rate; it decreases to 0 by a cosine.
        weight_decay: decoupled weight decay.
    """

    folds: int
    members: int
    groups: tuple[str, ...] = (PLAIN, INTERVALS)
    units: int = 64
    dropout: float = 0.0
    intervals: int = 8
    epochs: int = 100
    patience: int = 20
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.1

    @property
    def optimizer(self) -> Optimizer:
        """Adam with decoupled weight decay and a learning rate that decreases by a cosine."""
        return AdamW(Cosine(self.learning_rate), weight_decay=self.weight_decay)


def recipe_for(rows: int) -> TabularRecipe:
    """The recipe for a table of this number of rows.

    Example:
        >>> recipe_for(1_000).groups, recipe_for(50_000).groups
        (('plain', 'intervals'), ('intervals',))
    """
    if rows < SMALL:
        count = max(MIN_FOLDS, min(16, rows // 4))
        return TabularRecipe(count, count)
    if rows < MIDDLE:
        return TabularRecipe(8, 8)
    large = TabularRecipe(
        10, 5, (INTERVALS,), units=128, dropout=0.1, intervals=16, epochs=60, patience=10, batch_size=128,
        learning_rate=4e-3, weight_decay=0.03,
    )  # fmt: skip
    if rows < LARGE:
        return large
    return TabularRecipe(
        16, 4, (INTERVALS,), units=128, dropout=0.1, intervals=16, epochs=40, patience=6, batch_size=256,
        learning_rate=4e-3, weight_decay=0.03,
    )  # fmt: skip


def ensemble_network(recipe: TabularRecipe, numbers: Sequence[int], outputs: int, mode: str) -> Layer:
    """The network of a recipe.

    Args:
        recipe: the recipe.
        numbers: the indices of the features that are numbers, which are encoded by intervals.
        outputs: outputs of each member.
        mode: what ``EnsembleMean`` averages.
    """
    members = recipe.members
    encoded = tuple(numbers) if len(numbers) <= MAX_FEATURES else ()
    branches: dict[str, Layer] = {}
    for group in recipe.groups:
        features: Layer = EnsembleNormalization(members)
        if group == INTERVALS and encoded:
            count = max(2, min(recipe.intervals, MAX_ENCODED // len(encoded)))
            positions = EnsemblePiecewiseLinear(members, features=encoded, intervals=count)
            features = Parallel(scaled=features, positions=positions)
        branches[group] = Sequential(inputs=features, network=_member(recipe, outputs))
    mean = EnsembleMean(mode)
    if len(branches) == 1:
        return Sequential(**branches, mean=mean)
    return Sequential(networks=Parallel("none", **branches), all=Merge("concatenate", axis=1), mean=mean)


def _member(recipe: TabularRecipe, outputs: int) -> Layer:
    """Two hidden layers beside a connection from the features to the output."""
    layers: dict[str, Layer] = {}
    for number in (1, 2):
        layers[f"hidden{number}"] = EnsembleDense(recipe.units, "relu")
        if recipe.dropout:
            layers[f"dropout{number}"] = Dropout(recipe.dropout)
    layers["output"] = EnsembleDense(outputs, weight_initializer="zeros")
    return Residual(Sequential(**layers), shortcut=EnsembleDense(outputs, weight_initializer="zeros"))
