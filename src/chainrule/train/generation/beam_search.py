"""Beam search: the likeliest texts, looked for along several ways at once.

The likeliest token at each place does not make the likeliest text: a good word may lead where nothing good
follows. Trying all texts is out of the question, so some of the best beginnings are kept, the *beam*: each is
continued by every token, and of all these the best are kept again. One that has ended leaves the beam, which
then is narrower, and waits. With a beam of one that is the greedy choice; with one as wide as there are
beginnings it is the exact answer.

Texts that have ended differ in length, and every token lowers log p; so what is compared in the end is
log p / n^a, n the number of new tokens and a the *length penalty*: 0 favors short texts, 1 takes the mean
over the tokens.

Reference: Graves (2012), Sequence transduction with recurrent neural networks; Sutskever, Vinyals and Le
(2014), Sequence to sequence learning with neural networks (NeurIPS), section 3.2, for the narrowing beam. Wu
et al. (2016), section 7, divide by ((5 + n) / 6)^a instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chainrule.records import frozen
from chainrule.train.generation.decoder import Decoder
from chainrule.train.generation.options import Request
from chainrule.train.generation.sampling import begun, weighed
from chainrule.train.generation.strategy import log_softmax


@frozen
class Text:
    """A text that is being searched for, or was found.

    Args:
        log_p: the sum of the logarithms of its new tokens' probabilities.
        tokens: the new tokens.
        row: where the decoder's cache has it.
    """

    log_p: float
    tokens: tuple[int, ...]
    row: int


@dataclass
class Beam:
    """The search for one prompt: the texts that are open, and those that have ended."""

    open: list[Text]
    ended: list[Text] = field(default_factory=list)


def searched(decoder: Decoder, request: Request) -> list[list[Text]]:
    """For each prompt the texts found, best first; as many as there are beams, if there are as many.

    Raises:
        As ``sampling.drawn``.
    """
    draft = begun(decoder, request, 1)
    beams = [Beam([Text(0.0, (), row)]) for row in range(len(request.prompts))]
    for place in range(request.max_new_tokens):
        logs = log_softmax(weighed(draft, request, place))
        for beam in beams:
            _advance(beam, logs, request, is_last=place + 1 == request.max_new_tokens)
        texts = [text for beam in beams for text in beam.open]
        if not texts:
            break
        draft = draft.take(np.array([text.row for text in texts]))
        _renumber(beams)
        newest = np.array([text.tokens[-1] for text in texts])
        draft.scores = decoder.feed(newest[:, None], draft.cache)[:, -1].astype(np.float64)

    def merit(text: Text) -> float:
        return text.log_p / len(text.tokens) ** request.length_penalty

    return [sorted(beam.ended, key=merit, reverse=True) for beam in beams]


def _advance(beam: Beam, logs: np.ndarray, request: Request, is_last: bool) -> None:
    """Continue the open texts by every token and keep the best; those that end are set apart."""
    assert request.num_beams is not None
    if not beam.open:
        return
    before = np.array([text.log_p for text in beam.open])
    totals = before[:, None] + logs[[text.row for text in beam.open]]  # (texts, vocabulary)
    parents, beam.open = beam.open, []
    for place in _largest(totals.reshape(-1), request.num_beams - len(beam.ended)):
        parent, token = divmod(place, logs.shape[1])
        text = parents[parent]
        grown = Text(float(totals[parent, token]), (*text.tokens, token), text.row)
        (beam.ended if is_last or token in request.stop else beam.open).append(grown)


def _largest(numbers: np.ndarray, count: int) -> list[int]:
    """Where the largest numbers stand, largest first, of equal ones the first; none that is -infinity."""
    best = np.arange(len(numbers))
    if count < len(numbers):
        least = np.partition(numbers, len(numbers) - count)[len(numbers) - count]
        best = np.flatnonzero(numbers >= least)
    best = best[np.argsort(-numbers[best], kind="stable")][:count]
    return best[numbers[best] > -np.inf].tolist()


def _renumber(beams: list[Beam]) -> None:
    """Give the texts the rows that the cache has once those of their beginnings are picked."""
    row = 0
    for beam in beams:
        beam.open = [Text(text.log_p, text.tokens, row + i) for i, text in enumerate(beam.open)]
        row += len(beam.open)
