"""The methods of ``Model`` that analyze it: explanations, attributions, diagnoses, measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

# These packages are lazy: a program that only trains never loads what explains.
from chainrule import attribution, derive, diagnosis, plotting, trace, train
from chainrule.data.sample_types import Samples, SampleWeight, Targets
from chainrule.errors import explain_method_calls
from chainrule.model_arguments import (
    AttributionKeywords,
    AttributionMethod,
    ClassWeight,
    ColumnKinds,
    FitKeywords,
    InfluenceKeywords,
    TrainingKeywords,
)
from chainrule.settings import Language, settings
from chainrule.train.evaluation.rows import encode_labeled
from chainrule.train.state_holder import StateHolder

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from chainrule.attribution.attribution import Attribution
    from chainrule.attribution.counterfactual.counterfactual import Counterfactuals
    from chainrule.attribution.counterfactual.counterfactual import Options as CounterfactualOptions
    from chainrule.attribution.importance.importance import Importance
    from chainrule.attribution.importance.importance import Options as ImportanceOptions
    from chainrule.attribution.tracin import Influence
    from chainrule.derive.replayed_step import Replay
    from chainrule.derive.weight_change import WhatIf
    from chainrule.diagnosis import Diagnosis
    from chainrule.diagnosis.step_profile import Profile
    from chainrule.engines.parity import Parity
    from chainrule.page.explanation import Explanation
    from chainrule.plan.plan import Plan
    from chainrule.plotting.plot import PlotAccessor
    from chainrule.trace import Trace
    from chainrule.train.monitor.lr_finder import LearningRateSweep


@explain_method_calls("model", "Model")
class ModelAnalysis(StateHolder):
    """Methods that analyze a model; ``chainrule.Model`` derives from this class."""

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The doctor's findings about the last training; ``None`` if it ran without the doctor."""
        findings = self.state.findings
        return None if findings is None else diagnosis.Diagnosis.of(findings, settings.lang)

    def explain(
        self,
        x: Samples,
        y: Targets = None,
        weight: str | None = None,
        depth: int = 2,
        lang: Language | None = None,
        member: int | str | None = None,
    ) -> Explanation:
        """Derive one training step on these samples: every value, every gradient, the update and its effect.

        With ``depth=0``, explain one prediction instead: the inputs that mattered most. The explanation of an
        ensemble begins with that, and derives one of its networks.

        Args:
            x: one sample (I,), several (n, I), arrays by input name, or rows of a table.
            y: the target: a label or value, or one for each sample; by default the target column of a table,
                or the predicted class.
            weight: one element of a parameter, such as ``"dense1.weight[0,1]"``: its derivative is derived
                factor by factor.
            depth: 0 for the reasons alone; 1 for one line per value; 2 for a page; 3 for every number.
            lang: ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.
            member: of an ensemble, the network that is derived, from 1; ``"all"`` for all as one network; by
                default 1, or all with ``weight``.

        Raises:
            TrainingError E503: the model is not trained yet.
            ShapeError E209: a sample of the wrong width.
            UsageError E101, E102, E120, E121: no such language, depth, member, parameter or index. E122: no
                target of a model that predicts values.
        """
        lang = lang or settings.lang
        derive.check_options(1 if depth == 0 and not isinstance(depth, bool) else depth, lang)
        if weight is not None:
            derive.weight_of(weight, self.state.parameters)
        return attribution.explain_prediction(
            attribution.Request(self.state, x, y, weight, depth, member), lang
        )

    def trace(self, x: Samples, y: Targets = None) -> Trace:
        """Return the values that ``explain`` describes, without text.

        Args:
            x: samples, as in ``explain``.
            y: their targets.
        """
        return trace.trace_rows(encode_labeled(self.state, x, y, "trace"))

    def what_if(
        self,
        changes: Mapping[str, float],
        x: Samples,
        y: Targets = None,
        depth: int = 2,
        lang: Language | None = None,
    ) -> WhatIf:
        """Compare one training step before and after changing some weights.

        Args:
            changes: the new value of each weight, ``{"dense1.weight[0,1]": 0.7}``; the model does not change.
            x, y, depth, lang: as in ``explain``.

        Raises:
            UsageError E102: no change, or a value that is not finite. Otherwise as ``explain``.
        """
        return derive.what_if(self.trace(x, y), changes, lang or settings.lang, depth)

    def replay(self, step: int, x: Samples, y: Targets = None, **options: Unpack[FitKeywords]) -> Replay:
        """Explain one past update of a training with its numbers, by repeating the training bit for bit.

        Args:
            step: the number of the update, from 1.
            x, y, options: those of the ``fit`` call; its ``run`` is only read: the repetition starts from the
                last checkpoint before the update. The model does not change.

        Raises:
            UsageError E530: no such update. TrainingError E531, E532: the initial parameters are unknown, or
            ``run`` holds another training. Otherwise as ``fit``.
        """
        return derive.replay(self.state, step, x, y, options)

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
        """Permutation importance: how much a metric worsens when the values of a column are shuffled.

        Args:
            x, y: labeled rows, as in ``evaluate``.
            options: ``metric`` (by name, or ``"loss"``), ``repeats=5``, ``seed=0``, ``groups`` (columns that
                are shuffled together, ``{"size": ["width", "height"]}``) and ``lang``.

        Raises:
            TrainingError E503: the model is not trained yet. UsageError E101, E102: no such metric or column.
        """
        return attribution.measure_importance(self.state, x, y, **options)

    def counterfactual(
        self,
        row: Samples | Mapping[str, object],
        target: object = None,
        **options: Unpack[CounterfactualOptions],
    ) -> Counterfactuals:
        """Find the nearest changes of a few columns that change the prediction for a row.

        Args:
            row: one row of a table, a dict of cells, or numbers.
            target: a label, ``None`` for any other; a value to reach, or ``(low, high)``.
            options: ``data`` (rows that define usual values; needed where the model was trained on arrays),
                ``fixed`` (columns that do not change), ``ranges`` (``{"age": (18, None)}``),
                ``max_changes=3`` (columns that change at once), ``count=3`` (results) and ``lang``.

        Raises:
            TrainingError E503: the model is not trained yet. UsageError E101, E102: no such column or option.
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
        """Influence of training samples on the loss of these samples (TracIn).

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

    def plan(self, batch_size: int | None = None) -> Plan:
        """Return the plan of the training step: phases, tasks, memory and cost. It can be printed and saved.

        Args:
            batch_size: samples in a batch; by default as in the last training.

        Raises:
            TrainingError E503: the shapes of the inputs are unknown. UsageError E102: a batch size below 1.
        """
        return train.plan_step(self.state, batch_size)

    def profile(
        self,
        x: Samples | None = None,
        y: Targets = None,
        *,
        batch_size: int | None = None,
        steps: int | None = None,
        lang: Language | None = None,
    ) -> Profile:
        """Profile training steps: time, operations and bytes of each layer and kernel, and the share of the
        peak of this machine.

        The steps run on a copy: the model does not change.

        Args:
            x, y: samples as in ``fit``; by default random numbers with the shapes and the number of rows of
                the last training.
            batch_size: samples in a batch; by default as in the last training.
            steps: number of measured steps; by default as many as take about a second.
            lang: ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.

        Raises:
            TrainingError E503: the shapes of the inputs are unknown.
            UsageError E101, E102: no such language; a batch size or number of steps below 1. E123: not the
            native engine.
        """
        lang = lang or settings.lang
        derive.check_options(1, lang)
        return diagnosis.profile_page(train.measure_step(self.state, x, y, batch_size, steps), lang)

    @property
    def plot(self) -> PlotAccessor:
        """The plots of this model, each a method: ``model.plot.roc(x, y).save("roc.svg")``."""
        return plotting.PlotAccessor(self)

    def check(
        self,
        x: Samples,
        y: Targets = None,
        *,
        lang: Language | None = None,
        gradients: Mapping[str, ArrayLike] | None = None,
        previous: Mapping[str, ArrayLike] | None = None,
        **options: Unpack[TrainingKeywords],
    ) -> Diagnosis:
        """Check data, network, loss and optimizer before a training and in its first steps.

        The steps run on a copy: the model does not change.

        Args:
            x, y: samples as in ``fit``.
            lang: ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.
            gradients: gradients by path that the training loop of another library computed for these rows.
            previous: the gradients that it computed for the batch before them.
            options: those of ``fit`` that decide how a step is computed: ``validation``, ``batch_size``,
                ``seed``, ``shuffle``, ``class_weight``, ``sample_weight``, ...

        Raises:
            UsageError E101: no such language or option. ShapeError E551: gradients of another network.
            Otherwise as ``fit``; more classes than scores are a finding.

        Example:
            >>> from chainrule.model import Model
            >>> from chainrule.nn import Dense, Sequential
            >>> x, y = [[i * 1000.0, i % 3 / 3] for i in range(40)], [i % 2 for i in range(40)]
            >>> Model(Sequential(Dense(2)), "cross_entropy").check(x, y, lang="en").rules
            ('first-loss', 'input-scale')
        """
        lang = lang or settings.lang
        derive.check_options(1, lang)
        return diagnosis.diagnose(self.state, x, y, lang, gradients, previous, **options)

    def find_learning_rate(
        self,
        x: Samples,
        y: Targets = None,
        *,
        span: tuple[float, float] = (1e-6, 10.0),
        steps: int = 100,
        batch_size: int | None = 32,
        seed: int = 0,
        shuffle: bool = True,
        class_weight: ClassWeight = None,
        sample_weight: SampleWeight = None,
        kinds: ColumnKinds = None,
        warm_start: bool = False,
    ) -> LearningRateSweep:
        """Learning rate range test: the loss of a copy while the learning rate grows (Smith, 2017).

        The model does not change. Printing the result draws the curve; ``suggestion`` is where the loss
        decreases fastest, ``to_svg()`` returns a plot.

        Args:
            x, y: samples as in ``fit``.
            span: the first and the last learning rate.
            steps: the number of learning rates, at least 10.
            batch_size, seed, shuffle, class_weight, sample_weight, kinds, warm_start: as in ``fit``.

        Raises:
            UsageError E101, E102: no such option; an empty range; an optimizer without a learning rate.
            TrainingError E513: values overflow at the first learning rates already.

        Example:
            >>> from chainrule.model import Model
            >>> from chainrule.nn import SGD, Dense, Sequential
            >>> x = [[i / 8 - 0.5] for i in range(8)]
            >>> model = Model(Sequential(Dense(1)), "mse", SGD())
            >>> y = [3 * a + 1 for (a,) in x]
            >>> sweep = model.find_learning_rate(x, y, span=(0.001, 10.0), batch_size=8)
            >>> 0.01 < sweep.suggestion < 1
            True
        """
        return train.find_learning_rate(
            self.state, x, y, span=span, steps=steps, batch_size=batch_size, seed=seed, shuffle=shuffle,
            class_weight=class_weight, sample_weight=sample_weight, kinds=kinds, warm_start=warm_start,
        )  # fmt: skip

    def parity(self, x: Samples, y: Targets = None) -> Parity:
        """Compare compiled code, its interpreted source and the NumPy reference, operation by operation.

        They compute the predictions for these rows or, with targets, a complete training step.

        Args:
            x: inputs, as for ``predict``; a few rows suffice.
            y: targets, as for ``evaluate``.

        Raises:
            TrainingError E503: the model is not trained yet.
        """
        return train.parity(self.state, x, y)

    def _classes(self) -> Sequence[object]:
        """Names of the classes: labels, or the tokens of a model that generates text."""
        tokenizer, labels = self.state.tokenizers.get(""), self.state.labels
        is_numbered = labels == tuple(range(len(labels)))
        return tokenizer.tokens if tokenizer is not None and is_numbered else labels
