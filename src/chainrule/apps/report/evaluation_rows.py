"""The rows on which a model is evaluated, and its predictions for them.

They are rows that the model did not learn from: the test rows of a split, or all rows with the predictions of
the network of cross-validation that was trained without them. The report computes everything about the
quality of a model from them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.apps.cli.run_writer import model_output, to_predictions
from chainrule.data import PreparedData, Table
from chainrule.memo import cached_property
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.train.evaluation.metric import Predictions

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
    def of_test(model: Model, prepared: PreparedData) -> EvaluationRows:
        """The test rows with the predictions of a model."""
        return EvaluationRows(
            prepared.test_rows, prepared.test.x, prepared.test.y,
            lambda x, rows: model_output(model, x), lambda y, output: to_predictions(model, y, output),
        )  # fmt: skip

    @cached_property
    def predictions(self) -> Predictions:
        """The targets and predictions of all rows."""
        return self.to_predictions(self.y, self.predict(self.x, np.arange(len(self.y))))
