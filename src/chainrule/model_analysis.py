"""The methods of ``Model`` that look into it: explanations, attributions, diagnoses, measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

# These packages are lazy: a program that only trains never loads what explains.
from chainrule import attribution, derive, diagnosis, plotting, trace, train
from chainrule.errors import explained_methods
from chainrule.settings import settings
from chainrule.train.state_holder import StateHolder

if TYPE_CHECKING:
    from chainrule.attribution.attribution import Attribution
    from chainrule.attribution.counterfactual.counterfactual import Counterfactuals
    from chainrule.attribution.counterfactual.counterfactual import Options as Changed
    from chainrule.attribution.importance.importance import Importance
    from chainrule.attribution.importance.importance import Options as Asked
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


@explained_methods("model", "Model")
class ModelAnalysis(StateHolder):
    """What can be asked of a model; ``chainrule.Model`` derives from it."""

    @property
    def diagnosis(self) -> Diagnosis | None:
        """What the doctor found in the last training; ``None`` if it did not attend."""
        found = self.state.findings
        return None if found is None else diagnosis.Diagnosis.of(found, settings.lang)

    def explain(
        self, x: Any, y: Any = None, weight: str | None = None, depth: int = 2, lang: str | None = None
    ) -> Explanation:
        """The derivation of one training step on these samples: every value, every gradient, the move, its
        effect.

        Args:
            x: one sample (I,), several (n, I), arrays by input name, or rows of a table.
            y: what was wanted: a label or value, or one for each sample; of a table its target column by
                default.
            weight: one number of a parameter, such as ``"dense1.weight[0,1]"``: then its ledger is told.
            depth: 1 one line for each stop; 2 a page; 3 every number.
            lang: ``"en"`` or ``"zh"``; the setting by default.

        Raises:
            TrainingError E503: the model has not learned anything yet.
            ShapeError E209: a sample of the wrong width.
            UsageError E101, E102, E120, E121: no such language, depth, parameter or index. E122: no answer is
                given.
        """
        lang = lang or settings.lang
        derive.check_options(depth, lang)
        if weight is not None:
            derive.weight_of(weight, self.state.parameters)
        rows = trace.rows_of(self.state, x, y)
        traced = trace.trace_rows(self.state, rows)
        return derive.explain(traced, depth, lang, weight, labels=self._classes(), features=rows.features)

    def trace(self, x: Any, y: Any = None) -> Trace:
        """The numbers behind ``explain``, without words."""
        return trace.trace_rows(self.state, trace.rows_of(self.state, x, y))

    def what_if(
        self, changes: Mapping[str, float], x: Any, y: Any = None, depth: int = 2, lang: str | None = None
    ) -> WhatIf:
        """Everything that would be different if some weights were other numbers, old beside new.

        Args:
            changes: the new number of each weight, ``{"dense1.weight[0,1]": 0.7}``; the model stays as it is.
            x, y, depth, lang: as in ``explain``.

        Raises:
            UsageError E102: no change, or one that is no finite number. Else as ``explain``.
        """
        return derive.what_if(self.trace(x, y), changes, lang or settings.lang, depth)

    def replay(self, step: int, x: Any, y: Any = None, **options: Any) -> Replay:
        """One update of a training with all its numbers: the training is made again up to it, bit for bit.

        Args:
            step: which update, from 1.
            x, y, options: of the ``fit`` that trained; its ``run`` is only read: the checkpoint before the
                update shortens the way. The model stays as it is.

        Raises:
            UsageError E530: no such update. TrainingError E531, E532: the way back is not known; another
            training than that of ``run``. Else as ``fit``.
        """
        return derive.replay(self.state, step, x, y, options)

    def attribute(self, x: Any, method: str = "integrated_gradients", **options: Any) -> Attribution:
        """How much each input had to do with the answer, and how well that adds up; it can be printed.

        Args:
            x: one sample, several, arrays by input name, or rows of a table.
            method: how it is found out; ``docs/attribution.md`` compares the methods.
            options: ``target`` (the class, or the number of the output; ``(place, class)`` of a sequence; by
                default what is answered), ``baseline`` (a number, samples or a table; 0 by default), ``y``,
                ``explains``, ``output``, ``seed``, ``lang``, ``strict=True``, and those of the method.

        Raises:
            TrainingError E503, UsageError E101: nothing was learned yet; no such method or option.
            TrainingError E540: the values do not add up (``strict=False`` gives them all the same).
            TrainingError E541 to E544: what the method needs is missing; no such baseline or target.
        """
        return attribution.attribute(self.state, x, method, **options)

    def importance(self, x: Any, y: Any = None, **options: Unpack[Asked]) -> Importance:
        """How much worse the model judges rows when a column is shuffled: what it needs of the data.

        Args:
            x, y: rows with known answers, as in ``evaluate``.
            options: ``metric`` (by name, or ``"loss"``), ``repeats=5``, ``seed=0``, ``groups`` (columns that
                are shuffled together, ``{"size": ["width", "height"]}``) and ``lang``.

        Raises:
            TrainingError E503: nothing was learned yet. UsageError E101, E102: no such metric or column.
        """
        return attribution.measure_importance(self.state, x, y, **options)

    def counterfactual(self, row: Any, target: Any = None, **options: Unpack[Changed]) -> Counterfactuals:
        """What would have to be different in a row for another answer: the nearest changes of few columns.

        Args:
            row: one row of a table, a dict of cells, or numbers.
            target: a label, ``None`` for any other; a value to be reached, or ``(low, high)``.
            options: ``data`` (rows that say what is usual; needed where the model learned from arrays),
                ``fixed`` (columns that stay), ``ranges`` (``{"age": (18, None)}``), ``max_changes=3``
                (columns that change at once), ``count=3`` (answers) and ``lang``.

        Raises:
            TrainingError E503: nothing was learned yet. UsageError E101, E102: no such column or option.
            UsageError E546 to E549: nothing was found; it is never or already answered so; no ranges.
        """
        return attribution.find_counterfactuals(self.state, row, target, **options)

    def influence(
        self, x: Any, y: Any = None, train_x: Any = None, train_y: Any = None, **options: Any
    ) -> Influence:
        """Which samples of the training made the loss of these samples what it is (TracIn).

        Args:
            x, y: the samples asked about, and what was wanted of them, as in ``explain``.
            train_x, train_y: the samples of the training.
            options: see ``docs/attribution.md``: ``layer="last"`` or ``"all"``, ``checkpoints``,
                ``learning_rates``.

        Raises:
            TrainingError E541, E543: no dense layer; no samples of the training. Else as ``explain``.
        """
        attribution.require_trained_rows(train_x)
        explained, learned = trace.rows_of(self.state, x, y), trace.rows_of(self.state, train_x, train_y)
        return attribution.influence(self.state, explained, learned, **options)

    def plan(self, batch_size: int | None = None) -> Plan:
        """How the training step is run: phases, tasks, memory and cost. It can be printed and saved.

        Args:
            batch_size: samples in a batch; those of the last training by default.

        Raises:
            TrainingError E503: the model does not know its inputs yet. UsageError E102: no batch at all.
        """
        return train.plan_step(self.state, batch_size)

    def profile(
        self,
        x: Any = None,
        y: Any = None,
        *,
        batch_size: int | None = None,
        steps: int | None = None,
        lang: str | None = None,
    ) -> Profile:
        """Where the time of a training step goes: for each layer and each kernel its time, operations and
        bytes, and how near that comes to what this machine can do at most.

        The steps are made on a copy: the model stays as it is.

        Args:
            x, y: samples as in ``fit``; by default random numbers of the form of those of the last training,
                of which there are as many.
            batch_size: samples in a batch; those of the last training by default.
            steps: how many steps are measured; by default as many as take about a second in all.
            lang: ``"en"`` or ``"zh"``; the setting by default.

        Raises:
            TrainingError E503: the model does not know its inputs yet.
            UsageError E101, E102: no such language; no batch or step at all. E123: not the native engine.
        """
        lang = lang or settings.lang
        derive.check_options(1, lang)
        return diagnosis.profile_page(train.measure_step(self.state, x, y, batch_size, steps), lang)

    @property
    def plot(self) -> PlotAccessor:
        """The pictures of this model, each a method: ``model.plot.confusion(x, y).save("confusion.svg")``."""
        return plotting.PlotAccessor(self)

    def check(self, x: Any, y: Any = None, *, lang: str | None = None, **options: Any) -> Diagnosis:
        """What a look before a training, and at its first steps, finds wrong with data, net, loss and
        optimizer.

        Nothing is learned, and the model stays as it is: the steps are made on a copy.

        Args:
            x, y: samples as in ``fit``.
            lang: ``"en"`` or ``"zh"``; the setting by default.
            options: of ``fit`` ``validation``, ``batch_size``, ``seed``, ``shuffle``, ``class_weight``,
                ``sample_weight`` and the others; and ``gradients`` with ``previous``: gradients by path that
                the loop of another library stored for these rows, and what it had stored before them.

        Raises:
            UsageError E101: no such language or option. ShapeError E551: gradients of another net.
            Else as ``fit`` refuses samples; more classes than scores are a finding.

        Example:
            >>> from chainrule.model import Model
            >>> from chainrule.nn import Dense, Sequential
            >>> x, y = [[i * 1000.0, i % 3 / 3] for i in range(40)], [i % 2 for i in range(40)]
            >>> Model(Sequential(Dense(2)), "cross_entropy").check(x, y, lang="en").rules
            ('first-loss', 'input-scale')
        """
        lang = lang or settings.lang
        derive.check_options(1, lang)
        return diagnosis.diagnose(self.state, x, y, lang, **options)

    def find_learning_rate(self, x: Any, y: Any = None, **options: Any) -> LearningRateSweep:
        """Which learning rate suits: how the loss of a copy changes while the rate grows.

        The model stays as it is. Printing the answer draws the curve; ``suggestion`` is where the loss falls
        fastest, ``to_svg()`` a picture.

        Args:
            x, y: samples as in ``fit``.
            options: ``span=(1e-6, 10.0)`` (the first rate and the last), ``steps=100`` (how many rates are
                tried, at least 10), and of ``fit`` ``batch_size``, ``seed``, ``shuffle``, ``class_weight``,
                ``sample_weight`` and ``warm_start``.

        Raises:
            UsageError E101, E102: no such option; no range of rates; an optimizer without a rate.
            TrainingError E513: numbers overflow already at the first rates.

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
        return train.find_learning_rate(self.state, x, y, **options)

    def parity(self, x: Any, y: Any = None) -> Parity:
        """Whether law, un-jitted source and machine code agree on the answers for these rows, operation by
        operation; with targets, on a whole training step.

        Args:
            x: inputs, as for ``predict``; a few rows will do.
            y: targets, as for ``evaluate``.

        Raises:
            TrainingError E503: the model has not learned anything yet.
        """
        return train.parity(self.state, x, y)

    def _classes(self) -> Sequence[object]:
        """The names of the classes: labels, or the tokens of a model that generates text."""
        tokenizer, labels = self.state.tokenizers.get(""), self.state.labels
        is_numbered = labels == tuple(range(len(labels)))
        return tokenizer.tokens if tokenizer is not None and is_numbered else labels
