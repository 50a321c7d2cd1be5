"""``model.training``: the methods that examine a training before, during and after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

# These packages are lazy: a program that only trains never loads them.
from chainrule import diagnosis, step_explanation, train
from chainrule.data.sample_types import Samples, SampleWeight, Targets
from chainrule.errors import explain_method_calls
from chainrule.settings import Language
from chainrule.train.fit_options import ClassWeight, ColumnKinds, FitKeywords, TrainingKeywords
from chainrule.train.model_base import MethodGroup
from chainrule.validation import language

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from chainrule.diagnosis import Diagnosis
    from chainrule.diagnosis.step_profile import Profile
    from chainrule.engines.parity import Parity
    from chainrule.plan.plan import Plan
    from chainrule.step_explanation.replayed_step import Replay
    from chainrule.train.monitor.lr_finder import LearningRateSweep


@explain_method_calls("model", "Model")
class TrainingAnalysis(MethodGroup):
    """A training examined: checks, learning rates, profile, plan, single updates, parity of engines."""

    name = "training"

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
        own = language(lang, "check")
        return diagnosis.diagnose(self.state, x, y, own, gradients, previous, **options)

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
        """Run a learning rate range test: the loss of a copy while the learning rate grows (Smith, 2017).

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
            self.state,
            x,
            y,
            span=span,
            steps=steps,
            batch_size=batch_size,
            seed=seed,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            kinds=kinds,
            warm_start=warm_start,
        )

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
        own = language(lang, "profile")
        return diagnosis.profile_page(train.measure_step(self.state, x, y, batch_size, steps), own)

    def plan(self, batch_size: int | None = None) -> Plan:
        """Return the plan of the training step: phases, tasks, memory and cost. It can be printed and saved.

        Args:
            batch_size: samples in a batch; by default as in the last training.

        Raises:
            TrainingError E503: the shapes of the inputs are unknown. UsageError E102: a batch size below 1.
        """
        return train.plan_step(self.state, batch_size)

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
        return step_explanation.replay(self.state, step, x, y, options)

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
