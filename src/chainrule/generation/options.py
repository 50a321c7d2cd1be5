"""The options of ``generate``, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from chainrule.errors import ShapeError, UsageError, fact, join_facts
from chainrule.generation.cached_decoder import Decoder
from chainrule.generation.sampling_strategies import STRATEGIES, Strategy, SuppressTokens, strategies_of
from chainrule.records import frozen
from chainrule.validation import integer, number, out_of_range, random_seed, refuse_unknown, wrong_type

Prompt = Sequence[int] | np.ndarray | Sequence[Sequence[int]] | Sequence[np.ndarray]
StepCallback = Callable[[np.ndarray], Any]


class GenerationOptions(TypedDict, total=False):
    """The options of ``generate``."""

    samples: int
    seed: int
    stop: Sequence[int | str]
    min_new_tokens: int
    inputs: Mapping[str, Any]
    callback: StepCallback | None
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


UNCHANGED = ("samples", "seed", "min_new_tokens", "callback", "length_penalty")
"""The options that a request contains without conversion."""


@frozen(eq=False)
class Request:
    """The checked arguments of a call of ``generate``.

    Args:
        prompts: the first tokens of each sequence, int64 (T,).
        max_new_tokens: maximum number of new tokens.
        strategies: applied to the scores in this order.
        inputs: the other inputs of the network, one row for each prompt.
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
    callback: StepCallback | None = None
    num_beams: int | None = None
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        integer(self.samples, "samples", "generate", minimum=1)
        random_seed(self.seed, "generate")
        integer(self.min_new_tokens, "min_new_tokens", "generate", minimum=0, maximum=self.max_new_tokens)
        number(self.length_penalty, "length_penalty", "generate", minimum=0)
        if self.num_beams is not None:
            integer(self.num_beams, "num_beams", "generate", minimum=1, example=4)
            self._check_beam_search()

    def _check_beam_search(self) -> None:
        """Check that no sampling options or callback are combined with beam search.

        Raises:
            UsageError E124: options that exclude each other. UsageError E102: more samples than beams.
        """
        assert self.num_beams is not None
        excluded = [s.name for s in self.strategies if not isinstance(s, SuppressTokens)]
        excluded += ["callback"] * (self.callback is not None)
        if excluded:
            raise UsageError(
                "E124",
                where="generate",
                first="num_beams",
                second=excluded[0],
                expected=fact("num_beams alone, or sampling"),
                received=", ".join(["num_beams", *excluded]),
                fix="num_beams=None",
            )
        if self.samples > self.num_beams:
            expected = fact("at most {num_beams}, as many as num_beams", num_beams=self.num_beams)
            raise out_of_range(self.samples, "samples", "generate", expected, fix=f"num_beams={self.samples}")

    @property
    def rows(self) -> int:
        """Number of sequences: the samples of the first prompt, of the second, ..."""
        return len(self.prompts) * self.samples


def checked_request(
    decoder: Decoder,
    prompt: Prompt,
    max_new_tokens: int | None,
    options: Mapping[str, Any],
    num_beams: int | None = None,
) -> Request:
    """Return the checked arguments of a call.

    Args:
        prompt, max_new_tokens, options: the arguments of ``generate``.
        num_beams: the default of this option.

    Raises:
        UsageError E101, E102, E113, E124: an option that does not exist, is out of range, of another type, or
            excludes another; an empty prompt. ShapeError E229: a prompt longer than the context.
    """
    refuse_unknown("generate", options, GenerationOptions.__annotations__)
    unchanged = {name: options[name] for name in UNCHANGED if name in options}
    inputs = {name: np.asarray(array) for name, array in options.get("inputs", {}).items()}
    prompts = _prompts(prompt, inputs)
    strategies = strategies_of({name: options.get(name) for name in STRATEGIES}, options.get("strategy", ()))
    return Request(
        prompts,
        _max_new_tokens(decoder, prompts, max_new_tokens),
        strategies,
        inputs,
        stop=_stop_tokens(options.get("stop", ())),
        num_beams=options.get("num_beams", num_beams),
        **unchanged,
    )


def _prompts(prompt: Prompt, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return the prompts as arrays; a single prompt is repeated for every row of the other inputs."""
    several = len(prompt) > 0 and np.ndim(prompt[0]) == 1
    arrays = [np.asarray(tokens) for tokens in (prompt if several else [prompt])]
    for i, array in enumerate(arrays):
        where = f"generate, prompt {i + 1} of {len(arrays)}" if several else "generate, prompt"
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise wrong_type(prompt, "the prompt", where, fact("token ids (T,)"), "tokenizer.encode(text)")
        if not array.size:
            raise out_of_range(
                fact("none"), "the prompt", where, fact("at least 1 token"), fix=fact("[2], the start token")
            )
    rows = {len(array) for array in inputs.values()}
    if len(arrays) == 1 and len(rows) == 1:
        arrays *= rows.pop()
    if rows - {len(arrays)}:
        received = join_facts(
            ", ", (fact("{name} has {count}", name=name, count=len(array)) for name, array in inputs.items())
        )
        expected = fact("{rows} rows, one for each prompt", rows=len(arrays))
        raise ShapeError("E209", where="generate, inputs", expected=expected, received=received)
    return tuple(array.astype(np.int64) for array in arrays)


def _max_new_tokens(decoder: Decoder, prompts: Sequence[np.ndarray], max_new_tokens: int | None) -> int:
    """Return the maximum number of new tokens, by default as many as fit; the last is never read."""
    longest = max(len(prompt) for prompt in prompts)
    available = decoder.length - longest + 1
    if max_new_tokens is not None:
        high = max(1, available)
        max_new_tokens = integer(max_new_tokens, "max_new_tokens", "generate", minimum=1, example=high)
    if available < 1 or (max_new_tokens or 1) > available:
        received = fact("a prompt of {count} tokens", count=longest)
        if max_new_tokens is not None:
            received = fact(
                "a prompt of {count} tokens and {new} new ones", count=longest, new=max_new_tokens
            )
        expected = fact("at most {length} tokens, prompt and new ones", length=decoder.length)
        fix = (
            f"max_new_tokens={available}"
            if available > 0
            else fact("only the last {length} tokens of the prompt", length=decoder.length)
        )
        raise ShapeError("E229", where="generate", expected=expected, received=received, fix=fix)
    return max_new_tokens or available


def _stop_tokens(stop: Any) -> tuple[int, ...]:
    try:
        return tuple(int(token) for token in stop)
    except (TypeError, ValueError) as cause:
        raise wrong_type(stop, "stop", "generate", fact("token ids"), "stop=[3]") from cause
