"""Texts from a model that has a tokenizer: letters in, letters out.

The sequences such a model learned from begin with the token ``BEGIN`` and end with ``END``, as
``tokenizer.encode(text, ends=True)`` makes them; so a text begins with ``BEGIN`` and the prompt, and ``END``
ends it. (A model that learned from pieces of one long text never saw ``BEGIN``: ``begin=False``.) A net that
reads one sequence and writes another gets the text as its ``source``, filled up with ``PAD`` to the length it
learned with, and beside it ``source_mask``, true at the text's tokens, if it has such an input; what it
writes begins with ``BEGIN`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Unpack
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.data.sequences.tokenizer import BEGIN, END, PAD, UNKNOWN, Tokenizer
from chainrule.errors import DataError, UsageError
from chainrule.nn.validation import value_text
from chainrule.records import frozen
from chainrule.spec import Spec, bound
from chainrule.train.generation.decoder import Decoder
from chainrule.train.generation.generator import generate, stream_tokens
from chainrule.train.generation.options import Ways
from chainrule.train.model_state import ModelState

_DECODERS: WeakKeyDictionary[ModelState, Decoder] = WeakKeyDictionary()
NEVER = (PAD, UNKNOWN, BEGIN)
"""Tokens that are no text and end none."""


class TextWays(Ways, total=False):
    """How a text is written; as ``Ways``, but ``stop`` may also be texts of one token, such as ``"。"``."""

    begin: bool


@frozen(eq=False)
class Task:
    """A text that is to be written, as tokens.

    Args:
        decoder: the model's.
        tokenizer: of what is written.
        prompt: what is written already.
        ways: the options of ``generate``.
    """

    decoder: Decoder
    tokenizer: Tokenizer
    prompt: np.ndarray
    ways: Any

    @property
    def told(self) -> np.ndarray:
        """The part of the prompt that belongs to the text; of a translation, none."""
        return self.prompt[self.prompt != BEGIN]


def generate_text(
    model: ModelState, text: str = "", max_new_tokens: int | None = None, **ways: Unpack[TextWays]
) -> str | list[str]:
    """A text that a model writes; see ``Model.generate``."""
    task = _task(model, text, ways)
    found = generate(task.decoder, task.prompt, max_new_tokens, **task.ways)
    texts = [task.tokenizer.decode([*task.told, *each.tokens]) for each in found]
    return texts if ways.get("samples", 1) != 1 else texts[0]


def stream_text(
    model: ModelState, text: str = "", max_new_tokens: int | None = None, **ways: Unpack[TextWays]
) -> Iterator[str]:
    """The pieces of a text as they come; see ``Model.stream``.

    A character may take several tokens of byte pairs: a piece is held back until it is whole.
    """
    if ways.get("samples", 1) != 1:
        raise UsageError(
            "E102", where="stream", name="samples", expected="1: one text is told as it comes",
            received=value_text(ways.get("samples")), fix="model.generate(..., samples=3)",
        )  # fmt: skip
    task = _task(model, text, ways)
    steps = stream_tokens(task.decoder, task.prompt, max_new_tokens, **task.ways)
    return _pieces(task, steps)


def _pieces(task: Task, steps: Iterator[np.ndarray]) -> Iterator[str]:
    """The text of the prompt, and then what each token adds to it."""
    tokens = task.told.tolist()
    said = task.tokenizer.decode(tokens)
    yield said
    for step in steps:
        tokens.append(int(step[0]))
        now = task.tokenizer.decode(tokens)
        if not now.endswith("\ufffd"):  # the middle of a character
            yield now[len(said) :]
            said = now


def decoder_of(model: ModelState) -> Decoder:
    """What runs a model token by token; kept as long as the model's state.

    Raises:
        UsageError E126: the model has learned nothing yet, or its inputs are no sequences of tokens.
    """
    kept = _DECODERS.get(model)
    if kept is not None:
        return kept
    specs = {} if model.network is None else dict(model.network.inputs)
    written = "target" if "target" in specs else next(iter(specs), "")
    spec = specs.get(written, Spec((), "int64"))
    if spec.rank != 2 or [target.output.rank for target in model.targets.values()] != [3]:
        raise UsageError(
            "E126", where="generate", expected="a trained model of sequences of tokens (B, T)",
            received=", ".join(f"{name} {each}" for name, each in specs.items()) or "an untrained model",
            fix="model.fit(x, y)  # x (N, T) tokens, y (N, T) the token after each",
        )  # fmt: skip
    length = bound(spec.shape[1:])[0]
    limits = None if model.network is None else model.network.limits
    decoder = Decoder(
        model.recipe.net, model.arrays, specs, length, written, engine=model.engine, limits=limits
    )
    _DECODERS[model] = decoder
    return decoder


def _task(model: ModelState, text: str, ways: TextWays) -> Task:
    """A call as tokens.

    Raises:
        UsageError E126: no tokenizer. DataError E365: a prompt with characters the model does not know.
        DataError E363, E364: nothing to begin with; a source longer than the model reads.
    """
    if not model.tokenizers:
        raise UsageError(
            "E126", where="generate", expected="a model made with tokenizer=...", received="no tokenizer",
            fix='cr.Model(net, "cross_entropy", tokenizer=tokenizer)',
        )  # fmt: skip
    decoder = decoder_of(model)
    tokenizer = _tokenizer(model, decoder.written)
    options: dict[str, Any] = dict(ways)
    begins = options.pop("begin", True)
    start = [BEGIN] if begins else []
    options["stop"] = [END, *_stops(tokenizer, options.get("stop", ()))]
    options["suppress_tokens"] = [*NEVER, *(options.get("suppress_tokens") or ())]
    if "source" in decoder.inputs:
        options["inputs"] = _source(decoder, _tokenizer(model, "source"), text) | options.get("inputs", {})
        return Task(decoder, tokenizer, np.array([BEGIN]), options)
    prompt = np.array([*start, *tokenizer.encode(text, unknown=False)], np.int64)
    if not len(prompt):
        raise DataError("E363", where="generate, text", expected="at least 1 token", received="none")
    return Task(decoder, tokenizer, prompt, options)


def _tokenizer(model: ModelState, name: str) -> Tokenizer:
    """The tokenizer of an input: its own, or the one for all.

    Raises:
        UsageError E126: it has none.
    """
    found = model.tokenizers.get(name) or model.tokenizers.get("")
    if found is None:
        raise UsageError(
            "E126", where="generate", expected=f'a tokenizer for the input "{name}"',
            received=", ".join(model.tokenizers), fix=f'tokenizer={{"{name}": ..., ...}}',
        )  # fmt: skip
    return found


def _stops(tokenizer: Tokenizer, stop: Any) -> list[int]:
    """The numbers of tokens that end a text, given as numbers or as texts.

    Raises:
        UsageError E102: a text that is not one token.
    """
    given: Sequence[Any] = [stop] if isinstance(stop, str) else stop
    numbers = []
    for each in given:
        found = tokenizer.encode(each, unknown=False) if isinstance(each, str) else [each]
        if len(found) != 1:
            raise UsageError(
                "E102", where="generate", name="stop", expected="texts of one token each",
                received=value_text(each), fix='stop=["。"]',
            )  # fmt: skip
        numbers.append(int(found[0]))
    return numbers


def _source(decoder: Decoder, tokenizer: Tokenizer, text: str) -> dict[str, np.ndarray]:
    """What a net reads before it writes: (1, T), and where its tokens are.

    Raises:
        DataError E364: a text longer than the net reads.
    """
    numbers = tokenizer.encode(text, ends=True)
    room = bound(decoder.inputs["source"].shape[1:])[0]
    if len(numbers) > room:
        raise DataError(
            "E364", where="generate, text", expected=f"at most {room} tokens, its ends included",
            received=f"{len(numbers)} tokens",
        )  # fmt: skip
    source = np.pad(numbers, (0, room - len(numbers)), constant_values=PAD)[None]  # (T,) -> (1, T)
    inputs = {"source": source}
    if "source_mask" in decoder.inputs:
        inputs["source_mask"] = np.arange(room)[None] < len(numbers)
    return inputs
