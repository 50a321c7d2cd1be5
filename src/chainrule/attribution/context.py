"""The input of every attribution method: the explained score, the samples and the baseline.

``AttributionContext`` hides the structure of the network and of its inputs. For gradient methods a sample is
a point with a score and a gradient (``gradients``); for methods that only evaluate the model, samples are
arrays with scores (``scores``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from chainrule.attribution.score import Arrays, Score, run
from chainrule.engines.dispatch import Program
from chainrule.errors import TrainingError, fact
from chainrule.graph import Node
from chainrule.memoization import cached_property
from chainrule.records import frozen

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


MAX_ELEMENTS = 1 << 21  # elements of points in memory at a time
ROWS_OF_A_PLAN = 64  # the number of points is rounded up to a multiple of at most this


@frozen(eq=False)
class AttributionContext:
    """The score to be explained, the samples and the baseline.

    Args:
        score: the explained score as a graph.
        inputs: the inputs of the network by name, samples first.
        score_inputs: the further inputs of the score for each sample: ``WEIGHTS`` (n, M) and ``OFFSET`` (n,),
            or the targets of a loss.
        baseline: the rows to compare with, by input; ``None`` for zeros in every entry.
        seed: the seed of random values.
        columns: the table column of each element of the only input; empty if there is no table.
    """

    model: ModelState
    score: Score
    inputs: Arrays
    score_inputs: Arrays
    baseline: Arrays | None = None
    seed: int = 0
    columns: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of samples."""
        return len(next(iter(self.inputs.values())))

    @cached_property
    def sample_scores(self) -> np.ndarray:
        """(n,) The scores of the samples."""
        return self.scores(self.inputs, np.arange(self.rows))

    def scores(self, inputs: Arrays, sample: int | np.ndarray) -> np.ndarray:
        """Return the scores of other inputs, with the targets of given samples.

        Args:
            inputs: arrays by input, (m, ...).
            sample: the index of the sample whose target is used for all of them, or (m,) one index for each.
        """
        m = len(next(iter(inputs.values())))
        own = np.broadcast_to(np.asarray(sample), (m,))
        score_inputs = {name: array[own] for name, array in self.score_inputs.items()}
        return run(self.score.forward_program, self.model.arrays, {**inputs, **score_inputs})["score"]

    @cached_property
    def entries(self) -> dict[str, np.ndarray]:
        """The samples as points: for each entry (n, ...); see ``score.py``.

        Raises:
            TrainingError E541: no input is numeric or enters through an embedding.
        """
        if not self.score.entries:
            what = fact("a numeric input, or one that indexes an embedding")
            received = ", ".join(self.inputs)
            raise TrainingError(
                "E541", where="attribute", what=what, received=received, fix='method="occlusion"'
            )
        return self._values_of(self.score.entry_inputs)

    @cached_property
    def condition_values(self) -> dict[str, np.ndarray]:
        """The values that stay constant when points move: the conditions of each sample, such as padding."""
        return self._values_of(self.score.condition_inputs)

    @cached_property
    def _entry_outputs(self) -> dict[str, np.ndarray]:
        return run(self.score.entry_program, self.model.arrays, self.inputs)

    def _values_of(self, inputs: Mapping[Node, Node]) -> dict[str, np.ndarray]:
        labels = [node.op.attributes["label"] for node in inputs.values()]
        return {label: self._entry_outputs[label] for label in labels}

    @cached_property
    def baseline_entries(self) -> dict[str, np.ndarray]:
        """The baseline as points: for each entry (k, ...)."""
        if self.baseline is None:
            return {label: np.zeros_like(array[:1]) for label, array in self.entries.items()}
        rows = len(next(iter(self.baseline.values())))
        others = {name: np.repeat(array[:1], rows, 0) for name, array in self.inputs.items()}
        values = run(self.score.entry_program, self.model.arrays, {**others, **self.baseline})
        return {label: values[label] for label in self.entries}

    def gradients(self, points: Arrays, own: np.ndarray) -> dict[str, np.ndarray]:
        """Return the gradients of the score at points: for each entry (m, ...).

        Args:
            points: for each entry (m, ...).
            own: (m,) the index of the sample of each point, which determines its target and its conditions.
        """
        results = self._run_at(self.score.gradient_program, points, own)
        return {label: results[f"d {label}"] for label in points}

    def scores_at(self, points: Arrays, own: np.ndarray) -> np.ndarray:
        """Return (m,) the scores at points; see ``gradients``."""
        return self._run_at(self.score.point_program, points, own)["score"]

    def _run_at(self, program: Program, points: Arrays, own: np.ndarray) -> dict[str, np.ndarray]:
        """Run a program at points, whose number is rounded up, so that few numbers of rows are planned."""
        count = len(own)
        step = min(ROWS_OF_A_PLAN, max(1, (1 << (count - 1).bit_length()) // 4))  # at most a quarter more
        index = np.minimum(np.arange(-(-count // step) * step), count - 1)
        feeds = {**self.inputs, **self.score_inputs, **self.condition_values}
        rest = {name: array[own[index]] for name, array in feeds.items() if name not in points}
        rows = {name: array if len(index) == count else array[index] for name, array in points.items()}
        results = run(program, self.model.arrays, {**rest, **rows})
        return {name: array[:count] for name, array in results.items()}

    def sum_to_inputs(self, entries: Arrays, own: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Sum the values of entries to values of inputs, for tokens over the embedding vector of each.

        Args:
            entries: for each entry (m, ...).
            own: (m,) the index of the sample of each row; ``None``: the samples in their order, repeatedly.
        """
        summed = {}
        for name in self.score.entries:
            rank = self.inputs[name].ndim
            parts = []
            for label in self.score.entry_labels(name):
                values = entries[label].reshape(*entries[label].shape[:rank], -1).sum(-1)
                if label in self.score.hashed:
                    rows = np.arange(len(values)) % self.rows if own is None else own
                    values = self._shared_by_tokens(name, label, values, rows)
                parts.append(values)
            summed[name] = np.sum(parts, 0)
        return summed

    def _shared_by_tokens(self, name: str, label: str, values: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return the values of n-grams (m, G), shared equally by the tokens of each, (m, T).

        A token belongs to an n-gram if the number of the n-gram changes with the token.
        """
        tokens = self.inputs[name]
        shared = np.zeros((len(values), tokens.shape[1]), values.dtype)
        for sample in np.unique(own):
            row = tokens[sample]
            variants = np.repeat(row[None], len(row) + 1, 0)  # (T + 1, T), the last unchanged
            np.fill_diagonal(variants, np.where(row == 0, 1, 0))
            inputs = {
                key: np.repeat(array[sample][None], len(variants), 0) for key, array in self.inputs.items()
            }
            index = run(self.score.hashed[label], self.model.arrays, {**inputs, name: variants})["index"]
            belongs = (index[:-1] != index[-1]).astype(values.dtype)  # (T, G)
            shared[own == sample] = values[own == sample] @ (belongs / np.maximum(belongs.sum(0), 1)).T
        return shared
