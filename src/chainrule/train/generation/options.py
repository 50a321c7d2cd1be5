"""What a call of ``generate`` asks for, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from chainrule.errors import ShapeError, UsageError
from chainrule.nn.validation import require_number, require_whole, shown
from chainrule.records import frozen
from chainrule.train.generation.decoder import Decoder
from chainrule.train.generation.strategy import STRATEGIES, Strategy, Without, strategies_of
from chainrule.train.options import refuse_unknown

Prompt = Sequence[int] | np.ndarray | Sequence[Sequence[int]] | Sequence[np.ndarray]
Listener = Callable[[np.ndarray], Any]


class Ways(TypedDict, total=False):
    """How tokens are chosen, and what ends a text; see ``generate``."""

    samples: int
    seed: int
    stop: Sequence[int | str]
    least: int
    inputs: Mapping[str, Any]
    each: Listener | None
    strategy: Sequence[Strategy]
    without: Sequence[int]
    repetition_penalty: float | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    greedy: bool
    beams: int | None
    length_penalty: float


PLAIN = ("samples", "seed", "least", "each", "length_penalty")
"""The ways that a request takes as they are."""


@frozen(eq=False)
class Request:
    """A call of ``generate`` once everything it was given is known to fit together.

    Args:
        prompts: the tokens each text begins with, int64 (T,).
        length: how many new tokens at most.
        strategies: applied to the scores in this order.
        inputs: what is read besides, one row for each prompt.
        samples, seed, stop, least, each, beams, length_penalty: as in ``generate``.
    """

    prompts: tuple[np.ndarray, ...]
    length: int
    strategies: tuple[Strategy, ...]
    inputs: Mapping[str, np.ndarray]
    samples: int = 1
    seed: int = 0
    stop: tuple[int, ...] = ()
    least: int = 0
    each: Listener | None = None
    beams: int | None = None
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        require_whole(self, "samples", 1, fix="samples=1")
        require_whole(self, "seed", -(2**63), 2**63 - 1, fix="seed=0")
        require_whole(self, "least", 0, self.length, fix="least=0")
        require_number(self, "length_penalty", least=0)
        if self.beams is not None:
            require_whole(self, "beams", 1, fix="beams=4")
            self._refuse_draws()

    def _refuse_draws(self) -> None:
        """Refuse a beam search that would also draw, be told of, or give more texts than it has beams.

        Fails:
            UsageError E124: two ways that exclude each other. UsageError E102: more samples than beams.
        """
        assert self.beams is not None
        odd = [each.name for each in self.strategies if not isinstance(each, Without)]
        odd += ["each"] * (self.each is not None)
        if odd:
            raise UsageError(
                "E124", where="generate", first="beams", second=odd[0], expected="beams alone, or draws",
                received=", ".join(["beams", *odd]), fix=f"beams={self.beams} without {', '.join(odd)}",
            )  # fmt: skip
        if self.samples > self.beams:
            raise UsageError(
                "E102", where="generate", name="samples", expected=f"at most {self.beams}, as many as beams",
                received=self.samples, fix=f"beams={self.samples}",
            )  # fmt: skip

    @property
    def rows(self) -> int:
        """How many texts are written side by side: the samples of the first prompt, of the second, ..."""
        return len(self.prompts) * self.samples


def request_of(
    decoder: Decoder, prompt: Prompt, length: int | None, ways: Mapping[str, Any], beams: int | None = None
) -> Request:
    """The request of a call.

    Args:
        decoder: the net.
        prompt, length, ways: what ``generate`` was given.
        beams: by default none.

    Fails:
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
        prompts, _room(decoder, prompts, length), own, inputs, stop=_stops(ways.get("stop", ())),
        beams=ways.get("beams", beams), **plain,
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
                received=shown(prompt), fix="tokenizer.encode(text)",
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


def _room(decoder: Decoder, prompts: Sequence[np.ndarray], length: int | None) -> int:
    """How many new tokens there is room for; the last of them is never read, so it needs none."""
    longest = max(len(prompt) for prompt in prompts)
    room = decoder.length - longest + 1
    if length is not None and (type(length) is not int or length < 1):
        raise UsageError(
            "E102", where="generate", name="length", expected="an integer, 1 or more",
            received=shown(length), fix=f"length={max(1, room)}",
        )  # fmt: skip
    if room < 1 or (length or 1) > room:
        new = "" if length is None else f" and {length} new ones"
        raise ShapeError(
            "E229", where="generate", expected=f"a prompt and new tokens within {decoder.length} places",
            received=f"a prompt of {longest} tokens{new}",
            fix=f"length={room}" if room > 0 else f"only the last {decoder.length} tokens of the prompt",
        )  # fmt: skip
    return length or room


def _stops(stop: Any) -> tuple[int, ...]:
    try:
        return tuple(int(token) for token in stop)
    except (TypeError, ValueError) as cause:
        raise UsageError(
            "E113", where="generate", name="stop", expected="numbers of tokens", received=shown(stop),
            fix="stop=[3]",
        ) from cause  # fmt: skip
