"""Texts that are drawn, token by token, side by side.

What is drawn for a text depends on the seed, on which prompt and which sample of it this is, and on the place
in the text: the number that decides is the place-th of the stream of the key fold(seed, prompt, sample). So
the third of three samples is the same as the third of a hundred, whatever the others do.

Texts that have ended are carried along until half of the rows are done, and then left behind: picking rows
copies the cache, which would cost more than it saves if done each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.errors import TrainingError, UsageError
from chainrule.prng import fold, folds, key_of, uniforms
from chainrule.train.generation.decoder import Cache, Decoder
from chainrule.train.generation.options import Request
from chainrule.train.generation.strategy import SuppressTokens, log_softmax, softmax

NONE = -1
"""Stands in the place of a token for a text that has ended."""


@dataclass
class Draft:
    """Where the writing of some texts stands.

    Args:
        cache: of the decoder, a row for each text that is still carried along.
        scores: for the next token of each of these, (rows, vocabulary) float64.
        rows: which text each row is.
        open: which of these are still being written.
        seen: which tokens each row has, (rows, vocabulary).
    """

    cache: Cache
    scores: np.ndarray
    rows: np.ndarray
    open: np.ndarray
    seen: np.ndarray

    def take(self, chosen: np.ndarray) -> Draft:
        """Some of the rows."""
        return Draft(
            self.cache.rows(chosen), self.scores[chosen], self.rows[chosen], self.open[chosen],
            self.seen[chosen],
        )  # fmt: skip


@dataclass
class Drawn:
    """The tokens of one step.

    Args:
        tokens: for each text its new token, or ``NONE`` if it has ended before.
        log_probability: what the net thought of it, before any strategy.
    """

    tokens: np.ndarray
    log_probability: np.ndarray


def begun(decoder: Decoder, request: Request, samples: int) -> Draft:
    """The prompts, read; each so many times.

    Raises:
        ShapeError E211: a token that the net's embedding has no row for.
    """
    prompts, count = request.prompts, len(request.prompts)
    lengths = np.array([len(prompt) for prompt in prompts])
    words = np.zeros((count, lengths.max()), np.int64)
    for row, prompt in enumerate(prompts):
        words[row, : len(prompt)] = prompt
    cache = decoder.begin(count, **request.inputs)
    answers = decoder.feed(words, cache, lengths)
    scores = answers[np.arange(count), lengths - 1].astype(np.float64)  # (N, T, V) -> (N, V)
    seen = np.zeros(scores.shape, bool)
    for row, prompt in enumerate(prompts):
        seen[row, prompt[prompt < scores.shape[1]]] = True
    draft = Draft(cache, scores, np.arange(count), np.ones(count, bool), seen)
    if samples == 1:
        return draft
    draft = draft.take(np.repeat(np.arange(count), samples))
    draft.rows = np.arange(count * samples)
    return draft


def drawn(decoder: Decoder, request: Request) -> Iterator[Drawn]:
    """The tokens as they come, a step at a time.

    Raises:
        UsageError E125: no token is left to choose from. TrainingError E501: the net gives no numbers.
    """
    draft = begun(decoder, request, request.samples)
    shares = _shares(request)
    ends = np.array(request.stop, np.int64)
    for place in range(request.max_new_tokens):
        chosen = _choose(draft, request, place, shares[draft.rows, place])
        thought = log_softmax(draft.scores)[np.arange(len(chosen)), chosen]
        step = Drawn(np.full(request.rows, NONE), np.zeros(request.rows))
        alive = draft.rows[draft.open]
        step.tokens[alive], step.log_probability[alive] = chosen[draft.open], thought[draft.open]
        draft.open &= ~np.isin(chosen, ends)
        yield step
        if place + 1 == request.max_new_tokens or not draft.open.any():
            return
        draft.seen[np.arange(len(chosen)), chosen] = True
        if draft.open.sum() <= len(draft.rows) // 2:
            chosen, draft = chosen[draft.open], draft.take(np.flatnonzero(draft.open))
        scores = decoder.feed(chosen[:, None], draft.cache)[:, -1]  # (rows, 1) -> (rows, V)
        draft.scores = scores.astype(np.float64)


def _shares(request: Request) -> np.ndarray:
    """The numbers from 0 to 1 that decide, (rows, length): each row from the stream of a key of its own."""
    seed, samples = key_of(request.seed), np.arange(request.samples)
    keys = [folds(fold(seed, prompt), samples) for prompt in range(len(request.prompts))]
    return uniforms(np.concatenate(keys), request.max_new_tokens)


def _choose(draft: Draft, request: Request, place: int, shares: np.ndarray) -> np.ndarray:
    """The next token of each row: where its share of the probability, summed up in the order of the tokens,
    lies."""
    mass = softmax(weighed(draft, request, place)).cumsum(axis=1)
    return (mass > shares[:, None] * mass[:, -1:]).argmax(axis=1)


def weighed(draft: Draft, request: Request, place: int) -> np.ndarray:
    """The scores from which the next token is chosen, (rows, vocabulary).

    Args:
        draft, request: what is written, and how.
        place: how many new tokens there are.

    Raises:
        UsageError E125: every token is out. TrainingError E501: scores that are no numbers.
    """
    scores = draft.scores
    if place < request.min_new_tokens:
        scores = SuppressTokens([token for token in request.stop if token >= 0])(scores, draft.seen)
    for strategy in request.strategies:
        scores = strategy(scores, draft.seen)
    best = scores.max(axis=1)
    if np.isnan(best).any() or np.isposinf(best).any():
        raise TrainingError(
            "E501", where="generate", expected="finite scores", received="NaN or infinity",
            cause="a score of the net", cause_zh="网络给出的得分",
        )  # fmt: skip
    if np.isneginf(best).any():
        raise UsageError("E125", where="generate", expected="a token that may come", received="none")
    return scores
