"""What a call of ``generate`` asks for, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from chainrule.errors import ShapeError, UsageError
from chainrule.nn.validation import require_integer, require_number, value_text
from chainrule.records import frozen
from chainrule.train.generation.decoder import Decoder
from chainrule.train.generation.strategy import STRATEGIES, Strategy, SuppressTokens, strategies_of
from chainrule.train.options import refuse_unknown

Prompt = Sequence[int] | np.ndarray | Sequence[Sequence[int]] | Sequence[np.ndarray]
Listener = Callable[[np.ndarray], Any]


class Ways(TypedDict, total=False):
    """How tokens are chosen, and what ends a text; see ``generate``."""

    samples: int
    seed: int
    stop: Sequence[int | str]
    min_new_tokens: int
    inputs: Mapping[str, Any]
    callback: Listener | None
    strategy: Sequence[Strategy]
    suppress_tokens: Sequence[int]
    repetition_penalty: float | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    greedy: bool
    num_beams: int | None
    length_penalty: float


PLAIN = ("samples", "seed", "min_new_tokens", "callback", "length_penalty")
"""The ways that a request takes as they are."""


@frozen(eq=False)
class Request:
    """A call of ``generate`` once everything it was given is known to fit together.

    Args:
        prompts: the tokens each text begins with, int64 (T,).
        max_new_tokens: how many new tokens at most.
        strategies: applied to the scores in this order.
        inputs: what is read besides, one row for each prompt.
        samples, seed, stop, min_new_tokens, callback, num_beams, length_penalty: as in ``generate``.
    """

    prompts: tuple[np.ndarray, ...]
    max_new_tokens: int
    strategies: tuple[Strategy, ...]
    inputs: Mapping[str, np.ndarray]
    samples: int = 1
    seed: int = 0
    stop: tuple[int, ...] = ()
    min_new_tokens: int = 0
    callback: Listener | None = None
    num_beams: int | None = None
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        require_integer(self, "samples", 1, fix="samples=1")
        require_integer(self, "seed", -(2**63), 2**63 - 1, fix="seed=0")
        require_integer(self, "min_new_tokens", 0, self.max_new_tokens, fix="min_new_tokens=0")
        require_number(self, "length_penalty", minimum=0)
        if self.num_beams is not None:
            require_integer(self, "num_beams", 1, fix="num_beams=4")
            self._refuse_draws()

    def _refuse_draws(self) -> None:
        """Refuse a beam search that would also draw, be told of, or give more texts than it has beams.

        Raises:
            UsageError E124: two ways that exclude each other. UsageError E102: more samples than beams.
        """
        assert self.num_beams is not None
        odd = [each.name for each in self.strategies if not isinstance(each, SuppressTokens)]
        odd += ["callback"] * (self.callback is not None)
        if odd:
            raise UsageError(
                "E124", where="generate", first="num_beams", second=odd[0],
                expected="num_beams alone, or draws",
                received=", ".join(["num_beams", *odd]),
                fix=f"num_beams={self.num_beams} without {', '.join(odd)}",
            )  # fmt: skip
        if self.samples > self.num_beams:
            raise UsageError(
                "E102", where="generate", name="samples",
                expected=f"at most {self.num_beams}, as many as num_beams",
                received=self.samples, fix=f"num_beams={self.samples}",
            )  # fmt: skip

    @property
    def rows(self) -> int:
        """How many texts are written side by side: the samples of the first prompt, of the second, ..."""
        return len(self.prompts) * self.samples


def request_of(
    decoder: Decoder,
    prompt: Prompt,
    max_new_tokens: int | None,
    ways: Mapping[str, Any],
    num_beams: int | None = None,
) -> Request:
    """The request of a call.

    Args:
        decoder: the net.
        prompt, max_new_tokens, ways: what ``generate`` was given.
        num_beams: by default none.

    Raises:
        UsageError E101, E102, E113, E124: an option that does not exist, is out of its range, of another
            kind, or excludes another. DataError E363: an empty prompt. ShapeError E229: a prompt longer than
            the context.
    """
    refuse_unknown("generate", ways, Ways.__annotations__)
    plain = {name: ways[name] for name in PLAIN if name in ways}
    inputs = {name: np.asarray(array) for name, array in ways.get("inputs", {}).items()}
    prompts = _prompts(prompt, inputs)
    own = strategies_of({name: ways.get(name) for name in STRATEGIES}, ways.get("strategy", ()))
    return Request(
        prompts, _room(decoder, prompts, max_new_tokens), own, inputs, stop=_stops(ways.get("stop", ())),
        num_beams=ways.get("num_beams", num_beams), **plain,
    )  # fmt: skip


def _prompts(prompt: Prompt, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """The prompts as arrays of their own; one alone serves every row of the other inputs."""
    several = len(prompt) > 0 and np.ndim(prompt[0]) == 1
    arrays = [np.asarray(each) for each in (prompt if several else [prompt])]
    for i, array in enumerate(arrays):
        where = f"generate, prompt {i + 1} of {len(arrays)}" if several else "generate, prompt"
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise UsageError(
                "E113", where=where, name="the prompt", expected="numbers of tokens (T,)",
                received=value_text(prompt), fix="tokenizer.encode(text)",
            )  # fmt: skip
        if not array.size:
            raise UsageError(
                "E102", where=where, name="the prompt", expected="at least 1 token", received="none",
                fix="[2], the token for the beginning of a text",
            )  # fmt: skip
    rows = {len(array) for array in inputs.values()}
    if len(arrays) == 1 and len(rows) == 1:
        arrays *= rows.pop()
    if rows - {len(arrays)}:
        received = ", ".join(f"{name} has {len(array)}" for name, array in inputs.items())
        raise ShapeError(
            "E209", where="generate, inputs", expected=f"{len(arrays)} rows, one for each prompt",
            received=received,
        )  # fmt: skip
    return tuple(array.astype(np.int64) for array in arrays)


def _room(decoder: Decoder, prompts: Sequence[np.ndarray], max_new_tokens: int | None) -> int:
    """How many new tokens there is room for; the last of them is never read, so it needs none."""
    longest = max(len(prompt) for prompt in prompts)
    room = decoder.length - longest + 1
    if max_new_tokens is not None and (type(max_new_tokens) is not int or max_new_tokens < 1):
        raise UsageError(
            "E102", where="generate", name="max_new_tokens", expected="an integer, 1 or more",
            received=value_text(max_new_tokens), fix=f"max_new_tokens={max(1, room)}",
        )  # fmt: skip
    if room < 1 or (max_new_tokens or 1) > room:
        new = "" if max_new_tokens is None else f" and {max_new_tokens} new ones"
        raise ShapeError(
            "E229", where="generate", expected=f"a prompt and new tokens within {decoder.length} places",
            received=f"a prompt of {longest} tokens{new}",
            fix=f"max_new_tokens={room}"
            if room > 0
            else f"only the last {decoder.length} tokens of the prompt",
        )  # fmt: skip
    return max_new_tokens or room


def _stops(stop: Any) -> tuple[int, ...]:
    try:
        return tuple(int(token) for token in stop)
    except (TypeError, ValueError) as cause:
        raise UsageError(
            "E113", where="generate", name="stop", expected="numbers of tokens", received=value_text(stop),
            fix="stop=[3]",
        ) from cause  # fmt: skip
