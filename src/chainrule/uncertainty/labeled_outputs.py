"""The probabilities and true classes of labeled rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import TrainingError, UsageError, fact
from chainrule.records import frozen
from chainrule.train.evaluation.evaluate import encoded
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.inputs import tabular

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


@frozen(eq=False)
class LabeledOutputs:
    """Labeled rows as a classifier receives and predicts them.

    Args:
        inputs: encoded inputs by name, (N, ...) each.
        labels: (N,) class indices.
        probabilities: (N, K) of the network.
    """

    inputs: dict[str, np.ndarray]
    labels: np.ndarray
    probabilities: np.ndarray


def labeled_outputs(model: ModelState, x: Any, y: Any, where: str) -> LabeledOutputs:
    """Return the rows with their probabilities and class indices.

    Args:
        model: a trained classifier with one output.
        x, y: samples and labels as in ``Model.evaluate``.
        where: the method that needs them, for errors.

    Raises:
        TrainingError E503: the model is not trained. E507: it does not predict one class for each sample.
        UsageError E122: there are no labels.
    """
    if model.network is None:
        raise TrainingError("E503", where=where, fix="model.fit(x, y)")
    (name, target), *others = model.targets.items()
    if others or not target.is_single or target.loss.task != "classification":
        received = ", ".join(model.targets) if others else target.loss.name
        raise TrainingError(
            "E507", where=where, received=received, expected=fact("a classifier with one output"),
            fix="model.predict(x)",
        )  # fmt: skip
    if y is None and not (model.preparation is not None and tabular.is_table(x, None)):
        fix = f"model.{where}(x, y)"
        raise UsageError("E122", where=where, expected=fact("a label or a value"), fix=fix)
    x, y = tabular.encode_table(model.preparation, x, y)
    rows = encoded(model, model.rows_of(x, y))
    inputs: Any = rows.x
    coded: Any = rows.y
    labels = next(iter(coded.values())).reshape(rows.rows, -1)[:, 0].astype(np.int64)
    return LabeledOutputs(
        dict(inputs), labels, target.probabilities(predictions(model, inputs, "prediction")[name])
    )
