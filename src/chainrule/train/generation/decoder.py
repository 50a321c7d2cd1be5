"""A net that writes: run word by word, with a cache of what its attentions need of the words before.

``chainrule.nn.incremental_decoding`` says what is remembered and why that is enough; here it is run. Two
programs are made, once, whatever the length of the texts: one for a single new word, one for a *chunk* of
them, with which a prompt is read; a chunk that is not full ends in words that nobody looks at.

    decoder = cr.Decoder(net, model.parameters(), {"x": words}, length=256)
    cache = decoder.begin(rows=1)
    scores = decoder.feed(prompt, cache)[:, -1]                 # (1, T) -> (1, vocabulary)
    while not done:
        word = scores.argmax(-1)                                # or drawn, or the best of a beam
        scores = decoder.feed(word[:, None], cache)[:, -1]

A beam search reorders its rows with ``cache.rows(parents)``, which may also repeat or drop some.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.engines.dispatch import Program, compile, evaluate
from chainrule.errors import ShapeError, UsageError
from chainrule.graph import Graph, Limits, building
from chainrule.nn.build import Built, build
from chainrule.nn.incremental_decoding import FILLED, BuiltDecoding, build_decoding
from chainrule.nn.layer import Layer
from chainrule.nn.validation import require_integer
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.spec import Spec, bound, shape_text

ONE = np.ones(1, np.int64)


@dataclass
class Cache:
    """What a decoder remembers of some texts, one a row. ``Decoder.feed`` adds to it.

    Args:
        words: for each path the keys or values, (rows, ..., length, C).
        filled: how many words of each row there are.
        kept: what was computed or given once and stays, by name.
    """

    words: dict[str, np.ndarray]
    filled: np.ndarray
    kept: dict[str, np.ndarray]

    def rows(self, chosen: Sequence[int] | np.ndarray) -> Cache:
        """A cache of these rows, in this order; a row may come more than once. Nothing is shared.

        Example:
            >>> cache = Cache({"keys": np.arange(6.0).reshape(2, 3, 1)}, np.array([3, 1]), {})
            >>> cache.rows([1, 1, 0]).filled.tolist()
            [1, 1, 3]
        """
        words, kept = ({path: a[chosen] for path, a in held.items()} for held in (self.words, self.kept))
        return Cache(words, self.filled[chosen], kept)


@frozen(eq=False)
class Decoder:
    """Runs a net word by word: each new word costs one word, whatever stands before it.

    Every layer of the net must look only backwards: attention with ``causal=True``, positions, and layers
    that treat each place alone. What is read besides, such as a sentence to translate, is handed to
    ``begin``, and what the net makes of it is computed once.

    Args:
        net: the whole net; it gives one answer, (B, T, ...).
        parameters: every parameter and running value by path, as ``model.parameters()`` gives them.
        inputs: shape and number kind of each input; of the written one the second axis counts for nothing.
        length: how many words a text can have.
        written: the input that grows; by default the only one, or ``"target"``.
        chunk: how many words of a prompt are read at a time.
        engine: which engine; the setting ``engine`` by default.
        limits: of the file that the net comes from; its graphs are held to them.

    Cost: a word costs its products with the weights, and one look at the cache of each attention, all of its
    ``length``.

    Raises:
        UsageError E101, E102: no such input; a length or chunk below 1.
        UsageError E223: a layer that looks forward, or that cannot be run word by word: found at the first
            ``begin``, where three words are tried both ways.

    Reference: Pope et al. (2023), Efficiently scaling Transformer inference (MLSys).
    """

    net: Layer
    parameters: Mapping[str, np.ndarray]
    inputs: Mapping[str, Spec]
    length: int
    written: str = ""
    chunk: int = 16
    engine: str | None = None
    limits: Limits | None = None

    def __post_init__(self) -> None:
        require_integer(self, "length", 1, fix="length=256")
        require_integer(self, "chunk", 1, fix="chunk=16")
        if not self.written:
            only = next(iter(self.inputs), "") if len(self.inputs) == 1 else "target"
            object.__setattr__(self, "written", only)
        if self.written not in self.inputs:
            raise UsageError(
                "E101", where="Decoder, written", name=self.written, expected=", ".join(self.inputs),
                received=self.written, fix=f'written="{next(iter(self.inputs), "x")}"',
            )  # fmt: skip

    @cached_property
    def one(self) -> Reading:
        """For a single new word."""
        return Reading(self, 1)

    @cached_property
    def many(self) -> Reading:
        """For a chunk of new words."""
        return Reading(self, self.chunk)

    def begin(self, rows: int, **others: np.ndarray) -> Cache:
        """An empty cache.

        Args:
            rows: how many texts are written side by side.
            others: the inputs that are read besides, by name, one row each.

        Raises:
            UsageError E101: an input that is missing, or that the net has not.
            ShapeError E209: an input that does not fit.
        """
        self._require(others)
        if rows:
            self._agrees({name: np.asarray(a)[:1] for name, a in others.items()})
        return self._empty(rows, others)

    def _empty(self, rows: int, others: Mapping[str, np.ndarray]) -> Cache:
        """An empty cache, once it is known that the net can be run so."""
        given = {name: np.asarray(a, self.inputs[name].dtype) for name, a in others.items()}
        memory, kept = self.one.built.memory, dict(given)
        if memory.sources:
            sources = Graph(dict(memory.sources))
            if FILLED in sources.inputs:
                raise UsageError(
                    "E223", where="Decoder", op=type(self.net).__name__,
                    expected="what is read besides to be all there before the first word",
                    received="positions of it that are counted like those of what is written",
                    fix="the positions inside the encoder: rotary=True in its blocks",
                )  # fmt: skip
            kept |= _run(compile(sources, self.engine), {**self.parameters, **given})
        words = {
            path: np.zeros((rows, *bound(node.shape[1:])), node.dtype) for path, node in memory.caches.items()
        }
        return Cache(words, np.zeros(rows, np.int64), kept)

    def _require(self, others: Mapping[str, np.ndarray]) -> None:
        """Refuse other inputs than the net has besides the written one."""
        wanted = [name for name in self.inputs if name != self.written]
        missing = [f'"{name}" is missing' for name in wanted if name not in others]
        odd = [name for name in (*wanted, *others) if name not in others or name not in wanted]
        if odd:
            raise UsageError(
                "E101", where="Decoder.begin", name=odd[0], expected=", ".join(wanted) or "no other input",
                received=", ".join(others) or "none", notes=missing,
                fix=f"decoder.begin(rows, {', '.join(f'{name}=...' for name in wanted)})",
            )  # fmt: skip

    def _agrees(self, others: Mapping[str, np.ndarray]) -> None:
        """Find out once, on three words, whether word by word is what the whole text gives.

        Attention says by itself whether it looks forward. A convolution over places, or a layer somebody
        wrote, does not: its answers tell. This is done by the law, so nothing is compiled for it.

        Raises:
            UsageError E223: the two differ.
        """
        count = min(3, self.length)
        if "agrees" in vars(self) or count == 1:
            return
        slow = replace(self, engine="reference")
        cache = slow._empty(1, others)
        spec = self.inputs[self.written]
        wide = {**self.inputs, self.written: spec.with_shape((spec.shape[0], count, *spec.shape[2:]))}
        with building(self.limits):
            built = build(self.net, wide, self.dtype)
        words = self._example(built, count)
        given = {name: np.asarray(a, self.inputs[name].dtype) for name, a in others.items()}
        whole = evaluate(built.output, {self.written: words, **given, **self._held(built)}, "reference")
        found = np.concatenate([slow.one.read(words[:, i : i + 1], cache, ONE) for i in range(count)], 1)
        near = 1e-3 * max(1.0, float(np.abs(whole).max()))
        if np.isnan(whole).any():
            return  # says nothing of the layers
        if found.shape != whole.shape or not np.allclose(found, whole, atol=near):
            raise UsageError(
                "E223", where="Decoder", op=type(self.net).__name__,
                expected="layers that look only backwards",
                received="answers that change when earlier words are not given again",
            )  # fmt: skip
        vars(self)["agrees"] = True

    @property
    def dtype(self) -> str:
        """The number kind of the parameters."""
        return next((a.dtype.name for a in self.parameters.values()), settings.dtype)

    def _held(self, built: Built) -> dict[str, np.ndarray]:
        """The parameters and running values that a net asks for."""
        paths = (*built.parameters, *built.states)
        return {path: self.parameters[path] for path in paths if path in self.parameters}

    def _example(self, built: Built, count: int) -> np.ndarray:
        """Some words, (1, count), or vectors."""
        spec = self.inputs[self.written]
        if spec.is_float:
            shape = (1, count, *bound(spec.shape[2:]))
            return np.cos(np.arange(math.prod(shape))).reshape(shape).astype(spec.dtype)
        tables = [rows for (_, name), rows in built.book.tables.items() if name == self.written]
        return ((np.arange(count) + 1) % min(tables, default=1)).astype(spec.dtype)[None]

    def feed(
        self, words: np.ndarray, cache: Cache, lengths: Sequence[int] | np.ndarray | None = None
    ) -> np.ndarray:
        """The net's answer for each new word; the words are then part of the cache.

        Args:
            words: (rows, T), or (rows, T, C) for vectors.
            cache: of the words before.
            lengths: how many words of each row count; by default all. Answers beyond mean nothing.

        Raises:
            ShapeError E209: words that do not fit the input, or the rows of the cache.
            ShapeError E225: more words than the cache has room for; nothing was added then.
        """
        words = np.asarray(words, self.inputs[self.written].dtype)
        own = self._counted(words, cache, lengths)
        answers, count, start = [], words.shape[1], 0
        while start < count:
            reading = self.one if count - start == 1 else self.many
            part = words[:, start : start + reading.width]
            answers.append(reading.read(part, cache, np.clip(own - start, 0, part.shape[1])))
            start += part.shape[1]
        return np.concatenate(answers, 1)

    def _counted(self, words: np.ndarray, cache: Cache, lengths: Any) -> np.ndarray:
        """How many of the new words of each row count."""
        rows, spec = len(cache.filled), self.inputs[self.written]
        count = words.shape[1] if words.ndim > 1 else 0
        own = np.full(rows, count) if lengths is None else np.asarray(lengths, np.int64)
        fits = words.ndim == spec.rank and words.shape[2:] == bound(spec.shape[2:]) and count > 0
        if not fits or len(words) != rows or own.shape != (rows,) or not ((own >= 0) & (own <= count)).all():
            wanted = ", ".join(map(str, (rows, "T", *spec.shape[2:])))
            raise ShapeError(
                "E209", where="Decoder.feed", received=f"{shape_text(words.shape)}, {own.tolist()}",
                expected=f"({wanted}), T at least 1; lengths 0 to T, one a row",
            )  # fmt: skip
        most = int(np.max(cache.filled + own, initial=0))
        if most > self.length:
            raise ShapeError(
                "E225", where="Decoder.feed", expected=f"at most {self.length} words in a row",
                received=f"{most} words in row {int(np.argmax(cache.filled + own))}",
                fix=f"cr.Decoder(..., length={most})",
            )  # fmt: skip
        return own


class Reading:
    """A net made ready for so many new words at a time.

    Args:
        decoder: the net, and how long texts can be.
        width: how many words.
    """

    def __init__(self, decoder: Decoder, width: int) -> None:
        self.decoder, self.width = decoder, width
        spec = decoder.inputs[decoder.written]
        taken = {**decoder.inputs, decoder.written: spec.with_shape((spec.shape[0], width, *spec.shape[2:]))}
        with building(decoder.limits):
            self.built: BuiltDecoding = build_decoding(decoder.net, taken, decoder.length, decoder.dtype)
        entries = {f"new {path}": node for path, node in self.built.memory.entries.items()}
        self.program = compile(Graph({"answer": self.built.output, **entries}), decoder.engine)

    def read(self, words: np.ndarray, cache: Cache, own: np.ndarray) -> np.ndarray:
        """The answers for at most ``width`` words, of which ``own`` count and are put into the cache."""
        count = words.shape[1]
        if count < self.width:
            beyond = [(0, 0)] * words.ndim
            beyond[1] = (0, self.width - count)
            words = np.pad(words, beyond)
        given = {self.decoder.written: words, FILLED: cache.filled}
        found = _run(self.program, {**self.decoder.parameters, **cache.kept, **cache.words, **given})
        for path, held in cache.words.items():
            _append(held, found[f"new {path}"], cache.filled, own)
        cache.filled += own
        return found["answer"][:, :count]


def _run(program: Program, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run a program with those of the arrays that it asks for."""
    return program.run({name: arrays[name] for name in program.graph.inputs if name in arrays})


def _append(held: np.ndarray, new: np.ndarray, filled: np.ndarray, own: np.ndarray) -> None:
    """Write the first new words of each row behind the old ones; words lie along the last axis but one."""
    if len(held) and (filled == filled[0]).all() and (own == own[0]).all():
        held[..., filled[0] : filled[0] + own[0], :] = new[..., : own[0], :]
        return
    for row, (start, count) in enumerate(zip(filled, own, strict=True)):
        held[row, ..., start : start + count, :] = new[row, ..., :count, :]
