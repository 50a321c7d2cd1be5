"""Decoder: runs a network token by token, with a cache of keys and values.

``chainrule.nn.incremental_decoding`` describes what is cached and why this is sufficient. Two programs are
compiled, independent of the length of the sequences: one for a single new token, one for a *chunk* of tokens,
with which prompts are processed; an incomplete chunk is padded.

    decoder = cr.Decoder(network, model.parameters(), {"x": tokens}, length=256)
    cache = decoder.begin(rows=1)
    scores = decoder.feed(prompt, cache)[:, -1]                 # (1, T) -> (1, vocabulary)
    while not done:
        token = scores.argmax(-1)                               # or sampled, or the best of a beam
        scores = decoder.feed(token[:, None], cache)[:, -1]

Beam search gathers the rows of the cache with ``cache.rows(parents)``, which may repeat or omit rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.engines.dispatch import Program, compile, evaluate
from chainrule.errors import ShapeError, UsageError, fact
from chainrule.graph import Graph, Limits, building
from chainrule.memoization import cached_property
from chainrule.nn.build import Built, build
from chainrule.nn.incremental_decoding import FILLED, BuiltDecoding, build_decoding
from chainrule.nn.layer import Layer
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.symbolic_shape import Spec, bound, shape_text
from chainrule.validation import require_choice, require_integer

ONE = np.ones(1, np.int64)


@dataclass
class Cache:
    """The state of a decoder for a batch of sequences, one in each row. ``Decoder.feed`` extends it in place.

    Args:
        entries: keys or values of the previous tokens, by path, (rows, ..., length, C).
        filled: (rows,) number of tokens of each row.
        constants: values that do not change during the generation, by name.
    """

    entries: dict[str, np.ndarray]
    filled: np.ndarray
    constants: dict[str, np.ndarray]

    def rows(self, indices: Sequence[int] | np.ndarray) -> Cache:
        """Return a copy with the rows of these indices, in this order; rows may be repeated.

        Args:
            indices: numbers of rows, from 0.

        Example:
            >>> cache = Cache({"keys": np.arange(6.0).reshape(2, 3, 1)}, np.array([3, 1]), {})
            >>> cache.rows([1, 1, 0]).filled.tolist()
            [1, 1, 3]
        """
        entries = {path: array[indices] for path, array in self.entries.items()}
        constants = {name: array[indices] for name, array in self.constants.items()}
        return Cache(entries, self.filled[indices], constants)


@frozen(eq=False)
class Decoder:
    """Token-by-token evaluation of a causal network, without recomputing the previous tokens.

    Every layer must be causal: attention with ``causal=True``, positions, and layers that process each
    position independently. Other inputs, such as a sentence to translate, are passed to ``begin``, and the
    part of the network that depends only on them is computed once.

    Args:
        net: the complete network, with one output (B, T, ...).
        parameters: all parameters and running statistics by path, as from ``model.parameters()``.
        inputs: shape and dtype of each input; the second axis of the decoder input may have any length.
        length: maximum number of tokens of a sequence.
        decoder_input: the input that grows; by default the only one, or ``"target"``.
        chunk: number of prompt tokens that are processed at once.
        engine: by default that of the settings.
        limits: of the file that the network comes from; they apply to its graphs.

    Cost: a token costs its matrix products with the weights, and one pass over the cache of each attention,
        whose size is ``length``.

    Raises:
        UsageError E101, E102: no such input; a length or chunk below 1.
        UsageError E223: a layer that is not causal or does not support decoding. The first ``begin`` checks
            this on three tokens.

    Reference: Pope et al. (2023), Efficiently scaling Transformer inference (MLSys).
    """

    net: Layer
    parameters: Mapping[str, np.ndarray]
    inputs: Mapping[str, Spec]
    length: int
    decoder_input: str = ""
    chunk: int = 16
    engine: str | None = None
    limits: Limits | None = None

    def __post_init__(self) -> None:
        require_integer(self, "length", 1, fix="length=256")
        require_integer(self, "chunk", 1, fix="chunk=16")
        if not self.decoder_input:
            only = next(iter(self.inputs), "") if len(self.inputs) == 1 else "target"
            object.__setattr__(self, "decoder_input", only)
        require_choice(self, "decoder_input", self.inputs)

    @cached_property
    def single(self) -> DecodingProgram:
        """The program for a single new token."""
        return DecodingProgram(self, 1)

    @cached_property
    def chunked(self) -> DecodingProgram:
        """The program for a chunk of new tokens."""
        return DecodingProgram(self, self.chunk)

    def begin(self, rows: int, **others: np.ndarray) -> Cache:
        """Return an empty cache.

        Args:
            rows: number of sequences in the batch.
            others: the other inputs by name, one row for each sequence.

        Raises:
            UsageError E101: a missing or unknown input. UsageError E223: a layer that is not causal.
            ShapeError E209: an input that does not fit.
        """
        self._check_inputs(others)
        if rows:
            self._check_causality({name: np.asarray(a)[:1] for name, a in others.items()})
        return self._empty_cache(rows, others)

    def _empty_cache(self, rows: int, others: Mapping[str, np.ndarray]) -> Cache:
        """Return an empty cache, without the checks of ``begin``."""
        arrays = {name: np.asarray(a, self.inputs[name].dtype) for name, a in others.items()}
        memory, constants = self.single.built.memory, dict(arrays)
        if memory.sources:
            sources = Graph(dict(memory.sources))
            if FILLED in sources.inputs:
                raise UsageError(
                    "E223",
                    where="Decoder",
                    op=type(self.net).__name__,
                    expected=fact("other inputs whose positions do not depend on the decoder input"),
                    received=fact("one position layer for both"),
                    fix=fact("the positions inside the encoder: rotary=True in its blocks"),
                )
            constants |= _run(compile(sources, self.engine), {**self.parameters, **arrays})
        entries = {
            path: np.zeros((rows, *bound(node.shape[1:])), node.dtype) for path, node in memory.caches.items()
        }
        return Cache(entries, np.zeros(rows, np.int64), constants)

    def _check_inputs(self, others: Mapping[str, np.ndarray]) -> None:
        """Check the names of the inputs other than the decoder input."""
        names = [name for name in self.inputs if name != self.decoder_input]
        missing = [fact('"{name}" is missing', name=name) for name in names if name not in others]
        wrong = [name for name in (*names, *others) if name not in others or name not in names]
        if wrong:
            raise UsageError(
                "E101",
                where="Decoder.begin",
                name=wrong[0],
                expected=", ".join(names) or fact("no other input"),
                received=", ".join(others) or fact("none"),
                notes=missing,
                fix=f"decoder.begin(rows, {', '.join(f'{name}=...' for name in names)})",
            )

    def _check_causality(self, others: Mapping[str, np.ndarray]) -> None:
        """Check once, on three tokens, that decoding token by token equals the complete network.

        Attention states whether it is causal. A convolution along the sequence or a custom layer does not:
        its outputs show it. The reference implementation computes them, so that nothing is compiled.

        Raises:
            UsageError E223: the outputs differ.
        """
        count = min(3, self.length)
        if "causality" in self._passed or count == 1:
            return
        reference = replace(self, engine="reference")
        cache = reference._empty_cache(1, others)
        spec = self.inputs[self.decoder_input]
        specs = {**self.inputs, self.decoder_input: spec.with_shape((spec.shape[0], count, *spec.shape[2:]))}
        with building(self.limits):
            built = build(self.net, specs, self.dtype)
        tokens = self._example_tokens(built, count)
        arrays = {name: np.asarray(a, self.inputs[name].dtype) for name, a in others.items()}
        inputs = {self.decoder_input: tokens, **arrays, **self._variables(built)}
        expected = evaluate(built.output, inputs, "reference")
        steps = [reference.single.run(tokens[:, i : i + 1], cache, ONE) for i in range(count)]
        actual = np.concatenate(steps, 1)
        tolerance = 1e-3 * max(1.0, float(np.abs(expected).max()))
        if np.isnan(expected).any():
            return  # NaN does not show whether the layers are causal
        if actual.shape != expected.shape or not np.allclose(actual, expected, atol=tolerance):
            expected = fact("causal layers")
            received = fact("outputs that change when previous tokens come from the cache")
            raise UsageError(
                "E223", where="Decoder", op=type(self.net).__name__, expected=expected, received=received
            )
        self._passed.add("causality")

    @cached_property
    def _passed(self) -> set[str]:
        """The names of the checks that have passed."""
        return set()

    @property
    def dtype(self) -> str:
        """The dtype of the parameters."""
        return next((a.dtype.name for a in self.parameters.values()), settings.dtype)

    def _variables(self, built: Built) -> dict[str, np.ndarray]:
        """Return the parameters and running statistics of a built network."""
        paths = (*built.parameters, *built.states)
        return {path: self.parameters[path] for path in paths if path in self.parameters}

    def _example_tokens(self, built: Built, count: int) -> np.ndarray:
        """Return arbitrary tokens (1, count), or vectors (1, count, C)."""
        spec = self.inputs[self.decoder_input]
        if spec.is_float:
            shape = (1, count, *bound(spec.shape[2:]))
            return np.cos(np.arange(math.prod(shape))).reshape(shape).astype(spec.dtype)
        tables = [rows for (_, name), rows in built.book.tables.items() if name == self.decoder_input]
        return ((np.arange(count) + 1) % min(tables, default=1)).astype(spec.dtype)[None]

    def feed(
        self, tokens: np.ndarray, cache: Cache, lengths: Sequence[int] | np.ndarray | None = None
    ) -> np.ndarray:
        """Compute the outputs for new tokens and add them to the cache.

        Args:
            tokens: (rows, T), or vectors (rows, T, C).
            cache: of the previous tokens.
            lengths: (rows,) number of valid tokens of each row; by default all. Outputs beyond are undefined.

        Returns:
            the outputs of the network, (rows, T, ...).

        Raises:
            ShapeError E209: tokens that do not fit the input or the rows of the cache.
            ShapeError E225: more tokens than fit into the cache; none is added then.
        """
        tokens = np.asarray(tokens, self.inputs[self.decoder_input].dtype)
        valid = self._valid_lengths(tokens, cache, lengths)
        outputs, count, start = [], tokens.shape[1], 0
        while start < count:
            program = self.single if count - start == 1 else self.chunked
            part = tokens[:, start : start + program.width]
            outputs.append(program.run(part, cache, np.clip(valid - start, 0, part.shape[1])))
            start += part.shape[1]
        return np.concatenate(outputs, 1)

    def _valid_lengths(self, tokens: np.ndarray, cache: Cache, lengths: Any) -> np.ndarray:
        """Return the number of valid new tokens of each row, checked."""
        rows, spec = len(cache.filled), self.inputs[self.decoder_input]
        count = tokens.shape[1] if tokens.ndim > 1 else 0
        valid = np.full(rows, count) if lengths is None else np.asarray(lengths, np.int64)
        fits = tokens.ndim == spec.rank and tokens.shape[2:] == bound(spec.shape[2:]) and count > 0
        in_range = valid.shape == (rows,) and ((valid >= 0) & (valid <= count)).all()
        if not fits or len(tokens) != rows or not in_range:
            shape = ", ".join(map(str, (rows, "T", *spec.shape[2:])))
            received = f"{shape_text(tokens.shape)}, {valid.tolist()}"
            expected = fact("({shape}), T at least 1; lengths 0 to T, one for each row", shape=shape)
            raise ShapeError("E209", where="Decoder.feed", received=received, expected=expected)
        longest = int(np.max(cache.filled + valid, initial=0))
        if longest > self.length:
            expected = fact("at most {length} tokens in a row", length=self.length)
            received = fact(
                "{count} tokens in row {row}", count=longest, row=int(np.argmax(cache.filled + valid))
            )
            fix = f"cr.Decoder(..., length={longest})"
            raise ShapeError("E225", where="Decoder.feed", expected=expected, received=received, fix=fix)
        return valid


class DecodingProgram:
    """A network compiled for a fixed number of new tokens.

    Args:
        decoder: the network and the maximum length.
        width: number of new tokens.
    """

    def __init__(self, decoder: Decoder, width: int) -> None:
        self.decoder, self.width = decoder, width
        spec, name = decoder.inputs[decoder.decoder_input], decoder.decoder_input
        specs = {**decoder.inputs, name: spec.with_shape((spec.shape[0], width, *spec.shape[2:]))}
        with building(decoder.limits):
            self.built: BuiltDecoding = build_decoding(decoder.net, specs, decoder.length, decoder.dtype)
        entries = {f"new {path}": node for path, node in self.built.memory.entries.items()}
        self.program = compile(Graph({"output": self.built.output, **entries}), decoder.engine)

    def run(self, tokens: np.ndarray, cache: Cache, valid: np.ndarray) -> np.ndarray:
        """Return the outputs for tokens (rows, T), or vectors; adds the first ``valid`` to the cache."""
        count = tokens.shape[1]
        if count < self.width:
            padding = [(0, 0)] * tokens.ndim
            padding[1] = (0, self.width - count)
            tokens = np.pad(tokens, padding)
        inputs = {self.decoder.decoder_input: tokens, FILLED: cache.filled}
        arrays = {**self.decoder.parameters, **cache.constants, **cache.entries, **inputs}
        results = _run(self.program, arrays)
        for path, array in cache.entries.items():
            _append(array, results[f"new {path}"], cache.filled, valid)
        cache.filled += valid
        return results["output"][:, :count]


def _run(program: Program, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run a program with those of the arrays that are its inputs."""
    return program.run({name: arrays[name] for name in program.graph.inputs if name in arrays})


def _append(cache: np.ndarray, new: np.ndarray, filled: np.ndarray, valid: np.ndarray) -> None:
    """Write the entries of the valid new tokens after the filled ones of each row, along the axis -2."""
    if len(cache) and (filled == filled[0]).all() and (valid == valid[0]).all():
        cache[..., filled[0] : filled[0] + valid[0], :] = new[..., : valid[0], :]
        return
    for row, (start, count) in enumerate(zip(filled, valid, strict=True)):
        cache[row, ..., start : start + count, :] = new[row, ..., :count, :]
