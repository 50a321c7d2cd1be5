"""Training of the default network for a table: model, row weights, options and out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.memo import cached_property
from chainrule.records import frozen
from chainrule.tabular.cross_validation import CrossValidation
from chainrule.tabular.recipe import TabularRecipe, ensemble_network
from chainrule.train.evaluation.evaluate import encoded
from chainrule.train.evaluation.group_weights import predictions_of_groups
from chainrule.train.evaluation.member_rows import evaluate_members, group_predictions
from chainrule.train.model_state import ModelState, untrained
from chainrule.train.stopping import EnsembleEarlyStopping

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
        """The untrained model.

        Args:
            options: other arguments of a model, such as ``dtype`` and ``engine``.
        """
        net = ensemble_network(self.recipe, self.numbers, self.outputs, MODES[self.loss])
        return untrained(net, self.loss, self.recipe.optimizer, **options)

    def fit_options(self, y: np.ndarray) -> dict[str, Any]:
        """The arguments of ``fit`` besides the rows.

        Args:
            y: (N,) targets: labels, or values.
        """
        return {
            "epochs": self.recipe.epochs,
            "batch_size": self.recipe.batch_size,
            "sample_weight": self.plan.training * self._row_weights,
            "validation": (self.x, y, self.validation_weights),
            "callbacks": [EnsembleEarlyStopping(patience=self.recipe.patience)],
        }


def fold_weights(model: ModelState, x: np.ndarray, y: np.ndarray, training: EnsembleTraining) -> np.ndarray:
    """The weights of the kinds of members for the rows of each fold, (folds, G), chosen without these rows.

    Args:
        model: the trained ensemble.
        x, y: all encoded rows and targets in the order of the training, (N, F) and (N,).
        training: of the model.
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
    """Predictions of rows by the members that they did not influence.

    Args:
        model: the trained ensemble.
        x: all encoded rows, (N, F), in the order of the training.
        plan: the role of each row for each member.
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
