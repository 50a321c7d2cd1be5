"""Texts from a net: all of them when they are done, or token by token as they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

import numpy as np

from chainrule.errors import UsageError
from chainrule.records import frozen
from chainrule.train.generation.beam_search import searched
from chainrule.train.generation.decoder import Decoder
from chainrule.train.generation.options import Prompt, Request, Ways, request_of
from chainrule.train.generation.sampling import NONE, drawn


@frozen(eq=False)
class Generated:
    """A text that was generated.

    Args:
        tokens: the new tokens, int64 (T,), without the prompt; the token that ended it is the last one.
        log_probability: the sum of the logarithms of the new tokens' probabilities. For draws those of the
            net itself, before any strategy.
        is_ended: whether a stop token ended it; else there was no room for more.
    """

    tokens: np.ndarray
    log_probability: float
    is_ended: bool


def generate(
    decoder: Decoder, prompt: Prompt, max_new_tokens: int | None = None, **ways: Unpack[Ways]
) -> list[Generated]:
    """Let a net continue a text: by drawing its next tokens, by the likeliest ones, or by beam search.

    Args:
        decoder: the net.
        prompt: the tokens the text begins with (T,), or those of several texts, which may differ in length.
            A net that translates is given the token for the beginning.
        max_new_tokens: how many new tokens at most; by default as many as there is room for.
        ways: how tokens are chosen, and what ends a text. ``samples=1`` (how many texts for each prompt),
            ``seed=0``, ``stop=()`` (tokens that end a text), ``min_new_tokens=0`` (how many new tokens there
            are to be before one of them may), ``inputs={}`` (what is read besides, such as ``{"source":
            ...}``, a row for each prompt); ``suppress_tokens=[...]``, ``repetition_penalty=1.2``,
            ``temperature=0.8``, ``top_k=50``, ``top_p=0.9``, ``min_p=0.05``, ``greedy=True``, applied in this
            order, or ``strategy=[...]``, records in an order of one's own; ``callback=f`` calls ``f(tokens)``
            after every step, with one token for each text and -1 where one has ended, and stops when it
            answers ``True``. ``num_beams=4`` searches instead of drawing, with ``length_penalty=1.0``.
            Without any of them tokens are drawn as likely as the net holds them.

    Returns:
        the samples of the first prompt, of the second, ...; of a beam search the best ones, best first.

    Cost: a token costs one step of the net, and a look at its scores in NumPy.

    Raises:
        UsageError E101, E102, E113, E124: an option that does not exist, is out of its range, of another
            kind, or excludes another. E125: no token is left.
        ShapeError E229: a prompt longer than the context. E211: a token the net does not know.

    Example:
        >>> import chainrule as cr
        >>> net = cr.Sequential(cr.Embedding(3, 3, weight_initializer="eye"), cr.Dense(3))
        >>> after = {"embedding1.weight": np.eye(3), "dense1.bias": np.zeros(3),
        ...          "dense1.weight": 9.0 * np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])}  # 0 -> 1 -> 2 -> 0
        >>> decoder = cr.Decoder(net, after, {"x": cr.input("x", (None, 1), "int64").spec}, length=8)
        >>> generate(decoder, [0], max_new_tokens=4, greedy=True)[0].tokens.tolist()
        [1, 2, 0, 1]
    """
    request = request_of(decoder, prompt, max_new_tokens, ways)
    if request.num_beams is None:
        return _drawn(decoder, request)
    found = searched(decoder, request)
    return [
        Generated(np.array(text.tokens, np.int64), text.log_p, text.tokens[-1] in request.stop)
        for texts in found
        for text in texts[: request.samples]
    ]


def stream_tokens(
    decoder: Decoder, prompt: Prompt, max_new_tokens: int | None = None, **ways: Unpack[Ways]
) -> Iterator[np.ndarray]:
    """The tokens of ``generate`` as they come, a step at a time.

    Args:
        decoder, prompt, max_new_tokens, ways: as in ``generate``; no beams, whose texts are known only at the
            end.

    Returns:
        for each step int64 (rows,), one token for each text, and -1 where a text has ended.

    Raises:
        UsageError E124: a beam search. Else as ``generate``; before the first token is asked for.
    """
    request = request_of(decoder, prompt, max_new_tokens, ways)
    if request.num_beams is not None:
        raise UsageError(
            "E124", where="stream_tokens", first="num_beams", second="streaming", expected="draws",
            received=f"num_beams={request.num_beams}", fix=f"generate(..., num_beams={request.num_beams})",
        )  # fmt: skip
    return _streamed(decoder, request)


def _streamed(decoder: Decoder, request: Request) -> Iterator[np.ndarray]:
    for step in drawn(decoder, request):
        yield step.tokens
        if request.callback is not None and request.callback(step.tokens) is True:
            return


def _drawn(decoder: Decoder, request: Request) -> list[Generated]:
    """The texts once they are done."""
    steps = []
    for step in drawn(decoder, request):
        steps.append(step)
        if request.callback is not None and request.callback(step.tokens) is True:
            break
    tokens = np.stack([step.tokens for step in steps], axis=1)  # steps x (rows,) -> (rows, steps)
    logs = np.stack([step.log_probability for step in steps], axis=1).sum(axis=1)
    texts = [row[row != NONE] for row in tokens]
    return [
        Generated(text, float(log_p), int(text[-1]) in request.stop)
        for text, log_p in zip(texts, logs, strict=True)
    ]
