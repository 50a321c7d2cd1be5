"""Scores: what several models predict for the same labeled rows, and what follows from it.

The rows are test rows, or the training rows with *out-of-fold* predictions, each from a model that was not
trained on the row. Everything here is a function of arrays, so both are scored alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chainrule.memo import cached_property
from chainrule.records import frozen
from chainrule.train.evaluation.class_recall import ClassScore, class_scores
from chainrule.train.evaluation.comparison import Verdict, row_losses, verdict
from chainrule.train.evaluation.interval import Interval, score_intervals
from chainrule.train.evaluation.metric import Predictions, score
from chainrule.train.evaluation.reliability import Reliability, reliability

TOO_GOOD = 0.999  # R² from which inputs probably contain the target


@frozen(eq=False)
class Scores:
    """Targets, and the predictions of several models.

    Args:
        task: ``"classification"`` or ``"regression"``.
        target: (N,) class indices, or (N, 1) values in the units of the target column.
        outputs: of each model by name: (N, K) probabilities, or (N, 1) values.
        weights: (N,) sample weights.
        labels: the K classes; empty for regression.
        groups: (N,) the group of each row, whose rows resemble each other; ``None``: rows are independent.

    Example:
        >>> outputs = {"net": np.array([[0.9, 0.1], [0.2, 0.8]]), "trivial": np.full((2, 2), 0.5)}
        >>> scores = Scores("classification", np.array([0, 1]), outputs)
        >>> scores.metrics("net", ["accuracy"])
        {'accuracy': 1.0}
    """

    task: str
    target: np.ndarray
    outputs: Mapping[str, np.ndarray]
    weights: np.ndarray | None = None
    labels: tuple = ()
    groups: np.ndarray | None = None

    def predictions(self, model: str = "net") -> Predictions:
        """Targets and predictions of one model, for metrics."""
        return Predictions(self.target, self.outputs[model], self.weights, self.task)

    def metrics(self, model: str = "net", names: Sequence[str] | None = None) -> dict[str, float]:
        """The metrics of one model by name; by default the default metrics of the task."""
        return score(self.predictions(model), names)

    def intervals(self, names: Sequence[str], model: str = "net") -> dict[str, Interval]:
        """The 95 % interval of each metric of one model."""
        return score_intervals(self.predictions(model), names, groups=self.groups)

    @cached_property
    def class_scores(self) -> tuple[ClassScore, ...]:
        """Recall and precision of each class by the network; empty for regression."""
        return class_scores(self.predictions(), self.labels) if self.labels else ()

    @cached_property
    def reliability(self) -> Reliability | None:
        """The calibration table of the network; ``None`` for regression."""
        return reliability(self.predictions()) if self.task == "classification" else None

    @cached_property
    def losses(self) -> dict[str, np.ndarray]:
        """The loss of each row, (N,), by model."""
        return {name: row_losses(self.task, self.target, output) for name, output in self.outputs.items()}

    @cached_property
    def too_good(self) -> float | None:
        """The largest R² of the models if it is too good to be true (above ``TOO_GOOD``), else ``None``."""
        if self.task == "classification":
            return None
        r2 = max(self.metrics(model, ["r2"])["r2"] for model in self.outputs)
        return r2 if r2 > TOO_GOOD else None

    @cached_property
    def verdict(self) -> Verdict | None:
        """The network compared with the best other model; see ``comparison.verdict``."""
        return verdict(self.task, self.losses, self.weights, groups=self.groups)
