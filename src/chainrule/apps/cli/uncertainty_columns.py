"""The columns of ``chainrule predict`` about the uncertainty of a class: set and confidence."""

from __future__ import annotations

import numpy as np

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import text_of
from chainrule.errors import UsageError, fact
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.uncertainty.conformal_sets import SetMethod

SET, CONFIDENCE = "set", "confidence"
SEPARATOR = "; "


@frozen
class Uncertainty:
    """What ``predict`` does with uncertain rows.

    Args:
        level: the probability that a prediction set contains the true class; ``None``: no sets.
        method: of the sets.
        abstain: the lowest probability of a class that is predicted; ``None``: every row is decided.
    """

    level: float | None = None
    method: SetMethod = "threshold"
    abstain: float | None = None

    @property
    def is_requested(self) -> bool:
        """Whether probabilities are needed."""
        return self.level is not None or self.abstain is not None

    def sets(self, model: Model, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """The column of prediction sets; none if they are not requested.

        Args:
            model: a calibrated classifier.
            probabilities: (N, K) of the network.
            labels: (K,) the classes.

        Raises:
            UsageError E612: the model has no calibration. E101: another level.
        """
        if self.level is None:
            return {}
        if model.calibration is None:
            raise UsageError("E612", where="--sets", fix="chainrule calibrate RUN DATA")
        try:
            inside = model.calibration.sets(probabilities, self.level, self.method)
        except UsageError as error:
            error.where, error.fix = "--sets", f"--sets {error.fix.partition('=')[2]}"
            raise
        texts = [SEPARATOR.join(map(str, labels[row])) for row in inside]
        return {SET: np.array(texts, object)}

    def decided(self, predicted: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
        """The predictions, some empty, with their confidence; none if every row is decided.

        Args:
            predicted: (N,) labels.
            probabilities: (N, K), calibrated if there is a calibration.
        """
        if self.abstain is None:
            return {}
        confidence = probabilities.max(axis=1)
        is_open = confidence < np.asarray(self.abstain, confidence.dtype)  # 0.7 of the user is float32(0.7)
        words = {"count": int(is_open.sum()), "rows": len(is_open), "limit": f"{self.abstain:g}"}
        screen.line(text_of("abstained").format(**words), "yellow", to_errors=True)
        labels = predicted.astype(object)
        labels[is_open] = None
        return {"prediction": labels, CONFIDENCE: confidence}


def require_classes(model: Model, uncertainty: Uncertainty) -> None:
    """Refuse sets and abstention of a model that does not predict one class for each row.

    Raises:
        UsageError E601: it does not.
    """
    is_classifier = model.task == "classification" and len(model.targets) == 1
    if uncertainty.is_requested and not is_classifier:
        name = "--sets" if uncertainty.level is not None else "--abstain"
        raise UsageError(
            "E601", where="chainrule predict", option=name, expected=fact("a model of classes"), received=name
        )
