"""``model.attribution``: the methods that find which inputs and training rows a prediction depends on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, Unpack

from chainrule import attribution  # lazy: a program that only trains never loads what explains
from chainrule.data.sample_types import Samples, Targets
from chainrule.errors import explain_method_calls
from chainrule.settings import Language
from chainrule.train.evaluation.rows import encode_labeled
from chainrule.train.model_base import MethodGroup, StateHolder

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from chainrule.attribution.attribution import Attribution
    from chainrule.attribution.counterfactual import CounterfactualOptions, Counterfactuals
    from chainrule.attribution.permutation_importance_and_partial_dependence import (
        Importance,
        ImportanceOptions,
    )
    from chainrule.attribution.tracin_influence import Influence

_OfGradients: TypeAlias = Literal[
    "integrated_gradients", "expected_gradients", "saliency", "gradient_x_input", "smooth_grad", "deep_lift"
]
AttributionMethod: TypeAlias = Literal[_OfGradients, "occlusion", "shapley", "grad_cam", "attention_rollout"]


class AttributionKeywords(TypedDict, total=False):
    """The options of ``Model.attribute``: those of every method, then those of single methods."""

    explains: str | None
    output: str | None
    seed: int
    strict: bool
    lang: Language | None
    steps: int | None
    samples: int | None
    tolerance: float
    noise: float
    absolute: bool
    points: int | None
    residual: float
    layer: str | None
    rectified: bool
    window: int | tuple[int, ...] | None
    stride: int | tuple[int, ...] | None
    groups: Mapping[str, Sequence[str]] | None
    exact: bool | None


class InfluenceKeywords(TypedDict, total=False):
    """The options of ``Model.influence``; see ``docs/attribution.md``."""

    layer: Literal["last", "all"]
    checkpoints: Sequence[str | os.PathLike[str] | Mapping[str, ArrayLike] | StateHolder]
    learning_rates: Sequence[float] | None
    lang: Language | None


@explain_method_calls("model", "Model")
class Attributions(MethodGroup):
    """The inputs and training rows that a prediction depends on."""

    name = "attribution"

    def attribute(
        self,
        x: Samples,
        method: AttributionMethod = "integrated_gradients",
        *,
        target: object = None,
        y: Targets = None,
        baseline: Samples | None = None,
        **options: Unpack[AttributionKeywords],
    ) -> Attribution:
        """Attribute a prediction to its inputs, and check that the values add up; the result can be printed.

        Args:
            x: one sample, several, arrays by input name, or rows of a table.
            method: the method by name; ``docs/attribution.md`` compares them.
            target: the class, or the index of the output; ``(position, class)`` of a sequence; by default the
                prediction.
            y: the targets, to attribute the loss.
            baseline: a number, samples or a table; 0 by default.
            options: ``explains``, ``output``, ``seed``, ``lang``, ``strict=True``, and those of the method.

        Raises:
            TrainingError E503, UsageError E101: the model is not trained yet; no such method or option.
            TrainingError E540: the values do not add up (``strict=False`` returns them anyway).
            TrainingError E541 to E544: a requirement of the method is missing; no such baseline or target.
        """
        return attribution.attribute(self.state, x, method, target, y, baseline, **options)

    def importance(self, x: Samples, y: Targets = None, **options: Unpack[ImportanceOptions]) -> Importance:
        """Return the permutation importance: how much a metric worsens when the values of a column are
        shuffled.

        Args:
            x, y: labeled rows, as in ``evaluate``.
            options: ``metric`` (by name, or ``"loss"``), ``repeats=5``, ``seed=0``, ``groups`` (columns that
                are shuffled together, ``{"size": ["width", "height"]}``), ``threshold`` (from which
                probability the second of two classes is predicted, instead of the larger one) and ``lang``.

        Raises:
            TrainingError E503: the model is not trained yet. UsageError E101, E102: no such metric or column.
        """
        return attribution.measure_importance(self.state, x, y, **options)

    def counterfactual(
        self, row: Samples, target: object = None, **options: Unpack[CounterfactualOptions]
    ) -> Counterfactuals:
        """Find the nearest changes of a few columns that change the prediction for a row.

        Args:
            row: one row of a table, a dict of cells, or numbers.
            target: a label, ``None`` for any other; a value to reach, or ``(low, high)``.
            options: ``data`` (rows that define usual values; needed where the model was trained on arrays),
                ``fixed`` (columns that do not change), ``ranges`` (``{"age": (18, None)}``),
                ``max_changes=3`` (columns that change at once), ``count=3`` (results), ``threshold`` (from
                which probability the second of two classes is predicted, instead of the larger one) and
                ``lang``.

        Raises:
            TrainingError E503: the model is not trained yet. UsageError E101, E102: no such column or option.
            UsageError E611: a threshold of other than two classes.
            UsageError E546 to E549: no change leads to the target; the target is never predicted or is the
            prediction already; no ranges.
        """
        return attribution.find_counterfactuals(self.state, row, target, **options)

    def influence(
        self,
        x: Samples,
        y: Targets = None,
        train_x: Samples | None = None,
        train_y: Targets = None,
        **options: Unpack[InfluenceKeywords],
    ) -> Influence:
        """Return the influence of training samples on the loss of these samples (TracIn).

        Args:
            x, y: the samples whose loss is explained, and their targets, as in ``explain``.
            train_x, train_y: the training samples.
            options: see ``docs/attribution.md``: ``layer="last"`` or ``"all"``, ``checkpoints``,
                ``learning_rates``.

        Raises:
            TrainingError E541, E543: no dense layer; no training samples. Otherwise as ``explain``.
        """
        attribution.require_trained_rows(train_x)
        explained = encode_labeled(self.state, x, y, "influence")
        training = encode_labeled(explained.model, train_x, train_y, "influence")
        return attribution.influence(explained, training, **options)
