"""The recipe of the default network for a table, by the size of the table.

Three kinds of networks are averaged. A *plain* member reads the scaled features and has a connection from the
input to the output. An *interval* member reads in addition the position of each number in intervals with
about equally many rows, so that steps and bends are easy to learn, as they are for decision trees. A *linear*
member has no hidden layer: where nothing but a linear function can be learned from the rows, it is better
than the others. Each kind has one weight in the mean, chosen on the validation rows of the members
(``EnsembleMean``). On large tables there are no plain members: interval members alone are better.

All constants were chosen on the development tables of ``campaigns/tables.py``, not on those of the published
comparison; docs/decisions/0050-ensemble-over-folds.md and 0061-weights-of-kinds.md have what was tried.
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
    Rescaling,
    Residual,
    Sequential,
)
from chainrule.records import frozen

PLAIN, INTERVALS, LINEAR = "plain", "intervals", "linear"
LINEAR_SCALE = 12.0  # of the outputs of linear members, whose coefficients therefore change as much faster
MIN_FOLDS = 3  # for training, stopping and scoring
TINY, SMALL, MIDDLE, LARGE = 128, 600, 3_000, 20_000  # rows from which the next recipe applies
MAX_ENCODED = 2_048  # values of all intervals of a row
MAX_FEATURES = 1_024  # numbers up to which they are encoded by intervals


@frozen
class TabularRecipe:
    """How the ensemble for a table is built and trained.

    Args:
        folds: K, the folds of the cross-validation.
        members: the members of each group.
        groups: the kinds of members: ``"plain"``, ``"intervals"`` and ``"linear"``.
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
    groups: tuple[str, ...] = (PLAIN, INTERVALS, LINEAR)
    units: int = 64
    dropout: float = 0.0
    intervals: int = 8
    epochs: int = 100
    patience: int = 20
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.1

    @property
    def group_weights(self) -> tuple[float, ...]:
        """The weight of each kind of members before the choice: linear ones have none."""
        deep = [group for group in self.groups if group != LINEAR]
        return tuple(0.0 if group == LINEAR and deep else 1.0 / len(deep or [group]) for group in self.groups)

    @property
    def optimizer(self) -> Optimizer:
        """Adam with decoupled weight decay and a learning rate that decreases by a cosine."""
        return AdamW(Cosine(self.learning_rate), weight_decay=self.weight_decay)


def recipe_for(rows: int) -> TabularRecipe:
    """The recipe for a table of this number of rows.

    Example:
        >>> recipe_for(1_000).groups, recipe_for(50_000).groups
        (('plain', 'intervals', 'linear'), ('intervals', 'linear'))
    """
    if rows < SMALL:
        count = max(MIN_FOLDS, min(16, rows // 4))
        if rows < TINY:  # an epoch is one or two updates
            return TabularRecipe(count, count, epochs=300, patience=60)
        return TabularRecipe(count, count)
    if rows < MIDDLE:
        return TabularRecipe(8, 8)
    large = TabularRecipe(
        10, 5, (INTERVALS, LINEAR), units=128, dropout=0.1, intervals=16, epochs=60, patience=10,
        batch_size=128, learning_rate=4e-3, weight_decay=0.03,
    )  # fmt: skip
    if rows < LARGE:
        return large
    return TabularRecipe(
        16, 4, (INTERVALS, LINEAR), units=128, dropout=0.1, intervals=16, epochs=40, patience=6,
        batch_size=256, learning_rate=4e-3, weight_decay=0.03,
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
        if group == LINEAR:
            branches[group] = _linear_member(members, outputs)
            continue
        features: Layer = EnsembleNormalization(members)
        if group == INTERVALS and encoded:
            count = max(2, min(recipe.intervals, MAX_ENCODED // len(encoded)))
            positions = EnsemblePiecewiseLinear(members, features=encoded, intervals=count)
            features = Parallel(scaled=features, positions=positions)
        branches[group] = Sequential(inputs=features, network=_member(recipe, outputs))
    if len(branches) == 1:
        return Sequential(**branches, mean=EnsembleMean(mode))
    mean = EnsembleMean(mode, initial_weights=recipe.group_weights)
    return Sequential(networks=Parallel("none", **branches), all=Merge("concatenate", axis=1), mean=mean)


def _linear_member(members: int, outputs: int) -> Layer:
    """One layer on the scaled features, without a bound, so that it is linear in them."""
    return Sequential(
        inputs=EnsembleNormalization(members, limit=None),
        output=EnsembleDense(outputs, weight_initializer="zeros"), scale=Rescaling(LINEAR_SCALE),
    )  # fmt: skip


def _member(recipe: TabularRecipe, outputs: int) -> Layer:
    """Two hidden layers beside a connection from the features to the output."""
    layers: dict[str, Layer] = {}
    for number in (1, 2):
        layers[f"hidden{number}"] = EnsembleDense(recipe.units, "relu")
        if recipe.dropout:
            layers[f"dropout{number}"] = Dropout(recipe.dropout)
    layers["output"] = EnsembleDense(outputs, weight_initializer="zeros")
    return Residual(Sequential(**layers), shortcut=EnsembleDense(outputs, weight_initializer="zeros"))
