"""``model.robustness``: the methods that measure how far changes of the rows change the predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, Unpack

from chainrule import robustness  # lazy: a program that only trains never loads attacks
from chainrule.data.sample_types import Samples, Targets
from chainrule.errors import explain_method_calls
from chainrule.settings import Language
from chainrule.train.model_base import MethodGroup

if TYPE_CHECKING:
    import numpy as np

    from chainrule.robustness.attack_result import AttackResult
    from chainrule.robustness.attacks import Attack
    from chainrule.robustness.certificates import Certificate
    from chainrule.robustness.confident_learning import LabelIssues
    from chainrule.robustness.drift_tests import DriftResult
    from chainrule.robustness.novelty_scores import Novelty
    from chainrule.robustness.sweep_result import SweepResult

AttackMethod: TypeAlias = Literal["pgd", "fgsm", "apgd", "apgd_dlr", "apgd_targeted", "square", "ensemble"]


class AttackKeywords(TypedDict, total=False):
    """The options of ``Robustness.attack``, and the settings of an attack that is passed by name."""

    norm: Literal["inf", "2"] | float
    method: AttackMethod | Attack | Sequence[Attack]
    bounds: tuple[float, float] | None
    seed: int
    check: bool | None
    lang: Language | None
    columns: Sequence[str] | None
    change: Mapping[str, float | None]
    target_class: object
    threshold: float | None
    steps: int
    restarts: int
    step_size: float
    queries: int
    share: float
    targets: int


class CertifyKeywords(TypedDict, total=False):
    """The options of ``Robustness.certify``: those of both methods, then those of one."""

    norm: Literal["inf", "2"] | float
    method: Literal["bounds", "smoothing"]
    bounds: tuple[float, float] | None
    seed: int
    lang: Language | None
    seconds: float
    threshold: float | None
    sigma: float
    samples: int
    failure: float


@explain_method_calls("model", "Model")
class Robustness(MethodGroup):
    """Tests of predictions under changes of the rows, and of rows that differ from those of the training."""

    name = "robustness"

    def attack(
        self, x: Samples, y: Targets = None, *, radius: float | None = None, **options: Unpack[AttackKeywords]
    ) -> AttackResult:
        """Search small changes of samples with which a classifier predicts another class.

        Samples that are misclassified already are not attacked. The result states the accuracy under the
        attack, which is an upper limit: an attack that fails proves nothing.

        Args:
            x, y: labeled samples, as in ``evaluate``. Tokens are attacked in the vectors of their embedding.
            radius: the largest change, in the units of the samples; of images read by a preparation, pixels
                are from 0 to 1.
            options: ``norm`` (``"inf"``, the largest change of an element, or ``"2"``, its Euclidean length),
                ``method`` (an attack of ``chainrule.robustness`` such as ``PGD(steps=40)``, several in a
                list, or one by name: ``"pgd"``, ``"fgsm"``, ``"apgd"``, ``"apgd_dlr"``, ``"apgd_targeted"``,
                ``"square"``, or ``"ensemble"`` for all), ``bounds`` (the range of the data; 0 to 1 for images
                with such values, else none), ``seed=0``, ``check`` (whether to check for masked gradients; by
                default for the ensemble), ``target_class`` (the only class whose prediction counts as
                success; samples of it are left out), ``threshold`` (from which probability the second of two
                classes is predicted, instead of the larger one), ``lang``, and the settings of an attack that
                is passed by name: ``steps``, ``restarts``, ``queries``, ``targets``.
                Of tables: ``columns`` (those that may change; by default all numbers and categories) and
                ``change`` (the limit of each number in its own units, ``{"income": 1000, "city": None}``);
                there ``radius`` is a number of standard deviations of each column, and a category may become
                any level.

        Raises:
            TrainingError E503, E570: the model is not trained, or no classifier with one input and output.
            UsageError E101, E102: no such method, norm or option; a radius below 0 or in the wrong unit.
            UsageError E611: a threshold of other than two classes.

        Example:
            >>> from chainrule.model import Model
            >>> from chainrule.nn import Dense, Sequential
            >>> x, y = [[-1.0], [-0.2], [0.2], [1.0]] * 8, [0, 0, 1, 1] * 8
            >>> model = Model(Sequential(Dense(2)), "cross_entropy")
            >>> history = model.fit(x, y, epochs=200, seed=0, verbose=False)
            >>> model.attack(x, y, radius=0.5).robust_accuracy.value
            0.5
        """
        return robustness.attack(self.state, x, y, radius=radius, **options)

    def certify(self, x: Samples, *, radius: float, **options: Unpack[CertifyKeywords]) -> Certificate:
        """Prove that no change of a sample within a radius changes its predicted class.

        Each sample is proven, broken (with the counterexample) or unknown. The proof is about the prediction,
        right or wrong, and holds in exact arithmetic with all rounding errors bounded.

        Args:
            x: samples, as in ``predict``.
            radius: the largest change, in the units of the samples; of images read by a preparation, pixels
                are from 0 to 1; of a table, the units of its prepared columns.
            options: ``norm`` (``"inf"``, the largest change of an element, or ``"2"``, its Euclidean length),
                ``method`` (``"bounds"`` of the network itself, or ``"smoothing"``, which certifies a smoothed
                classifier with a stated confidence, norm ``"2"``), ``bounds`` (the range of the data; 0 to 1
                for images with such values, else none), ``seed=0``, ``lang``; of ``"bounds"`` ``seconds=5``
                (for each sample with at most 12 inputs, which are divided) and ``threshold`` (from which
                probability the second of two classes is predicted, instead of the larger one); of
                ``"smoothing"``
                ``sigma`` (the standard deviation of the noise; by default the radius), ``samples=1000``,
                ``failure=0.001`` (the probability with which a statement may be wrong).

        Raises:
            TrainingError E503, E582: the model is not trained, or no classifier of numbers with one output.
            UsageError E101, E102: no such method, norm or option; a radius below 0 or in the wrong unit.
            UsageError E580, E581: an operation without rule for bounds; samples influence one another.

        Example:
            >>> from chainrule.model import Model
            >>> from chainrule.nn import Dense, Sequential
            >>> x, y = [[-1.0], [-0.2], [0.2], [1.0]] * 8, [0, 0, 1, 1] * 8
            >>> model = Model(Sequential(Dense(2)), "cross_entropy")
            >>> history = model.fit(x, y, epochs=200, seed=0, verbose=False)
            >>> model.certify(x[:4], radius=0.5).status
            ('proven', 'broken', 'broken', 'proven')
        """
        return robustness.certify(self.state, x, radius=radius, **options)

    def corruption_sweep(
        self,
        x: Samples,
        y: Targets = None,
        *,
        seed: int = 0,
        threshold: float | None = None,
        lang: Language | None = None,
    ) -> SweepResult:
        """Measure the accuracy of a classifier under corruptions of increasing severity.

        Images get noise, blur and lower contrast; tables noise, missing cells and shifted columns; other rows
        of numbers noise.

        Args:
            x, y: labeled samples, as in ``evaluate``.
            seed: of all random numbers.
            threshold: from which probability the second of two classes is predicted; by default the likelier
                one is.
            lang: ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.

        Raises:
            TrainingError E503, E570: the model is not trained, or no classifier with one input and output.
            UsageError E611, E102: a threshold of other than two classes, or that is no number from 0 on.
        """
        return robustness.sweep(self.state, x, y, seed=seed, threshold=threshold, lang=lang)

    def label_issues(
        self,
        x: Samples,
        y: Targets = None,
        *,
        folds: int = 5,
        epochs: int | None = None,
        seed: int = 0,
        lang: Language | None = None,
    ) -> LabelIssues:
        """List the rows whose label probably is wrong, by confident learning.

        The network is trained once for each fold, and predicts the rows that it was not trained on; the model
        does not change.

        Args:
            x, y: labeled samples, as in ``evaluate``.
            folds: the number of folds.
            epochs: of each training; by default as many as the model was trained.
            seed: of folds and trainings.
            lang: ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.

        Raises:
            TrainingError E503, E570: the model is not trained, or no classifier with one input and output.
            UsageError E102: a number of folds that is none; a class with a single row.
        """
        return robustness.label_issues(self.state, x, y, folds=folds, epochs=epochs, seed=seed, lang=lang)

    def novelty(
        self,
        x: Samples,
        reference: Samples,
        method: Literal["mahalanobis", "energy", "distance"] = "mahalanobis",
        *,
        seed: int = 0,
        lang: Language | None = None,
    ) -> Novelty:
        """Measure how strange rows are, compared with reference rows (out-of-distribution detection).

        Args:
            x: rows, as for ``predict``.
            reference: rows like those of the training, at least 40; the score is fitted on one half of them
                and compared with the other half.
            method: ``"mahalanobis"`` (of the features of the network: of channels of maps, or before the
                last layer), ``"energy"`` (of the logits of a classifier) or ``"distance"`` (to the nearest
                reference rows, in the inputs of the network).
            seed: of the halves.
            lang: ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.

        Raises:
            TrainingError E503, E570: the model is not trained; an energy without classes.
            UsageError E101, E102: no such method; a reference of fewer than 40 rows.
        """
        return robustness.novelty(self.state, x, reference, method, seed=seed, lang=lang)

    def unlike(self, x: Samples) -> np.ndarray:
        """Return whether each row is unlike those of the training, by the novelty gate of the model, (N,).

        A gate is stored by ``chainrule train`` for tables and by the examples; ``with_novelty_gate`` adds
        one. Without a gate no row is unlike.

        Args:
            x: rows, as for ``predict``.

        Raises:
            TrainingError E503: the model is not trained. Others as ``predict``.

        Example:
            >>> import chainrule as cr
            >>> model = cr.train_table("iris", quick=True, epochs=3, verbose=False).model
            >>> cells = dict.fromkeys(model.preparation.columns, [900.0])
            >>> model.unlike(cells).tolist()
            [True]
        """
        return robustness.unlike_rows(self.state, x)

    def drift(
        self,
        x: Samples,
        reference: Samples | None = None,
        *,
        level: float = 0.05,
        seed: int = 0,
        lang: Language | None = None,
    ) -> DriftResult:
        """Test whether new rows have the distribution of the training rows.

        Each column is tested alone: numbers by Kolmogorov-Smirnov and by the number of values outside the
        training range that chance explains, categories by chi-squared, missing cells by Fisher's test; with
        reference rows, the rows are tested as a whole by a classifier and permutations. The p-values are
        corrected by Holm's method, so that the probability of any false alarm is at most ``level``.

        Args:
            x: new rows, as for ``predict``, without targets.
            reference: training rows, or rows like them; by default the profiles of the columns that the
                model stores of its training rows. A model of arrays needs them.
            level: the probability of a false alarm.
            seed: of the folds and permutations of the classifier.
            lang: ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.

        Raises:
            UsageError E102: no reference rows where they are needed; a level that is no probability.
            DataError: as ``predict``.

        Example:
            >>> from chainrule.model import Model
            >>> from chainrule.nn import Dense, Sequential
            >>> model = Model(Sequential(Dense(1)), "mse")
            >>> table = {"age": list(range(20, 80)), "city": ["Ulm", "Bonn"] * 30, "y": [1.5, 2.0, 0.5] * 20}
            >>> history = model.fit(table, "y", epochs=1, verbose=False)
            >>> model.drift({"age": [50, 60, 70] * 20, "city": ["Ulm"] * 60}).columns
            ('city', 'age')
        """
        return robustness.drift(self.state, x, reference, level=level, seed=seed, lang=lang)
