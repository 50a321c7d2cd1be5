"""The rows on which a model is evaluated, and its predictions for them.

They are rows that the model did not learn from: the test rows of a split, or all rows with the predictions of
the network of cross-validation that was trained without them. The report computes everything about the
quality of a model from them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.data import Table
from chainrule.memoization import cached_property
from chainrule.metrics import Predictions
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.evaluation import ScoredRows, to_predictions

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Maps inputs (n, F) and the indices (n,) of their rows to the model's output (n, K).

The indices matter if different networks predict different rows, as in cross-validation.
"""


@frozen(eq=False)
class EvaluationRows:
    """Rows that the model did not learn from.

    Args:
        table: the cells of the rows.
        x: (N, ...) their inputs.
        y: (N,) class numbers, or standardized values.
        predict: the model.
        to_predictions: converts targets and outputs to classes, or to values in the units of the target.
    """

    table: Table
    x: np.ndarray
    y: np.ndarray
    predict: Predict
    to_predictions: Callable[[np.ndarray, np.ndarray], Predictions]

    @staticmethod
    def of(model: Model, scored: ScoredRows) -> EvaluationRows:
        """Return the scored rows of a training."""
        rows = scored.rows
        return EvaluationRows(
            scored.table,
            rows.x,
            rows.y,
            lambda x, positions: scored.output(model, x, positions),
            lambda y, output: to_predictions(model, y, output),
        )

    @cached_property
    def predictions(self) -> Predictions:
        """The targets and predictions of all rows."""
        return self.to_predictions(self.y, self.predict(self.x, np.arange(len(self.y))))
