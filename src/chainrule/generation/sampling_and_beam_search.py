"""Generation of token sequences: sampling, and beam search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Unpack

import numpy as np

from chainrule.errors import TrainingError, UsageError, fact
from chainrule.generation.cached_decoder import Cache, Decoder
from chainrule.generation.options import GenerationOptions, Prompt, Request, checked_request
from chainrule.generation.sampling_strategies import SuppressTokens, log_softmax, softmax
from chainrule.prng import fold, folds, key_of, uniforms
from chainrule.records import frozen

# Sampling of sequences, token by token, in a batch.
#
# The random number of a token depends only on the seed, the index of the prompt, the index of the sample and
# the position: it is element ``position`` of the stream with the key fold(seed, prompt, sample). The third of
# three samples is therefore equal to the third of a hundred.
#
# Finished sequences stay in the batch until half of its rows are finished, and are then removed: gathering
# rows copies the cache, which costs more than it saves if done for every finished sequence.

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


# Beam search: an approximate search for the most probable sequences.
#
# Choosing the most probable token at each position does not result in the most probable sequence, because a
# token with a high probability may only have improbable continuations. Beam search therefore keeps several
# hypotheses, the *beam*: each step extends every hypothesis by every token and keeps the best ones. A
# finished hypothesis leaves the beam, which becomes narrower by one. With a beam of one, the result is greedy
# decoding; with as many beams as there are prefixes, it is the exact maximum.
#
# Finished hypotheses differ in length, and every token decreases log p. They are therefore compared by
# log p / n^a, where n is the number of new tokens and a the *length penalty*: 0 favors short sequences, 1
# compares the mean over the tokens.
#
# Reference: Graves (2012), Sequence transduction with recurrent neural networks; Sutskever, Vinyals and Le
# (2014), Sequence to sequence learning with neural networks (NeurIPS), section 3.2, for the narrowing beam.
# Wu et al. (2016), section 7, divide by ((5 + n) / 6)^a instead.


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


@frozen(eq=False)
class Generated:
    """A generated sequence.

    Args:
        tokens: the new tokens, int64 (T,), without the prompt; a stop token is the last one.
        log_probability: the sum of the log-probabilities of the new tokens. For samples, of the network
            itself, before any strategy.
        is_ended: whether it ended with a stop token; otherwise at the maximum length.
    """

    tokens: np.ndarray
    log_probability: float
    is_ended: bool


def generate(
    decoder: Decoder, prompt: Prompt, max_new_tokens: int | None = None, **options: Unpack[GenerationOptions]
) -> list[Generated]:
    """Continue prompts by sampling, by greedy decoding, or by beam search.

    Args:
        decoder: the network.
        prompt: the first tokens of a sequence (T,), or of several sequences, which may differ in length. For
            a translation, the start token.
        max_new_tokens: maximum number of new tokens; by default, as many as fit into the context.
        options: ``samples=1`` (sequences for each prompt), ``seed=0``, ``stop=()`` (tokens that end a
            sequence), ``min_new_tokens=0`` (new tokens before a stop token is allowed), ``inputs={}`` (other
            inputs, such as ``{"source": ...}``, one row for each prompt). Strategies, applied in this order:
            ``suppress_tokens=[...]``, ``repetition_penalty=1.2``, ``temperature=0.8``, ``top_k=50``,
            ``top_p=0.9``, ``min_p=0.05``, ``greedy=True``; or ``strategy=[...]``, records in any order.
            ``callback=f`` calls ``f(tokens)`` after every step, with one token for each sequence, -1 if it
            has ended, and stops if it returns ``True``. ``num_beams=4`` uses beam search instead of sampling,
            with ``length_penalty=1.0``. By default, tokens are sampled from the distribution that the network
            predicts.

    Returns:
        the samples of the first prompt, of the second, ...; of a beam search the best ones, best first.

    Cost: each token costs one decoding step of the network, and passes over its scores in NumPy.

    Raises:
        UsageError E101, E102, E113, E124: an option that does not exist, is out of range, of another type, or
            excludes another. E125: all tokens are excluded.
        ShapeError E229: a prompt longer than the context. E211: a token that the embedding does not contain.

    Example:
        >>> import chainrule as cr
        >>> net = cr.Sequential(cr.Embedding(3, 3, weight_initializer="eye"), cr.Dense(3))
        >>> weights = {"embedding1.weight": np.eye(3), "dense1.bias": np.zeros(3),
        ...            "dense1.weight": 9.0 * np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])}  # 0 -> 1 -> 2 -> 0
        >>> decoder = cr.Decoder(net, weights, {"x": cr.input("x", (None, 1), "int64").spec}, length=8)
        >>> generate(decoder, [0], max_new_tokens=4, greedy=True)[0].tokens.tolist()
        [1, 2, 0, 1]
    """
    request = checked_request(decoder, prompt, max_new_tokens, options)
    if request.num_beams is None:
        return _sampled(decoder, request)
    return [
        Generated(np.array(best.tokens, np.int64), best.log_p, best.tokens[-1] in request.stop)
        for hypotheses in search_beams(decoder, request)
        for best in hypotheses[: request.samples]
    ]


def stream_tokens(
    decoder: Decoder, prompt: Prompt, max_new_tokens: int | None = None, **options: Unpack[GenerationOptions]
) -> Iterator[np.ndarray]:
    """Yield the tokens of ``generate`` while they are generated, one step at a time.

    Args:
        decoder, prompt, max_new_tokens, options: as in ``generate``, without beam search, whose result is
            known only at the end.

    Returns:
        an iterator of int64 (sequences,) for each step: one token for each sequence, -1 if it has ended.

    Raises:
        UsageError E124: beam search. Others as ``generate``; all are raised by the call itself.
    """
    request = checked_request(decoder, prompt, max_new_tokens, options)
    if request.num_beams is not None:
        raise UsageError(
            "E124",
            where="stream_tokens",
            first="num_beams",
            second="streaming",
            expected=fact("sampling"),
            received=f"num_beams={request.num_beams}",
            fix=f"generate(..., num_beams={request.num_beams})",
        )
    return _streamed(decoder, request)


def _streamed(decoder: Decoder, request: Request) -> Iterator[np.ndarray]:
    for step in sample_tokens(decoder, request):
        yield step.tokens
        if request.callback is not None and request.callback(step.tokens) is True:
            return


def _sampled(decoder: Decoder, request: Request) -> list[Generated]:
    steps = []
    for step in sample_tokens(decoder, request):
        steps.append(step)
        if request.callback is not None and request.callback(step.tokens) is True:
            break
    tokens = np.stack([step.tokens for step in steps], axis=1)  # steps x (rows,) -> (rows, steps)
    logs = np.stack([step.log_probability for step in steps], axis=1).sum(axis=1)
    sequences = [row[row != NO_TOKEN] for row in tokens]
    return [
        Generated(sequence, float(log_p), int(sequence[-1]) in request.stop)
        for sequence, log_p in zip(sequences, logs, strict=True)
    ]
