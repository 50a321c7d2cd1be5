"""The model a person holds: it learns, answers, is saved, and explains itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np

# These rooms are asked for a name where it is needed: who only trains never loads what explains.
from chainrule import data, explain, trace, train
from chainrule.data import Arrays
from chainrule.errors import TrainingError, UsageError
from chainrule.frozen import frozen
from chainrule.nn.layer import Layer
from chainrule.settings import settings
from chainrule.train import judging, tabular
from chainrule.train.learner import Learner

if TYPE_CHECKING:
    from chainrule.data import Table
    from chainrule.engines.parity import Parity
    from chainrule.explain.explanation import Explanation
    from chainrule.explain.profile import Profile
    from chainrule.plan.plan import Plan
    from chainrule.trace import Moment, Trace
    from chainrule.train.decoder import Decoder
    from chainrule.train.finder import RateSweep
    from chainrule.train.generation.text import TextWays


@frozen
class Rows:
    """Samples made ready to be traced: inputs and targets by name, and what the inputs are in words."""

    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    features: tuple[str, ...] = ()


class Model(Learner):
    """A net with a loss and an optimizer that can say why it answers as it does; see ``Learner`` for its
    arguments.

    Example:
        >>> from chainrule.nn import Dense, SGD, Sequential
        >>> model = Model(Sequential(Dense(3, "sigmoid"), Dense(1, "sigmoid")), "half_mse", SGD(0.5))
        >>> x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0.0, 1.0, 1.0, 1.0]
        >>> history = model.fit(x, y, epochs=2, batch_size=4, seed=0, verbose=False)
        >>> print(model.explain(x[1], y[1], depth=1, lang="en").title)
        One training step, explained with the numbers of one sample
    """

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

        Fails:
            TrainingError E503: the model has not learned anything yet.
            ShapeError E209: a sample of the wrong width.
            UsageError E101, E102, E120, E121: no such language, depth, parameter or index. E122: no answer is
                given.
        """
        lang = lang or settings.lang
        explain.require_telling(depth, lang)
        asked = () if weight is None else (explain.weight_of(weight, self.parameters()),)
        rows = self._rows(x, y, lang)
        told = self._trace(rows, trace.Moment(asked=asked))
        return explain.explain(told, depth, lang, weight, labels=self.labels, features=rows.features)

    def trace(self, x: Any, y: Any = None) -> Trace:
        """The numbers behind ``explain``, without words."""
        return self._trace(self._rows(x, y, "en"), trace.Moment())

    def generate(
        self, text: str = "", length: int | None = None, **ways: Unpack[TextWays]
    ) -> str | list[str]:
        """A text that the model writes: it goes on with yours, or, if it reads one sequence and writes
        another, translates it.

        Args:
            text: what it begins with, or what is translated.
            length: how many new tokens at most; by default as many as it has learned to see at once.
            ways: those of ``cr.generate``: ``temperature=0.8``, ``top_k=50``, ``top_p=0.9``, ``min_p``,
                ``repetition_penalty``, ``greedy=True``, ``beams=4`` with ``length_penalty``, ``samples=1``,
                ``seed=0``, ``stop=()`` (numbers or texts of one token, such as ``"。"``; the end of a text
                always stops), ``least``, ``without``, ``strategy``, ``each``; and ``begin=True``: whether the
                texts it learned from began with the token for the beginning.

        Returns:
            the text, your beginning included; a list of them where ``samples`` is more than 1.

        Fails:
            UsageError E126: a model without a tokenizer, or one that has learned nothing yet.
            DataError E365: characters that the model does not know; all are listed with their places.
            ShapeError E229: a text longer than the model sees at once. Else as ``cr.generate``.
        """
        return train.generate_text(self, text, length, **ways)

    def stream(self, text: str = "", length: int | None = None, **ways: Unpack[TextWays]) -> Iterator[str]:
        """The text of ``generate`` in pieces, as they come: first your beginning, then token by token.

        Args:
            text, length, ways: as in ``generate``; one sample, and no beams.

        Fails:
            UsageError E102, E124: several samples; a beam search. Else as ``generate``.
        """
        return train.stream_text(self, text, length, **ways)

    @property
    def decoder(self) -> Decoder:
        """What runs the model token by token with a cache, for ``cr.generate`` and loops of your own.

        Fails:
            UsageError E126: the model has learned nothing yet, or its inputs are no sequences of tokens.
        """
        return train.decoder_of(self)

    def freeze(self, *paths: str) -> Self:
        """Let these parts, and no others, stay as they are while the model learns; without paths all learn.

        The gradients of what is frozen are never computed. A frozen layer acts as in inference: batch
        normalisation uses its running statistics and leaves them alone, dropout drops nothing. The next
        ``fit`` begins with the present parameters. What is frozen is saved with the model.

        Args:
            paths: of layers or parameters, their beginnings (``"stage1"``) or patterns (``"stage*"``,
                ``"*.bias"``).

        Fails:
            UsageError E101: nothing is called so.
        """
        return train.freeze(self, *paths)

    def plan(self, batch_size: int | None = None) -> Plan:
        """How the training step is run: phases, tasks, memory and cost. It can be printed and saved.

        Args:
            batch_size: samples in a batch; those of the last training by default.

        Fails:
            TrainingError E503: the model does not know its inputs yet. UsageError E102: no batch at all.
        """
        return train.plan_step(self, batch_size)

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

        Fails:
            TrainingError E503: the model does not know its inputs yet.
            UsageError E101, E102: no such language; no batch or step at all. E123: not the native engine.
        """
        lang = lang or settings.lang
        explain.require_telling(1, lang)
        return explain.profile_page(train.measure_step(self, x, y, batch_size, steps), lang)

    def find_rate(self, x: Any, y: Any = None, **options: Any) -> RateSweep:
        """Which learning rate suits: how the loss of a copy changes while the rate grows.

        The model stays as it is. Printing the answer draws the curve; ``suggestion`` is where the loss falls
        fastest, ``to_svg()`` a picture.

        Args:
            x, y: samples as in ``fit``.
            options: ``span=(1e-6, 10.0)`` (the first rate and the last), ``steps=100`` (how many rates are
                tried, at least 10), and of ``fit`` ``batch_size``, ``seed``, ``shuffle``, ``class_weight``,
                ``sample_weight`` and ``warm_start``.

        Fails:
            UsageError E101, E102: no such option; no range of rates; an optimizer without a rate.
            TrainingError E513: numbers overflow already at the first rates.

        Example:
            >>> from chainrule.nn import SGD, Dense, Sequential
            >>> x = [[i / 8 - 0.5] for i in range(8)]
            >>> model = Model(Sequential(Dense(1)), "mse", SGD())
            >>> sweep = model.find_rate(x, [3 * a + 1 for (a,) in x], span=(0.001, 10.0), batch_size=8)
            >>> 0.01 < sweep.suggestion < 1
            True
        """
        return train.find_rate(self, x, y, **options)

    def parity(self, x: Any, y: Any = None) -> Parity:
        """Whether law, un-jitted source and machine code agree on the answers for these rows, operation by
        operation; with targets, on a whole training step.

        Args:
            x: inputs, as for ``predict``; a few rows will do.
            y: targets, as for ``evaluate``.

        Fails:
            TrainingError E503: the model has not learned anything yet.
        """
        return train.parity(self, x, y)

    def _trace(self, rows: Rows, moment: Moment) -> Trace:
        assert self.network is not None
        return trace.trace(self.network, {**self.parameters(), **self.states()}, rows.x, rows.y, moment)

    def _rows(self, x: Any, y: Any, lang: str) -> Rows:
        if self.network is None:
            raise TrainingError("E503", where="explain", fix="model.fit(x, y)")
        features: tuple[str, ...] = ()
        if self.preparation is not None and tabular.is_table(x, None):
            table = data.read_table(x)
            features = self._features(table, lang) if table.rows == 1 else ()
            wanted = tabular.apply(self.preparation, table)[1] if y is None else self._wanted(y)
            x, y = tabular.inputs(self.preparation, table), wanted
        if y is None:
            raise UsageError(
                "E122", where="explain", expected="a label or a value", fix="model.explain(x[0], y[0])"
            )
        single = self._is_single(x)
        x, y = _as_rows(x, single), _as_rows(y, single or np.ndim(y) == 0)
        coded = judging.encoded(self, Arrays.of(x, y, dtype=self.recipe.dtype))
        assert isinstance(coded.x, dict)
        assert isinstance(coded.y, dict)
        return Rows(coded.x, coded.y, features)

    def _is_single(self, x: Any) -> bool:
        """Whether the inputs are those of one sample, without a batch axis."""
        assert self.network is not None
        name, spec = next(iter(self.network.inputs.items()))
        inputs: Any = x[name] if isinstance(x, Mapping) and name in x else x
        return np.ndim(inputs) == spec.rank - 1

    def _wanted(self, y: Any) -> np.ndarray:
        """What a person says was wanted of a table's row; values as the net sees them."""
        assert self.preparation is not None
        wanted = np.atleast_1d(np.asarray(y))
        if self.preparation.task == "classification":
            return wanted
        return (wanted - self.preparation.target_mean) / self.preparation.target_std

    def _features(self, table: Table, lang: str) -> tuple[str, ...]:
        """What each input number of a table's row is: its name, the cell, what became of it."""
        assert self.preparation is not None
        return explain.feature_lines(self.preparation.cells(table, 0), lang)


def _as_rows(value: Any, single: bool) -> Any:
    """The value with a batch axis."""
    if isinstance(value, Mapping):
        return {name: _as_rows(part, single) for name, part in value.items()}
    return np.asarray(value)[None] if single else value


def load(path: str | os.PathLike[str], layers: Sequence[type[Layer]] = ()) -> Model:
    """The model a file holds; executes nothing.

    Args:
        path: what ``Model.save`` wrote.
        layers: classes of your own layers, if the net has some.

    Fails:
        FileError: the file is missing, damaged, foreign or newer than this chainrule.
    """
    return Model.load(path, layers)
