"""Prefix beam search for networks trained with CTC: the most probable text, not the most probable path.

A path has one symbol for each frame and spells a text: repeated symbols are merged, then blanks are removed.
The most probable path (``CTC.to_targets``) need not spell the most probable text, because the probability of
a text is the sum over all its paths. The search keeps the most probable prefixes of texts. Each prefix has
two numbers, the probability of its paths that end with a blank and of those that end with its last symbol,
which is what the next frame needs: after ``a``, another ``a`` extends the text only after a blank::

    frame 1: a 0.6, - 0.4      prefix      ends with blank   ends with symbol
    frame 2: a 0.5, - 0.5      ""          0.4 * 0.5 = 0.20
                               "a"         0.6 * 0.5 = 0.30  0.6 * 0.5 + 0.4 * 0.5 = 0.50

A prior, such as a language model, multiplies the probability of a prefix when a symbol extends it. With as
many beams as there are prefixes, the result is exact.

Reference: Graves and Jaitly (2014), Towards end-to-end speech recognition with recurrent neural networks
(ICML), for the sum over paths; Hannun, Maas, Jurafsky and Ng (2014), First-pass large vocabulary continuous
speech recognition using bi-directional recurrent DNNs, arXiv 1408.2873, algorithm 1.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.validation import out_of_range

Labels = tuple[int, ...]
NEVER = -np.inf  # log 0


class Prior(Protocol):
    """The logarithm of a factor for a prefix that is extended by a symbol, or that ends (``None``)."""

    def __call__(self, prefix: Labels, symbol: int | None, /) -> float: ...


@frozen
class Transcript:
    """A text found by the search.

    Args:
        labels: its symbols.
        log_p: the logarithm of its probability, summed over its paths, with the prior.
    """

    labels: Labels
    log_p: float


@frozen
class Prefix:
    """The log-probabilities of a prefix: of its paths that end with a blank or a symbol, and of its prior."""

    blank: float
    symbol: float
    prior: float

    @property
    def paths(self) -> float:
        """The log-probability of all its paths."""
        return float(np.logaddexp(self.blank, self.symbol))

    @property
    def total(self) -> float:
        """The log-probability of all its paths, with the prior."""
        return self.paths + self.prior


def search_ctc(
    log_p: np.ndarray,
    beam_width: int = 16,
    blank: int = 0,
    prior: Prior | None = None,
    min_log_p: float = NEVER,
) -> list[Transcript]:
    """Return the most probable texts of one sequence of frames, best first.

    Args:
        log_p: (T, K) log-probabilities of the symbols of each frame.
        beam_width: number of prefixes that are kept after each frame; at least 1.
        blank: index of the blank.
        prior: a language model.
        min_log_p: symbols below this log-probability in a frame do not extend a prefix there, which saves
            time; by default only those of probability 0.

    Returns:
        at most ``beam_width`` texts.

    Raises:
        UsageError E102: a beam width below 1.

    Example:
        >>> frames = np.log([[0.4, 0.6], [0.5, 0.5]])  # symbol 0 is the blank
        >>> best = search_ctc(frames)[0]
        >>> best.labels, round(float(np.exp(best.log_p)), 6)
        ((1,), 0.8)
    """
    if type(beam_width) is not int or beam_width < 1:
        raise out_of_range(beam_width, "beam_width", "search_ctc", fact("at least 1"))
    beam = {(): Prefix(0.0, NEVER, 0.0)}
    for frame in np.asarray(log_p, np.float64):
        symbols = [int(k) for k in np.flatnonzero(frame > min_log_p) if k != blank]
        extended = _next_frame(beam, frame, symbols, blank, prior)
        best = sorted(extended, key=lambda labels: (-extended[labels].total, labels))[:beam_width]
        beam = {labels: extended[labels] for labels in best}
    ends = {labels: prefix.total + (prior(labels, None) if prior else 0.0) for labels, prefix in beam.items()}
    ordered = sorted(ends, key=lambda labels: (-ends[labels], labels))
    return [Transcript(labels, ends[labels]) for labels in ordered if ends[labels] > NEVER]


def _next_frame(
    beam: dict[Labels, Prefix], frame: np.ndarray, symbols: list[int], blank: int, prior: Prior | None
) -> dict[Labels, Prefix]:
    """Return all prefixes after one more frame, log-probabilities ``frame`` (K,), extended by ``symbols``."""
    blanks: dict[Labels, float] = {}
    ends: dict[Labels, float] = {}
    priors: dict[Labels, float] = {labels: prefix.prior for labels, prefix in beam.items()}
    for labels, prefix in beam.items():
        blanks[labels] = prefix.paths + float(frame[blank])
        if labels:
            repeated = prefix.symbol + float(frame[labels[-1]])
            ends[labels] = float(np.logaddexp(ends.get(labels, NEVER), repeated))
        for symbol in symbols:
            paths = prefix.blank if labels and labels[-1] == symbol else prefix.paths
            if paths == NEVER:
                continue
            longer = (*labels, symbol)
            if longer not in priors:
                priors[longer] = prefix.prior + (prior(labels, symbol) if prior else 0.0)
            ends[longer] = float(np.logaddexp(ends.get(longer, NEVER), paths + float(frame[symbol])))
    every = {**dict.fromkeys(blanks), **dict.fromkeys(ends)}
    return {
        labels: Prefix(blanks.get(labels, NEVER), ends.get(labels, NEVER), priors[labels]) for labels in every
    }
