"""Text generation with a model that has a tokenizer: text in, text out.

The training sequences of such a model start with the token ``BEGIN`` and end with ``END``, as from
``tokenizer.encode(text, ends=True)``. Generation therefore starts with ``BEGIN`` and the prompt, and stops at
``END``. (Pass ``begin=False`` for a model trained on windows of one long text, which do not contain
``BEGIN``.) An encoder-decoder network receives the text as its input ``source``, padded with ``PAD`` to the
length of training, and, if it has this input, ``source_mask``, which is true at the tokens of the text; its
output starts with ``BEGIN`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Unpack
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.data.sequences.tokenizer import BEGIN, END, PAD, UNKNOWN, Tokenizer
from chainrule.errors import DataError, UsageError, fact
from chainrule.generation.cached_decoder import Decoder
from chainrule.generation.options import GenerationOptions
from chainrule.generation.sampling_and_beam_search import generate, stream_tokens
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, bound
from chainrule.train.model_state import ModelState
from chainrule.validation import out_of_range

_DECODERS: WeakKeyDictionary[ModelState, Decoder] = WeakKeyDictionary()
NO_TEXT = (PAD, UNKNOWN, BEGIN)
"""Special tokens that are never generated."""


class TextOptions(GenerationOptions, total=False):
    """The options of ``Model.generate``; ``stop`` may also contain texts of one token, such as ``"。"``."""

    begin: bool


@frozen(eq=False)
class TextRequest:
    """A call of ``generate_text`` with its tokens.

    Args:
        tokenizer: of the generated text.
        prompt: the tokens of the prompt (T,).
        options: of ``generate``.
    """

    decoder: Decoder
    tokenizer: Tokenizer
    prompt: np.ndarray
    options: Any

    @property
    def text_tokens(self) -> np.ndarray:
        """The tokens of the prompt that are part of the text; none for a translation."""
        return self.prompt[self.prompt != BEGIN]


def generate_text(
    model: ModelState, text: str = "", max_new_tokens: int | None = None, **options: Unpack[TextOptions]
) -> str | list[str]:
    """Generate text; see ``Model.generate``."""
    request = _request(model, text, options)
    samples = generate(request.decoder, request.prompt, max_new_tokens, **request.options)
    texts = [request.tokenizer.decode([*request.text_tokens, *sample.tokens]) for sample in samples]
    return texts if options.get("samples", 1) != 1 else texts[0]


def stream_text(
    model: ModelState, text: str = "", max_new_tokens: int | None = None, **options: Unpack[TextOptions]
) -> Iterator[str]:
    """Yield the pieces of a text while it is generated; see ``Model.stream``.

    A character may consist of several byte-pair tokens: its piece is yielded once it is complete.
    """
    if options.get("samples", 1) != 1:
        value = options.get("samples")
        expected = fact("1, the only number that can be streamed")
        raise out_of_range(value, "samples", "stream", expected, fix="model.generate(..., samples=3)")
    request = _request(model, text, options)
    steps = stream_tokens(request.decoder, request.prompt, max_new_tokens, **request.options)
    return _pieces(request, steps)


def _pieces(request: TextRequest, steps: Iterator[np.ndarray]) -> Iterator[str]:
    """Yield the text of the prompt, and then what each token adds to it."""
    tokens = request.text_tokens.tolist()
    emitted = request.tokenizer.decode(tokens)
    yield emitted
    for step in steps:
        tokens.append(int(step[0]))
        text = request.tokenizer.decode(tokens)
        if not text.endswith("\ufffd"):  # an incomplete character
            yield text[len(emitted) :]
            emitted = text


def decoder_of(model: ModelState) -> Decoder:
    """Return the decoder of a model, cached as long as the state exists.

    Raises:
        UsageError E126: the model is not trained, or its inputs are not sequences of tokens.
    """
    cached = _DECODERS.get(model)
    if cached is not None:
        return cached
    specs = {} if model.network is None else dict(model.network.inputs)
    decoder_input = "target" if "target" in specs else next(iter(specs), "")
    spec = specs.get(decoder_input, Spec((), "int64"))
    if spec.rank != 2 or [target.output.rank for target in model.targets.values()] != [3]:
        expected = fact("a trained model of sequences of tokens (B, T)")
        received = ", ".join(f"{name} {spec}" for name, spec in specs.items()) or fact("an untrained model")
        fix = fact("model.fit(x, y)  # x (N, T) tokens, y (N, T) the token after each")
        raise UsageError("E126", where="generate", expected=expected, received=received, fix=fix)
    length = bound(spec.shape[1:])[0]
    limits = None if model.network is None else model.network.limits
    decoder = Decoder(
        model.recipe.net, model.arrays, specs, length, decoder_input, engine=model.engine, limits=limits
    )
    _DECODERS[model] = decoder
    return decoder


def _request(model: ModelState, text: str, options: TextOptions) -> TextRequest:
    """Return the request of a call.

    Raises:
        UsageError E126: no tokenizer. DataError E365: a prompt with characters outside the vocabulary.
        DataError E363, E364: an empty prompt; a source longer than the input of the model.
    """
    if not model.tokenizers:
        expected = fact("a model created with tokenizer=...")
        fix = 'cr.Model(network, "cross_entropy", tokenizer=tokenizer)'
        raise UsageError("E126", where="generate", expected=expected, received=fact("no tokenizer"), fix=fix)
    decoder = decoder_of(model)
    tokenizer = _tokenizer(model, decoder.decoder_input)
    arguments: dict[str, Any] = dict(options)
    start = [BEGIN] if arguments.pop("begin", True) else []
    arguments["stop"] = [END, *_stop_tokens(tokenizer, arguments.get("stop", ()))]
    arguments["suppress_tokens"] = [*NO_TEXT, *(arguments.get("suppress_tokens") or ())]
    if "source" in decoder.inputs:
        source = _source(decoder, _tokenizer(model, "source"), text)
        arguments["inputs"] = source | arguments.get("inputs", {})
        return TextRequest(decoder, tokenizer, np.array([BEGIN]), arguments)
    prompt = np.array([*start, *tokenizer.encode(text, unknown=False)], np.int64)
    if not len(prompt):
        raise DataError(
            "E363", where="generate, text", expected=fact("at least 1 token"), received=fact("none")
        )
    return TextRequest(decoder, tokenizer, prompt, arguments)


def _tokenizer(model: ModelState, name: str) -> Tokenizer:
    """Return the tokenizer of an input, or the one of all inputs; raises E126 if there is none."""
    tokenizer = model.tokenizers.get(name) or model.tokenizers.get("")
    if tokenizer is None:
        expected = fact('a tokenizer for the input "{name}"', name=name)
        received = ", ".join(model.tokenizers)
        fix = f'tokenizer={{"{name}": ..., ...}}'
        raise UsageError("E126", where="generate", expected=expected, received=received, fix=fix)
    return tokenizer


def _stop_tokens(tokenizer: Tokenizer, stop: Any) -> list[int]:
    """Return the ids of the stop tokens, from ids or texts; E102: a text that is not a single token."""
    items: Sequence[Any] = [stop] if isinstance(stop, str) else stop
    ids = []
    for item in items:
        tokens = tokenizer.encode(item, unknown=False) if isinstance(item, str) else [item]
        if len(tokens) != 1:
            raise out_of_range(item, "stop", "generate", fact("texts of one token each"), fix='stop=["。"]')
        ids.append(int(tokens[0]))
    return ids


def _source(decoder: Decoder, tokenizer: Tokenizer, text: str) -> dict[str, np.ndarray]:
    """Return the padded tokens (1, T) for the encoder, and their mask if it is an input.

    Raises:
        DataError E363, E364: an empty text; one that is too long.
    """
    if not text.strip():
        expected, received = fact("at least 1 token"), fact("an empty text")
        raise DataError("E363", where="generate, text", expected=expected, received=received)
    ids = tokenizer.encode(text, ends=True)
    length = bound(decoder.inputs["source"].shape[1:])[0]
    if len(ids) > length:
        expected = fact("at most {length} tokens, start and end included", length=length)
        received = fact("{count} tokens", count=len(ids))
        raise DataError("E364", where="generate, text", expected=expected, received=received)
    source = np.pad(ids, (0, length - len(ids)), constant_values=PAD)[None]  # (T,) -> (1, T)
    inputs = {"source": source}
    if "source_mask" in decoder.inputs:
        inputs["source_mask"] = np.arange(length)[None] < len(ids)
    return inputs
