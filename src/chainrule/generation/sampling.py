"""Sampling of sequences, token by token, in a batch.

The random number of a token depends only on the seed, the index of the prompt, the index of the sample and
the position: it is element ``position`` of the stream with the key fold(seed, prompt, sample). The third of
three samples is therefore equal to the third of a hundred.

Finished sequences stay in the batch until half of its rows are finished, and are then removed: gathering rows
copies the cache, which costs more than it saves if done for every finished sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.errors import TrainingError, UsageError, fact
from chainrule.generation.decoder import Cache, Decoder
from chainrule.generation.options import Request
from chainrule.generation.strategy import SuppressTokens, log_softmax, softmax
from chainrule.prng import fold, folds, key_of, uniforms

NO_TOKEN = -1
"""In the place of a token for a sequence that has finished."""


@dataclass
class DecodingState:
    """A batch of sequences during generation.

    Args:
        cache: of the decoder, one row for each sequence in the batch.
        scores: of the next token, (rows, vocabulary) float64.
        rows: (rows,) the index of each row's sequence.
        open: (rows,) whether the sequence is not finished.
        seen: (rows, vocabulary) whether the sequence contains the token, prompt included.
    """

    cache: Cache
    scores: np.ndarray
    rows: np.ndarray
    open: np.ndarray
    seen: np.ndarray

    def take(self, indices: np.ndarray) -> DecodingState:
        """Return the state of the rows with these indices."""
        cache = self.cache.rows(indices)
        scores = self.scores[indices]
        return DecodingState(cache, scores, self.rows[indices], self.open[indices], self.seen[indices])


@dataclass
class SampledStep:
    """The tokens of one step.

    Args:
        tokens: (sequences,) the new token of each sequence, or ``NO_TOKEN`` if it has finished before.
        log_probability: (sequences,) of these tokens by the network, before any strategy.
    """

    tokens: np.ndarray
    log_probability: np.ndarray


def prefill(decoder: Decoder, request: Request, samples: int) -> DecodingState:
    """Process the prompts, each for ``samples`` sequences (E211: a token outside the embedding)."""
    prompts, count = request.prompts, len(request.prompts)
    lengths = np.array([len(prompt) for prompt in prompts])
    tokens = np.zeros((count, lengths.max()), np.int64)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt)] = prompt
    cache = decoder.begin(count, **request.inputs)
    outputs = decoder.feed(tokens, cache, lengths)
    scores = outputs[np.arange(count), lengths - 1].astype(np.float64)  # (N, T, V) -> (N, V)
    seen = np.zeros(scores.shape, bool)
    for row, prompt in enumerate(prompts):
        seen[row, prompt[prompt < scores.shape[1]]] = True
    state = DecodingState(cache, scores, np.arange(count), np.ones(count, bool), seen)
    if samples == 1:
        return state
    state = state.take(np.repeat(np.arange(count), samples))
    state.rows = np.arange(count * samples)
    return state


def sample_tokens(decoder: Decoder, request: Request) -> Iterator[SampledStep]:
    """Sample the sequences of a request, one token of each at a time; E125: all excluded; E501: NaN."""
    state = prefill(decoder, request, request.samples)
    random_numbers = _random_numbers(request)
    stop = np.array(request.stop, np.int64)
    for position in range(request.max_new_tokens):
        chosen = _choose(state, request, position, random_numbers[state.rows, position])
        log_p = log_softmax(state.scores)[np.arange(len(chosen)), chosen]
        step = SampledStep(np.full(request.rows, NO_TOKEN), np.zeros(request.rows))
        open_rows = state.rows[state.open]
        step.tokens[open_rows], step.log_probability[open_rows] = chosen[state.open], log_p[state.open]
        state.open &= ~np.isin(chosen, stop)
        yield step
        if position + 1 == request.max_new_tokens or not state.open.any():
            return
        state.seen[np.arange(len(chosen)), chosen] = True
        if state.open.sum() <= len(state.rows) // 2:
            chosen, state = chosen[state.open], state.take(np.flatnonzero(state.open))
        scores = decoder.feed(chosen[:, None], state.cache)[:, -1]  # (rows, 1) -> (rows, V)
        state.scores = scores.astype(np.float64)


def _random_numbers(request: Request) -> np.ndarray:
    """Return uniform numbers of [0, 1), (rows, length); each row from a stream with its own key."""
    seed, samples = key_of(request.seed), np.arange(request.samples)
    keys = [folds(fold(seed, prompt), samples) for prompt in range(len(request.prompts))]
    return uniforms(np.concatenate(keys), request.max_new_tokens)


def _choose(state: DecodingState, request: Request, position: int, uniform: np.ndarray) -> np.ndarray:
    """Sample the next token of each row by inverting the cumulative distribution at a uniform number."""
    mass = softmax(next_scores(state, request, position)).cumsum(axis=1)
    return (mass > uniform[:, None] * mass[:, -1:]).argmax(axis=1)


def next_scores(state: DecodingState, request: Request, position: int) -> np.ndarray:
    """Return the scores of the next token after all strategies, (rows, vocabulary).

    Args:
        state: the sequences.
        request: its strategies, stop tokens and minimum length apply.
        position: number of new tokens so far.

    Raises:
        UsageError E125: every token is excluded. TrainingError E501: NaN or infinite scores.
    """
    scores = state.scores
    if position < request.min_new_tokens:
        scores = SuppressTokens([token for token in request.stop if token >= 0])(scores, state.seen)
    for strategy in request.strategies:
        scores = strategy(scores, state.seen)
    best = scores.max(axis=1)
    if np.isnan(best).any() or np.isposinf(best).any():
        expected = fact("finite scores")
        received = fact("NaN or infinity")
        cause = fact("a score of the network")
        raise TrainingError("E501", where="generate", expected=expected, received=received, cause=cause)
    if np.isneginf(best).any():
        raise UsageError(
            "E125", where="generate", expected=fact("at least 1 possible token"), received=fact("none")
        )
    return scores
