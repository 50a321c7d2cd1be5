"""Beam search: an approximate search for the most probable sequences.

Choosing the most probable token at each position does not result in the most probable sequence, because a
token with a high probability may only have improbable continuations. Beam search therefore keeps several
hypotheses, the *beam*: each step extends every hypothesis by every token and keeps the best ones. A finished
hypothesis leaves the beam, which becomes narrower by one. With a beam of one, the result is greedy decoding;
with as many beams as there are prefixes, it is the exact maximum.

Finished hypotheses differ in length, and every token decreases log p. They are therefore compared by
log p / n^a, where n is the number of new tokens and a the *length penalty*: 0 favors short sequences, 1
compares the mean over the tokens.

Reference: Graves (2012), Sequence transduction with recurrent neural networks; Sutskever, Vinyals and Le
(2014), Sequence to sequence learning with neural networks (NeurIPS), section 3.2, for the narrowing beam. Wu
et al. (2016), section 7, divide by ((5 + n) / 6)^a instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chainrule.generation.decoder import Decoder
from chainrule.generation.options import Request
from chainrule.generation.sampling import next_scores, prefill
from chainrule.generation.strategy import log_softmax
from chainrule.records import frozen


@frozen
class Hypothesis:
    """A sequence of new tokens, finished or open.

    Args:
        log_p: the sum of the log-probabilities of the tokens.
        tokens: the new tokens.
        row: the row of the decoder's cache.
    """

    log_p: float
    tokens: tuple[int, ...]
    row: int


@dataclass
class Beam:
    """The search for one prompt: its open and its finished hypotheses."""

    open: list[Hypothesis]
    finished: list[Hypothesis] = field(default_factory=list)


def search_beams(decoder: Decoder, request: Request) -> list[list[Hypothesis]]:
    """Return at most ``num_beams`` hypotheses of each prompt, best first; errors as ``sample_tokens``."""
    state = prefill(decoder, request, 1)
    beams = [Beam([Hypothesis(0.0, (), row)]) for row in range(len(request.prompts))]
    for position in range(request.max_new_tokens):
        logs = log_softmax(next_scores(state, request, position))
        for beam in beams:
            _advance(beam, logs, request, is_last=position + 1 == request.max_new_tokens)
        hypotheses = [hypothesis for beam in beams for hypothesis in beam.open]
        if not hypotheses:
            break
        state = state.take(np.array([hypothesis.row for hypothesis in hypotheses]))
        _renumber(beams)
        newest = np.array([hypothesis.tokens[-1] for hypothesis in hypotheses])
        state.scores = decoder.feed(newest[:, None], state.cache)[:, -1].astype(np.float64)

    def score(hypothesis: Hypothesis) -> float:
        return hypothesis.log_p / len(hypothesis.tokens) ** request.length_penalty

    return [sorted(beam.finished, key=score, reverse=True) for beam in beams]


def _advance(beam: Beam, logs: np.ndarray, request: Request, is_last: bool) -> None:
    """Extend the open hypotheses by every token and keep the best; move the finished ones."""
    assert request.num_beams is not None
    if not beam.open:
        return
    before = np.array([hypothesis.log_p for hypothesis in beam.open])
    totals = before[:, None] + logs[[hypothesis.row for hypothesis in beam.open]]  # (hypotheses, vocabulary)
    parents, beam.open = beam.open, []
    for index in _largest(totals.reshape(-1), request.num_beams - len(beam.finished)):
        parent, token = divmod(index, logs.shape[1])
        prefix = parents[parent]
        extended = Hypothesis(float(totals[parent, token]), (*prefix.tokens, token), prefix.row)
        (beam.finished if is_last or token in request.stop else beam.open).append(extended)


def _largest(values: np.ndarray, count: int) -> list[int]:
    """Return the indices of the largest values, descending, of equal ones the first; no -infinity."""
    best = np.arange(len(values))
    if count < len(values):
        smallest = np.partition(values, len(values) - count)[len(values) - count]
        best = np.flatnonzero(values >= smallest)
    best = best[np.argsort(-values[best], kind="stable")][:count]
    return best[values[best] > -np.inf].tolist()


def _renumber(beams: list[Beam]) -> None:
    """Assign the open hypotheses the rows of the cache after the rows of their prefixes are gathered."""
    row = 0
    for beam in beams:
        beam.open = [Hypothesis(h.log_p, h.tokens, row + i) for i, h in enumerate(beam.open)]
        row += len(beam.open)
