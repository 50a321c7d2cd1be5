"""The methods of ``Model`` that predict and measure predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.data.sample_types import Samples, SampleWeight, Targets
from chainrule.errors import explain_method_calls
from chainrule.model_arguments import Metrics
from chainrule.train.evaluation import evaluate, prediction
from chainrule.train.state_holder import StateHolder


@explain_method_calls("model", "Model")
class ModelPrediction(StateHolder):
    """Methods that predict; ``chainrule.Model`` derives from this class."""

    def __call__(self, x: Samples) -> np.ndarray | Any:
        """The network's raw outputs (of a classifier: scores, not probabilities).

        Returns:
            an array; for several outputs a dict of arrays by name.
        """
        return prediction.raw_outputs(self.state, x)

    def predict(self, x: Samples) -> np.ndarray | Any:
        """Labels for a classifier, values for a regressor (in the units of the training's table).

        Args:
            x: samples, or batches of an iterable such as a DataLoader, as in ``Model.fit``.

        Returns:
            an array; for several outputs a dict of arrays by name.
        """
        return prediction.predict(self.state, x)

    def predict_proba(self, x: Samples) -> np.ndarray | Any:
        """The probability of each class, in the order of ``labels``: (N, K).

        Args:
            x: samples, or batches of an iterable such as a DataLoader, as in ``Model.fit``.

        Raises:
            TrainingError E507: the model predicts values, not classes.
        """
        return prediction.predict_proba(self.state, x)

    def activations(self, x: Samples, layer: str) -> np.ndarray:
        """The output of a layer in inference, (N, ...).

        Args:
            x: samples, as for ``predict``.
            layer: its path, such as ``"dense1"``; see ``summary``.

        Raises:
            UsageError E101: no layer at this path.
        """
        return prediction.activations(self.state, x, layer)

    def evaluate(
        self, x: Samples, y: Targets = None, sample_weight: SampleWeight = None, metrics: Metrics = None
    ) -> dict[str, float]:
        """The loss and the metrics on labeled samples.

        Values of a model that was trained on a table are measured in the units of its column.

        Args:
            x, y: as in ``fit``; batches of an iterable are joined.
            sample_weight: how much each sample counts, (N,), or each of its places, (N, T).
            metrics: what is measured besides the loss, by name; by default the metrics of the model, else
                the usual ones of the task.

        Raises:
            TrainingError E503: the model is not trained yet.
            UsageError E101: no such metric for this task.
        """
        return evaluate.evaluate(self.state, x, y, sample_weight, metrics)
