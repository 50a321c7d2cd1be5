"""``model.uncertainty``: the methods that measure and state how uncertain predictions are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from chainrule import uncertainty  # lazy: a program that only trains never loads calibration
from chainrule.data.sample_types import Samples, Targets
from chainrule.errors import explain_method_calls
from chainrule.train.model_base import MethodGroup

if TYPE_CHECKING:
    from chainrule.uncertainty.calibration import Calibration, CalibrationReport
    from chainrule.uncertainty.prediction_intervals import IntervalReport


@explain_method_calls("model", "Model")
class Uncertainty(MethodGroup):
    """The uncertainty of predictions: calibration, prediction sets, intervals, members, dropout."""

    name = "uncertainty"

    def calibrate(
        self,
        x: Samples,
        y: Targets = None,
        *,
        method: Literal["temperature", "isotonic"] = "temperature",
        seed: int = 0,
    ) -> CalibrationReport:
        """Calibrate the probabilities of a classifier on samples that it was not trained on.

        The calibration is kept with the model as ``calibration`` and saved in its file. ``predict_proba``
        still returns the probabilities of the network; ``model.calibration.map(p)`` corrects them, and
        ``model.calibration.sets(p, 0.9)`` are prediction sets, of three methods. ``chainrule predict`` uses
        it. A correction that raises the log-loss of samples that did not fit it is not used: the report
        states it, and the probabilities stay as they are.

        Args:
            x, y: labeled samples, as in ``evaluate``, at least 40. A half of them fits the map, the other
                half measures it.
            method: ``"temperature"`` (one number, keeps the predicted class) or ``"isotonic"`` (any
                increasing function of each class; needs about a thousand samples).
            seed: of the division into halves.

        Returns:
            the report, which prints calibration error, log-loss and accuracy before and after with 95 %
            intervals, coverage and size of prediction sets of each method, and the error if uncertain samples
            are not decided.

        Raises:
            TrainingError E503: the model is not trained. E507: it does not predict one class per sample.
            UsageError E101, E122: no such method; no labels. DataError E331: too few samples.

        Example:
            >>> from chainrule.model import Model
            >>> from chainrule.nn import Dense, Sequential
            >>> x = np.linspace(-1, 1, 80)[:, None]
            >>> model = Model(Sequential(Dense(2)), "cross_entropy")
            >>> history = model.fit(x, (x[:, 0] > 0).astype(int), epochs=30, seed=0, verbose=False)
            >>> report = model.calibrate(x, (x[:, 0] > 0).astype(int))
            >>> model.calibration.sets(model.predict_proba(x[:1]), 0.9).tolist()
            [[True, False]]
        """
        report = uncertainty.calibrate(self.state, x, y, method=method, seed=seed)
        self._model.adopt(uncertainty.with_calibration(self.state, report))
        return report

    def calibrate_intervals(
        self,
        x: Samples,
        y: Targets = None,
        *,
        method: Literal["quantile", "constant"] = "quantile",
        seed: int = 0,
    ) -> IntervalReport:
        """Form prediction intervals of a regression from samples that it was not trained on.

        They are kept with the model and saved in its file; ``predict_interval`` returns them. ``chainrule
        train`` does it from rows outside the training. If new samples are exchangeable with these, an
        interval contains the value with the chosen probability, on average over all samples. If none of these
        targets is negative, no end of an interval is.

        Args:
            x, y: labeled samples, as in ``evaluate``, at least 40.
            method: ``"quantile"`` (as wide as the sample requires: conformalized quantile regression; with
                fewer than 200 samples constant) or ``"constant"``.
            seed: of the networks of the quantiles.

        Returns:
            the report, which prints for each level the share of the samples whose interval contains the
            value, with margins from other samples, and the mean width; the same of intervals that the model
            had.

        Raises:
            TrainingError E503: the model is not trained. E507: it does not predict one value per sample.
            UsageError E101, E122: no such method; no targets. DataError E331: too few samples.

        Reference: Romano, Patterson and Candès (2019), Conformalized quantile regression (NeurIPS).
        """
        report = uncertainty.calibrate_intervals(self.state, x, y, method=method, seed=seed)
        self._model.adopt(uncertainty.with_intervals(self.state, report.intervals))
        return report

    def predict_interval(self, x: Samples, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper end of the prediction interval of each sample, (N,) each.

        Args:
            x: samples, as for ``predict``.
            level: the probability that an interval contains the value: 0.5, 0.8, 0.9 or 0.95.

        Raises:
            TrainingError E503: the model is not trained. E507: it does not predict one value per sample.
            UsageError E101: another level, or the model has no intervals.
        """
        return uncertainty.predict_interval(self.state, x, level)

    @property
    def calibration(self) -> Calibration | None:
        """The calibration of ``calibrate``; ``None`` before."""
        return uncertainty.stored_calibration(self.state)

    def member_samples(self, x: Samples) -> np.ndarray:
        """Return the predictions of each member of an ensemble, such as the default network of tables.

        ``chainrule.uncertainty.disagreement`` divides their uncertainty into what every member has and what
        they disagree about. For several models, see ``chainrule.uncertainty.ensemble_samples``.

        The prediction of the ensemble is their mean with ``member_weights``.

        Args:
            x: samples, as for ``predict``.

        Returns:
            (S, N, K) probabilities of a classifier; (S, N, 1) values of a regression, in the units of the
            target.

        Raises:
            TrainingError E503: the model is not trained. UsageError E101: it is a single network.
        """
        return uncertainty.member_samples(self.state, x)

    @property
    def member_weights(self) -> np.ndarray:
        """The weight of each member of an ensemble in its prediction, (S,), with sum 1.

        Raises:
            TrainingError E503: the model is not trained. UsageError E101: it is a single network.
        """
        return uncertainty.member_weights(self.state)

    def dropout_samples(self, x: Samples, samples: int = 50, seed: int = 0) -> np.ndarray:
        """Return predictions of random parts of the network: layers that drop values at random stay active.

        The spread over the samples describes how uncertain the network is; their mean is often better
        calibrated than a single prediction. Normalization uses its running statistics.

        Args:
            x: samples, as for ``predict``.
            samples: S, the number of predictions of each sample.
            seed: of the dropped values.

        Returns:
            (S, N, K) probabilities of a classifier, (S, N, ...) values of a regression, as the network
            outputs them.

        Raises:
            TrainingError E503: the model is not trained. UsageError E101: no layer is random in training.
            E102: ``samples`` is not an integer of at least 1.

        Reference: Gal and Ghahramani (2016), Dropout as a Bayesian approximation (ICML).
        """
        return uncertainty.dropout_samples(self.state, x, samples, seed)
