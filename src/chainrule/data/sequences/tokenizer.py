"""Tokenizers: convert texts to token ids and back.

The three kinds trade the size of the vocabulary against the length of the sequences:

- ``"character"``: one token per character. A small vocabulary, long sequences, no unknown words.
- ``"word"``: words and runs of punctuation. Short sequences; rare words are unknown.
- ``"byte_pair"``: starts with single bytes and merges the most frequent pair of adjacent tokens until the
  vocabulary has its size. Frequent words become one token, rare ones several, and nothing is unknown.

The ids 0 to 3 are reserved for padding, unknown tokens, the beginning and the end of a text. A vocabulary is
saved as a list of tokens and pairs, never as code.

Reference: Sennrich, Haddow and Birch (2016), Neural machine translation of rare words with subword units
(ACL); Radford et al. (2019) for starting from bytes.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import DataError, UsageError, fact
from chainrule.memoization import cached_property
from chainrule.optional_dependency import missing
from chainrule.records import frozen
from chainrule.validation import out_of_range, unknown, wrong_type

KINDS = ("character", "word", "byte_pair")
SPECIAL = ("<pad>", "<unk>", "<bos>", "<eos>")
PAD, UNKNOWN, BEGIN, END = range(4)
BYTES = 256
MAX_SIZE = 1_000_000  # tokens of a vocabulary
FIX_LENGTH = 80  # maximum length of a text that is suggested as a fix
LISTED = 12  # tokens in the fix of an error


@frozen
class Tokenizer:
    """A tokenizer with its vocabulary; created by ``Tokenizer.learn``.

    Args:
        kind: one of ``KINDS``.
        tokens: the token with id i at index i; the first four are ``SPECIAL``.
        merges: of byte pairs, the pairs of tokens that are merged, in order.
        lower: whether texts are converted to lower case.

    Example:
        >>> tokenizer = Tokenizer.learn(["the cat", "the dog"], "word")
        >>> tokenizer.encode("the bird").tolist(), tokenizer.decode([4, 6])
        ([4, 1], 'the dog')
    """

    kind: str
    tokens: tuple[str, ...]
    merges: tuple[tuple[str, str], ...] = ()
    lower: bool = False

    @classmethod
    def learn(
        cls, texts: Iterable[str], kind: str = "byte_pair", size: int = 8000, *, lower: bool = False
    ) -> Tokenizer:
        """Learn a vocabulary from texts: the most frequent tokens, ties in alphabetical order.

        Args:
            texts: the training texts; leave validation and test texts out.
            kind: ``"character"``, ``"word"`` or ``"byte_pair"``.
            size: maximum size of the vocabulary, including the four reserved tokens.
            lower: convert texts to lower case.

        Raises:
            UsageError E101, E102: an unknown kind, or a size that is too small. E113: an element that is not
            a str.
            DataError E350: the library is not installed (words and byte pairs). E360: no text with a
            character in it.
        """
        if kind not in KINDS:
            raise unknown("Tokenizer.learn", kind, KINDS, 'kind="{}"', example=KINDS[0])
        min_size = len(SPECIAL) + (BYTES if kind == "byte_pair" else 1)
        if type(size) is not int or not min_size <= size <= MAX_SIZE:
            expected = fact("{first} to {last}", first=min_size, last=MAX_SIZE)
            raise out_of_range(size, "size", "Tokenizer.learn", expected, fix=f"size={max(min_size, 8000)}")
        texts = _texts(texts)
        if kind == "byte_pair":
            return cls(kind, *_learn_pairs(texts, size, lower), lower)
        empty = cls(kind, SPECIAL, (), lower)
        counts = Counter(piece for text in texts for piece in empty.cut(text))
        ordered = sorted(counts, key=lambda piece: (-counts[piece], piece))
        own = [piece for piece in ordered if piece not in SPECIAL]
        return cls(kind, (*SPECIAL, *own[: size - len(SPECIAL)]), (), lower)

    @property
    def size(self) -> int:
        """The number of tokens, which is the number of rows of an embedding."""
        return len(self.tokens)

    @cached_property
    def _library(self) -> Any:
        """The tokenizer of the library for this vocabulary."""
        return _build(self.kind, self.tokens, self.merges, self.lower)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """The id of each token."""
        return {token: i for i, token in enumerate(self.tokens)}

    def _characters(self, text: str) -> str:
        """Return the characters that are looked up: composed (NFC), and in lower case if that was learned."""
        composed = unicodedata.normalize("NFC", text)
        return "".join(character.lower() for character in composed) if self.lower else composed

    def _ids(self, text: str) -> tuple[list[int], Sequence[tuple[int, int]], str]:
        """Return the ids of a text, the span of each, and the text to which the spans refer."""
        if self.kind == "character":  # needs no library
            text = self._characters(text)
            numbers = [self._numbers.get(character, UNKNOWN) for character in text]
            return numbers, [(i, i + 1) for i in range(len(text))], text
        encoding = self._library.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets, text

    def cut(self, text: str) -> list[str]:
        """Split a text into pieces before the look-up: characters, or words and punctuation.

        Args:
            text: any text.
        """
        if self.kind == "character":
            return list(self._characters(text))
        library = self._library
        return [
            piece
            for piece, _ in library.pre_tokenizer.pre_tokenize_str(library.normalizer.normalize_str(text))
        ]

    def encode(self, text: str, *, ends: bool = False, unknown: bool = True) -> np.ndarray:
        """Convert a text to token ids, int64 (T,); T is 0 for an empty text.

        Args:
            text: the text.
            ends: add the ids for beginning and end.
            unknown: whether a token that is not in the vocabulary gets the id of unknown tokens; otherwise it
                is refused.

        Raises:
            UsageError E113: not a str. DataError E365: tokens that are not in the vocabulary; all are listed.
        """
        if not isinstance(text, str):
            raise _no_text(text, "Tokenizer.encode")
        numbers, offsets, text = self._ids(text)
        if not unknown and UNKNOWN in numbers:
            pairs = zip(offsets, numbers, strict=True)
            spans = [span for span, number in pairs if number == UNKNOWN]
            raise _unknown(text, spans, self._replacement(text, spans))
        return np.array([BEGIN, *numbers, END] if ends else numbers, np.int64)

    def _replacement(self, text: str, spans: Sequence[tuple[int, int]]) -> str:
        """Return what to write instead of a text with tokens that are not in the vocabulary."""
        ends = [0, *(end for _, end in spans)]
        starts = [*(start for start, _ in spans), len(text)]
        known = "".join(text[end:start] for end, start in zip(ends, starts, strict=True))
        if known.strip():
            return f'"{known}"' if len(known) <= FIX_LENGTH else fact("leave them out")
        lowered = text.lower()
        if lowered != text and UNKNOWN not in self._ids(lowered)[0]:
            return f'"{lowered[:FIX_LENGTH]}"'
        return fact("use tokens such as {tokens}", tokens=" ".join(self.tokens[len(SPECIAL) :][:LISTED]))

    def encode_all(self, texts: Iterable[str], *, ends: bool = False) -> list[np.ndarray]:
        """Return the token ids of each text; ``pad_sequences`` combines them into one array.

        Args:
            texts: the texts.
            ends: whether beginning and end are marked.
        """
        return [self.encode(text, ends=ends) for text in texts]

    def decode(self, numbers: Sequence[int] | np.ndarray) -> str:
        """Convert token ids to text; padding, beginning and end are dropped.

        Args:
            numbers: the token ids of one text.

        Raises:
            DataError E361: an id that is not in the vocabulary, with its position.
        """
        array = np.asarray(numbers, np.int64).reshape(-1)
        wrong = np.flatnonzero((array < 0) | (array >= self.size))
        if len(wrong):
            raise DataError(
                "E361",
                where=f"position {wrong[0]}",
                number=array[wrong[0]],
                expected=fact("0 to {last}", last=self.size - 1),
                received=array[wrong[0]],
                notes=[fact("{count} such numbers in all", count=len(wrong))] * (len(wrong) > 1),
            )
        pieces = [self.tokens[i] for i in array.tolist() if i not in (PAD, BEGIN, END)]
        if self.kind == "byte_pair":
            return self._library.decoder.decode(pieces)
        return (" " if self.kind == "word" else "").join(pieces)

    def to_record(self) -> dict[str, Any]:
        """Return the tokenizer as dicts, lists and texts for JSON."""
        merges = [list(pair) for pair in self.merges]
        return {"kind": self.kind, "tokens": list(self.tokens), "merges": merges, "lower": self.lower}

    @classmethod
    def from_record(cls, record: object) -> Tokenizer:
        """Restore the tokenizer of a record written by ``to_record``.

        Args:
            record: plain data.

        Raises:
            DataError E362: not a record of ``to_record``.
        """
        if not isinstance(record, dict) or set(record) != {"kind", "tokens", "merges", "lower"}:
            raise _wrong("record", fact("exactly {names}", names="kind, tokens, merges, lower"), record)
        kind, tokens, merges, lower = (record[name] for name in ("kind", "tokens", "merges", "lower"))
        if kind not in KINDS or type(lower) is not bool:
            raise _wrong("kind, lower", fact("{names}; true or false", names=", ".join(KINDS)), (kind, lower))
        is_list = isinstance(tokens, list) and all(isinstance(t, str) and t for t in tokens)
        is_list = is_list and len(set(tokens)) == len(tokens) <= MAX_SIZE
        if not is_list or tuple(tokens[:4]) != SPECIAL:
            raise _wrong(
                "tokens", fact("distinct texts, the first {names}", names=", ".join(SPECIAL)), tokens
            )
        known = set(tokens)
        pairs = isinstance(merges, list) and all(
            isinstance(p, list) and len(p) == 2 and {*map(str, p), "".join(map(str, p))} <= known
            for p in merges
        )
        if not pairs or (merges and kind != "byte_pair"):
            raise _wrong("merges", fact("pairs of tokens whose union is a token"), merges)
        return cls(kind, tuple(tokens), tuple((a, b) for a, b in merges), lower)


def tokenizers_of(tokenizers: Tokenizer | Mapping[str, Tokenizer]) -> dict[str, Tokenizer]:
    """Return the tokenizer of each input by name; a tokenizer for all inputs has the name ``""``.

    Args:
        tokenizers: one for all inputs, or one for each by name.

    Raises:
        UsageError E113: an argument of another type.
    """
    named = dict(tokenizers) if isinstance(tokenizers, Mapping) else {"": tokenizers}
    odd = [tokenizer for tokenizer in named.values() if not isinstance(tokenizer, Tokenizer)]
    if odd:
        expected = fact("a tokenizer, or one for each input by name")
        fix = "tokenizer=cr.Tokenizer.learn(texts)"
        raise wrong_type(odd[0], "tokenizer", "Model", expected, fix)
    return named


def _texts(texts: Iterable[str]) -> list[str]:
    """Return the texts as a list; refuses elements that are not str, and texts that are all empty."""
    items = [texts] if isinstance(texts, str) else list(texts)
    strange = next((text for text in items if not isinstance(text, str)), None)
    if strange is not None:
        raise _no_text(strange, "Tokenizer.learn")
    if not any(text.strip() for text in items):
        received = fact("{count} texts, all empty", count=len(items)) if items else fact("none")
        raise DataError(
            "E360", where="Tokenizer.learn", expected=fact("at least one letter"), received=received
        )
    return items


def _no_text(value: object, where: str) -> UsageError:
    return wrong_type(value, fact("a text"), where, "str", "str(text)")


def _unknown(text: str, spans: Sequence[tuple[int, int]], fix: str) -> DataError:
    """Return the error for tokens that are not in the vocabulary, each with its position."""
    named = [
        (text[start:end], fact('"{token}" at position {start}', token=text[start:end], start=start))
        for start, end in spans
    ]
    (token, first), *rest = named
    total = fact("{count} such tokens in all", count=len(named))
    expected = fact("tokens of the training texts")
    notes = [note for _, note in rest[:8]] + [total] * (len(rest) > 8)
    return DataError(
        "E365", where=fact("the text"), token=token, expected=expected, received=first, notes=notes, fix=fix
    )


def _wrong(path: str, expected: str, received: object) -> DataError:
    text = repr(received)[:80]
    return DataError(
        "E362", where=fact("tokenizer record, {path}", path=path), expected=expected, received=text
    )


def _rust() -> Any:
    try:
        import tokenizers  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("text", "Tokenizer") from cause
    return tokenizers


def _build(kind: str, tokens: Sequence[str], merges: Sequence[tuple[str, str]], lower: bool) -> Any:
    """Build the tokenizer of the library: normalization, splitting and look-up."""
    rust = _rust()
    numbers = {token: i for i, token in enumerate(tokens)}
    if kind == "byte_pair":
        tokenizer = rust.Tokenizer(rust.models.BPE(numbers, list(merges), unk_token=SPECIAL[UNKNOWN]))
        tokenizer.pre_tokenizer = rust.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = rust.decoders.ByteLevel()
    else:
        tokenizer = rust.Tokenizer(rust.models.WordLevel(numbers, unk_token=SPECIAL[UNKNOWN]))
        tokenizer.pre_tokenizer = rust.pre_tokenizers.Whitespace()
    steps = [rust.normalizers.NFC(), *([rust.normalizers.Lowercase()] if lower else [])]
    tokenizer.normalizer = rust.normalizers.Sequence(steps)
    return tokenizer


def _learn_pairs(
    texts: list[str], size: int, lower: bool
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Learn the tokens and merges of byte-pair encoding."""
    rust = _rust()
    tokenizer = _build("byte_pair", SPECIAL, (), lower)
    alphabet = sorted(rust.pre_tokenizers.ByteLevel.alphabet())
    trainer = rust.trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    numbers = tokenizer.get_vocab()
    model = tokenizer.to_str()  # the merges are available only in the JSON of the library
    merges = json.loads(model)["model"]["merges"]
    return tuple(sorted(numbers, key=numbers.__getitem__)), tuple((a, b) for a, b in merges)
