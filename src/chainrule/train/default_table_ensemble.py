"""The default network for a table: an ensemble over the folds of a cross-validation, trained as one network.

Three kinds of networks are averaged. A *plain* member reads the scaled features and has a connection from the
input to the output. An *interval* member reads in addition the position of each number in intervals with
about equally many rows, so that steps and bends are easy to learn, as they are for decision trees. A *linear*
member has no hidden layer: where nothing but a linear function can be learned from the rows, it is better
than the others. Each kind has one weight in the mean, chosen on the validation rows of the members
(``EnsembleMean``). On large tables there are no plain members: interval members alone are better. Where the
inputs are more than the rows, linear members are fitted to convergence before the training
(``EnsembleLinearModel``): one step of Adam on thousands of weights changes their outputs too much.

The rows are divided into K folds. Member m is scored on fold m, its best epoch is chosen on fold m + 1, and
it is trained on all others::

    fold           0      1      2      3      4
    member 0     score  stop   train  train  train
    member 1     train  score  stop   train  train
    member 2     train  train  score  stop   train

The rows on which a member is scored have therefore influenced neither its weights nor its number of epochs.
With fewer members than folds, each member is trained on a larger share of the rows, and the score is that of
the first folds.

All constants were chosen on the development tables of ``campaigns/tables.py``, not on those of the published
comparison; decisions 0050, 0061 and 0144 of docs/decisions have what was tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.memoization import cached_property
from chainrule.nn import (
    AdamW,
    Cosine,
    Dropout,
    EnsembleDense,
    EnsembleLinearModel,
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
from chainrule.train.callback.early_stopping import EnsembleEarlyStopping
from chainrule.train.evaluation.ensemble_weights import predictions_of_groups
from chainrule.train.evaluation.member_rows import evaluate_members, group_predictions
from chainrule.train.evaluation.rows import encoded
from chainrule.train.model_state import ModelState, untrained

PLAIN, INTERVALS, LINEAR, CONVERGED = "plain", "intervals", "linear", "converged"
LINEAR_SCALE = 12.0  # of the outputs of linear members, whose coefficients therefore change as much faster
MIN_GAIN = 2.0  # standard errors by which deep members must improve converged linear ones to be used
MIN_FOLDS = 3  # for training, stopping and scoring
TINY, SMALL, MIDDLE, LARGE = 128, 600, 3_000, 20_000  # rows from which the next recipe applies
RARE_ROWS = 100  # scored rows of a class below which it is rare, and all rows are scored
ALL_SCORED = 8  # folds and members that score all rows
BALANCED_ROWS = 4  # rows of the rarest class in a batch on average, with balanced class weights
MAX_BALANCED = 1_024  # rows of a batch up to which this holds
MAX_ENCODED = 2_048  # values of all intervals of a row
MAX_FEATURES = 1_024  # numbers up to which they are encoded by intervals


@frozen
class TabularRecipe:
    """How the ensemble for a table is built and trained.

    Args:
        folds: K, the folds of the cross-validation.
        members: the members of each group.
        groups: the kinds of members: ``"plain"``, ``"intervals"`` and ``"linear"``, or ``"converged"`` for
            linear ones that are fitted to convergence.
        units: units of each of the two hidden layers of a member.
        dropout: dropout rate after each hidden layer.
        intervals: intervals of each number.
        epochs: maximum number of epochs.
        patience: epochs without improvement after which a member is done.
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
        """The weight of each kind of members before the choice: converged ones all, linear ones none."""
        if CONVERGED in self.groups:
            return tuple(1.0 if group == CONVERGED else 0.0 for group in self.groups)
        deep = [group for group in self.groups if group in (PLAIN, INTERVALS)]
        return tuple(
            0.0 if deep and group not in deep else 1.0 / len(deep or self.groups) for group in self.groups
        )

    @property
    def optimizer(self) -> Optimizer:
        """Adam with decoupled weight decay and a learning rate that decreases by a cosine."""
        return AdamW(Cosine(self.learning_rate), weight_decay=self.weight_decay)


def recipe_for(rows: int, features: int = 0) -> TabularRecipe:
    """Return the recipe for a table of this number of rows and of encoded inputs.

    Example:
        >>> recipe_for(1_000).groups, recipe_for(50_000).groups, recipe_for(80, 2_000).groups
        (('plain', 'intervals', 'linear'), ('intervals', 'linear'), ('plain', 'intervals', 'converged'))
    """
    if rows < MIDDLE:
        groups = (PLAIN, INTERVALS, CONVERGED if features > rows else LINEAR)
        if rows >= SMALL:
            return TabularRecipe(8, 8, groups)
        count = max(MIN_FOLDS, min(16, rows // 4))
        if rows < TINY:  # an epoch is one or two updates
            return TabularRecipe(count, count, groups, epochs=300, patience=60)
        return TabularRecipe(count, count, groups)
    large = TabularRecipe(10, 5, (INTERVALS, LINEAR), units=128, dropout=0.1, epochs=60, patience=10)
    large = replace(large, intervals=16, batch_size=128, learning_rate=4e-3, weight_decay=0.03)
    if rows < LARGE:
        return large
    return replace(large, folds=16, members=4, epochs=40, patience=6, batch_size=256)


def scoring_rare_classes(recipe: TabularRecipe, rows: int) -> TabularRecipe:
    """Return the recipe with a member for each fold, so that all rows are scored, if a class is rare.

    With fewer members than folds, only the rows of the first folds are scored: a quarter of 8 rows of a class
    would be two.

    Args:
        recipe: that for the number of rows.
        rows: the rows of the rarest class.

    Example:
        >>> large = recipe_for(50_000)
        >>> [(r.folds, r.members) for r in (scoring_rare_classes(large, n) for n in (8, 20_000))]
        [(8, 8), (16, 4)]
    """
    is_rare = recipe.members < recipe.folds and rows * recipe.members < RARE_ROWS * recipe.folds
    return replace(recipe, folds=ALL_SCORED, members=ALL_SCORED) if is_rare else recipe


def balancing_rare_classes(recipe: TabularRecipe, share: float) -> TabularRecipe:
    """Return the recipe for balanced class weights, with larger batches if a class is rare.

    In a batch without a row of a class, the gradient is that of another problem; the next such row, with 250
    times the weight, then undoes many updates.

    Args:
        recipe: that for the number of rows.
        share: the share of the rarest class in the rows.

    Example:
        >>> [balancing_rare_classes(recipe_for(50_000), share).batch_size for share in (0.2, 0.01, 0.002)]
        [256, 400, 1024]
    """
    batch_size = min(MAX_BALANCED, round(BALANCED_ROWS / share))
    if batch_size <= recipe.batch_size:
        return recipe
    return replace(
        recipe, batch_size=batch_size, epochs=max(100, recipe.epochs), patience=max(20, recipe.patience)
    )


def ensemble_network(recipe: TabularRecipe, numbers: Sequence[int], outputs: int, mode: str) -> Layer:
    """Return the network of a recipe for ``outputs`` of each member; intervals encode ``numbers``.

    ``numbers`` are indices of features, ``mode`` is what ``EnsembleMean`` averages.
    """
    members = recipe.members
    encoded = tuple(numbers) if len(numbers) <= MAX_FEATURES else ()
    branches: dict[str, Layer] = {}
    for group in recipe.groups:
        if group == LINEAR:
            branches[group] = _linear_member(members, outputs)
            continue
        if group == CONVERGED:
            branches[group] = Sequential(output=EnsembleLinearModel(members, outputs, mode))
            continue
        features: Layer = EnsembleNormalization(members)
        if group == INTERVALS and encoded:
            count = max(2, min(recipe.intervals, MAX_ENCODED // len(encoded)))
            positions = EnsemblePiecewiseLinear(members, features=encoded, intervals=count)
            features = Parallel(scaled=features, positions=positions)
        branches[group] = Sequential(inputs=features, network=_member(recipe, outputs))
    if len(branches) == 1:
        return Sequential(**branches, mean=EnsembleMean(mode))
    min_gain = MIN_GAIN if CONVERGED in recipe.groups else 0.0
    mean = EnsembleMean(mode, initial_weights=recipe.group_weights, min_gain=min_gain)
    return Sequential(networks=Parallel("none", **branches), all=Merge("concatenate", axis=1), mean=mean)


def _linear_member(members: int, outputs: int) -> Layer:
    """Return one layer on the scaled features, without a bound, so that it is linear in them."""
    output = EnsembleDense(outputs, weight_initializer="zeros")
    scale = Rescaling(LINEAR_SCALE)
    return Sequential(inputs=EnsembleNormalization(members, limit=None), output=output, scale=scale)


def _member(recipe: TabularRecipe, outputs: int) -> Layer:
    """Return two hidden layers beside a connection from the features to the output."""
    layers: dict[str, Layer] = {}
    for number in (1, 2):
        layers[f"hidden{number}"] = EnsembleDense(recipe.units, "relu")
        if recipe.dropout:
            layers[f"dropout{number}"] = Dropout(recipe.dropout)
    layers["output"] = EnsembleDense(outputs, weight_initializer="zeros")
    return Residual(Sequential(**layers), shortcut=EnsembleDense(outputs, weight_initializer="zeros"))


@frozen(eq=False)
class CrossValidation:
    """The role of each row for each member of an ensemble.

    Args:
        folds: the fold of each row, (N,), from 0.
        count: K, the number of folds, at least 3.
        members: M, the number of members of a group, at most K.
        groups: G, the number of groups; members of all groups with the same number have the same rows.

    Example:
        >>> plan = CrossValidation(np.array([0, 1, 2]), 3, 2)
        >>> plan.training.tolist(), plan.validation.tolist(), plan.scored.tolist()
        ([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 1])
    """

    folds: np.ndarray
    count: int
    members: int
    groups: int = 1

    @property
    def training(self) -> np.ndarray:
        """Whether each member is trained on each row, (N, G M) of 0.0 and 1.0."""
        return 1.0 - self._of(0) - self.validation

    @property
    def validation(self) -> np.ndarray:
        """Whether the best epoch of each member is chosen on each row, (N, G M) of 0.0 and 1.0."""
        return self._of(1)

    @property
    def scoring(self) -> np.ndarray:
        """Whether each member is scored on each row, (N, G M) of 0.0 and 1.0."""
        return self._of(0)

    @property
    def scored(self) -> np.ndarray:
        """The numbers of the rows that a member is scored on, ascending."""
        return np.flatnonzero(self.folds < self.members)

    def _of(self, offset: int) -> np.ndarray:
        """Return the rows of the fold ``offset`` after each member's own."""
        own = (np.arange(self.members) + offset) % self.count
        return np.tile((self.folds[:, None] == own).astype(np.float32), (1, self.groups))


MODES = {"mse": "value", "cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}


@frozen(eq=False)
class EnsembleTraining:
    """The default network for encoded rows, before its training.

    Args:
        recipe: how it is built and trained.
        plan: the role of each row for each member.
        x: the encoded inputs, (N, F).
        outputs: outputs of a member.
        loss: ``"mse"``, ``"cross_entropy"`` or ``"binary_cross_entropy"``.
        weights: (N,) sample weights; ``None``: all are 1.
    """

    recipe: TabularRecipe
    plan: CrossValidation
    x: np.ndarray
    outputs: int
    loss: str
    weights: np.ndarray | None = None

    @cached_property
    def numbers(self) -> list[int]:
        """The indices of the features with more than two values."""
        return [i for i, column in enumerate(self.x.T) if _has_more_than_two_values(column)]

    @property
    def _row_weights(self) -> np.ndarray | float:
        return 1.0 if self.weights is None else self.weights[:, None]

    @property
    def validation_weights(self) -> np.ndarray:
        """The weight of each row for the members that are stopped on it, (N, G M), otherwise 0."""
        return self.plan.validation * self._row_weights

    def model(self, **options: Any) -> ModelState:
        """Return the untrained model; ``options`` are other arguments, such as ``dtype`` and ``engine``."""
        net = ensemble_network(self.recipe, self.numbers, self.outputs, MODES[self.loss])
        return untrained(net, self.loss, self.recipe.optimizer, **options)

    def fit_options(self, y: np.ndarray) -> dict[str, Any]:
        """Return the arguments of ``fit`` besides the rows, for targets (N,)."""
        return {
            "epochs": self.recipe.epochs,
            "batch_size": self.recipe.batch_size,
            "sample_weight": self.plan.training * self._row_weights,
            "validation": (self.x, y, self.validation_weights),
            "callbacks": [EnsembleEarlyStopping(patience=self.recipe.patience)],
        }


def fold_weights(model: ModelState, x: np.ndarray, y: np.ndarray, training: EnsembleTraining) -> np.ndarray:
    """Return the weights of the kinds of members for each fold, (folds, G), chosen without its rows.

    ``x`` and ``y`` are all encoded rows and targets in the order of the training.
    """
    network, plan = model.network, training.plan
    assert network is not None
    inputs = {next(iter(network.inputs)): x}
    rows = encoded(model, Arrays.of(inputs, y, training.validation_weights, model.recipe.dtype))
    assert rows.weights is not None
    predictions = predictions_of_groups(network, rows, model.arrays, rows.weights)
    if predictions is None:
        return np.ones((plan.count, 1))
    fold = plan.folds[predictions.rows]
    return np.stack([predictions.best_weights(fold != own) for own in range(plan.count)])


def out_of_fold(
    model: ModelState,
    x: np.ndarray | Mapping[str, np.ndarray],
    plan: CrossValidation,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions of rows by the members that they did not influence.

    Args:
        x: all encoded rows, (N, F), in the order of the training.
        weights: (folds, G) of the kinds of members, from ``fold_weights``; ``None``: all are equal.

    Returns:
        the numbers of the predicted rows, (n,), and their predictions, (n, C): probabilities of each class,
        or standardized values (n, 1).
    """
    assert model.network is not None
    (target,) = model.targets.values()
    inputs = x if isinstance(x, Mapping) else {next(iter(model.network.inputs)): x}
    rows = plan.scored
    arrays = Arrays({name: array[rows] for name, array in inputs.items()}, {}, None)
    scoring = plan.scoring[rows]
    if weights is None:
        mean = evaluate_members(model.network, arrays, model.arrays, scoring).predictions
    else:
        _, values = group_predictions(model.network, arrays, model.arrays, scoring, plan.groups)  # (n, G, C)
        mean = (values * weights[plan.folds[rows], :, None].astype(values.dtype)).sum(1)
    return rows, target.probabilities(mean) if target.is_classes else mean


def _has_more_than_two_values(column: np.ndarray) -> bool:
    low, high = column.min(), column.max()
    return bool(((column != low) & (column != high)).any())
