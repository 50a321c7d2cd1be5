"""What is asked: which number of which answers, of which rows, and compared with what.

A question is what every method receives. It hides what kind of net and inputs there are: to a method that
follows gradients, a sample is a point whose score and slope can be asked for (``slopes``); to one that does
not, samples are arrays whose scores can be asked for (``scores``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from chainrule.attribution.score import Arrays, Score, run
from chainrule.errors import TrainingError
from chainrule.graph import Node
from chainrule.records import frozen

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


AT_ONCE = 1 << 21  # numbers of points that are made at a time


@frozen(eq=False)
class Question:
    """Which score is asked about, of which samples.

    Args:
        model: an initialized learner.
        score: what is explained, as a graph.
        inputs: what the net is given, by input, samples first.
        chosen: what each sample's score is made of: ``WEIGHTS`` (n, M) and ``OFFSET`` (n,), or the targets
            of a loss.
        baseline: the rows to compare with, by input; ``None``: nothing, which is 0 in every entry.
        seed: decides what is drawn.
        columns: the table's column of each number of the only input; empty where there is no table.
    """

    model: ModelState
    score: Score
    inputs: Arrays
    chosen: Arrays
    baseline: Arrays | None = None
    seed: int = 0
    columns: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many samples are asked about."""
        return len(next(iter(self.inputs.values())))

    @cached_property
    def asked(self) -> np.ndarray:
        """(n,) the scores of the samples."""
        return self.scores(self.inputs, np.arange(self.rows))

    def scores(self, inputs: Arrays, sample: int | np.ndarray) -> np.ndarray:
        """The scores of other inputs, each seen as if it stood in the place of a sample of the question.

        Args:
            inputs: arrays by input, (m, ...).
            sample: the sample whose class is asked of all of them, or (m,) one for each.
        """
        m = len(next(iter(inputs.values())))
        own = np.broadcast_to(np.asarray(sample), (m,))
        chosen = {name: array[own] for name, array in self.chosen.items()}
        return run(self.score.plain, self.model.held, {**inputs, **chosen})["score"]

    @cached_property
    def entries(self) -> dict[str, np.ndarray]:
        """The samples as points: for each entry (n, ...).

        Raises:
            TrainingError E541: nothing about the inputs can be changed by a small step.
        """
        if not self.score.entries:
            raise TrainingError(
                "E541", where="attribute", what="an input that is a number or names a word",
                what_zh="数值或词元输入", received=", ".join(self.inputs), fix='method="occlusion"',
            )  # fmt: skip
        return self._entered(self.score.places)

    @cached_property
    def fixed(self) -> dict[str, np.ndarray]:
        """What stays as it is for each sample when points are moved: which of its places are padding."""
        return self._entered(self.score.conditions)

    @cached_property
    def _samples(self) -> dict[str, np.ndarray]:
        return run(self.score.entering, self.model.held, self.inputs)

    def _entered(self, places: Mapping[Node, Node]) -> dict[str, np.ndarray]:
        labels = [place.op.attributes["label"] for place in places.values()]
        return {label: self._samples[label] for label in labels}

    @cached_property
    def baselines(self) -> dict[str, np.ndarray]:
        """What is compared with, as points: for each entry (k, ...)."""
        if self.baseline is None:
            return {label: np.zeros_like(array[:1]) for label, array in self.entries.items()}
        rows = len(next(iter(self.baseline.values())))
        others = {name: np.repeat(array[:1], rows, 0) for name, array in self.inputs.items()}
        found = run(self.score.entering, self.model.held, {**others, **self.baseline})
        return {label: found[label] for label in self.entries}

    def slopes(self, points: Arrays, own: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The scores and the slopes at points.

        Args:
            points: for each entry (m, ...).
            own: (m,) the sample each point belongs to: its class is asked, and what cannot be moved is its
                own.

        Returns:
            (m,) scores; for each entry (m, ...).
        """
        given = {**self.inputs, **self.chosen, **self.fixed}
        rest = {name: array[own] for name, array in given.items() if name not in points}
        found = run(self.score.slopes, self.model.held, {**rest, **points})
        return found["score"], {label: found[f"d {label}"] for label in points}

    def at(self, points: Arrays, own: np.ndarray) -> np.ndarray:
        """(m,) the scores at points; see ``slopes``."""
        return self.slopes(points, own)[0]

    def folded(self, entries: Arrays) -> dict[str, np.ndarray]:
        """Values of entries as values of inputs: summed over the vector of each word."""
        found = {}
        for name in self.score.entries:
            rank = self.inputs[name].ndim
            parts = [entries[label] for label in self.score.labels(name)]
            found[name] = np.sum([a.reshape(*a.shape[:rank], -1).sum(-1) for a in parts], 0)
        return found
