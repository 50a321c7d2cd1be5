"""Generation of token sequences: ``generate`` returns them complete, ``stream_tokens`` yields tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

import numpy as np

from chainrule.errors import UsageError, fact
from chainrule.generation.beam_search import search_beams
from chainrule.generation.decoder import Decoder
from chainrule.generation.options import GenerationOptions, Prompt, Request, checked_request
from chainrule.generation.sampling import NO_TOKEN, sample_tokens
from chainrule.records import frozen


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
