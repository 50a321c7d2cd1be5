"""From texts to numbers and back: a text is cut into *tokens*, and each token has a number.

Three ways to cut, each a compromise between a short list of tokens and short sequences:

- ``"character"``: every letter. A few dozen tokens, long sequences, no unknown words.
- ``"word"``: every word and every run of punctuation. Short sequences; rare words are unknown.
- ``"byte_pair"``: begins with single bytes and joins the most frequent neighbors again and again, until the
  list is as long as wished. Frequent words become one token, rare ones several, and nothing is unknown.

The numbers 0 to 3 are set aside: padding, an unknown token, the beginning and the end of a text. A vocabulary
is saved as what it is, a list of texts and of pairs, and never as code.

Reference: Sennrich, Haddow and Birch (2016), Neural machine translation of rare words with subword units
(ACL); Radford et al. (2019) for starting from bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.data.readers.optional_dependency import missing
from chainrule.errors import DataError, UsageError, nearest
from chainrule.records import frozen

KINDS = ("character", "word", "byte_pair")
SPECIAL = ("<pad>", "<unk>", "<bos>", "<eos>")
PAD, UNKNOWN, BEGIN, END = range(4)
BYTES = 256
LARGEST = 1_000_000  # tokens of a vocabulary
SHOWN = 80  # characters of a text that is told as a remedy


@frozen
class Tokenizer:
    """A vocabulary, and how texts are cut into its tokens; made by ``Tokenizer.learn``.

    Args:
        kind: one of ``KINDS``.
        tokens: token i has the number i; the first four are ``SPECIAL``.
        merges: of byte pairs, which neighbors are joined, in order.
        lower: whether capitals are taken for small letters.

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
        """Learn a vocabulary from texts: the most frequent tokens, ties in the order of their letters.

        Args:
            texts: training texts only, so that nothing of the others is known.
            kind: ``"character"``, ``"word"`` or ``"byte_pair"``.
            size: how many tokens at most, the four set aside included.
            lower: take capitals for small letters.

        Raises:
            UsageError E101, E102: an unknown kind, or a size too small. E113: something that is no text.
            DataError E350: the library is not installed; E360: no text with a letter in it.
        """
        if kind not in KINDS:
            close = nearest(str(kind), KINDS) or KINDS[0]
            raise UsageError(
                "E101", where="Tokenizer.learn", name=kind, expected=", ".join(KINDS),
                received=repr(kind)[:80], fix=f'kind="{close}"',
            )  # fmt: skip
        least = len(SPECIAL) + (BYTES if kind == "byte_pair" else 1)
        if type(size) is not int or not least <= size <= LARGEST:
            raise UsageError(
                "E102", where="Tokenizer.learn", name="size", expected=f"{least} to {LARGEST}",
                received=repr(size)[:80], fix=f"size={max(least, 8000)}",
            )  # fmt: skip
        kept = _texts(texts)
        if kind == "byte_pair":
            return cls(kind, *_learn_pairs(kept, size, lower), lower)
        empty = cls(kind, SPECIAL, (), lower)
        counts = Counter(piece for text in kept for piece in empty.cut(text))
        ordered = sorted(counts, key=lambda piece: (-counts[piece], piece))
        own = [piece for piece in ordered if piece not in SPECIAL]
        return cls(kind, (*SPECIAL, *own[: size - len(SPECIAL)]), (), lower)

    @property
    def size(self) -> int:
        """How many tokens: what an embedding must have room for."""
        return len(self.tokens)

    @cached_property
    def _library(self) -> Any:
        """The library's tokenizer for this vocabulary."""
        return _build(self.kind, self.tokens, self.merges, self.lower)

    def cut(self, text: str) -> list[str]:
        """The pieces of a text before they are looked up: letters, or words and punctuation."""
        library = self._library
        return [
            piece
            for piece, _ in library.pre_tokenizer.pre_tokenize_str(library.normalizer.normalize_str(text))
        ]

    def encode(self, text: str, *, ends: bool = False, unknown: bool = True) -> np.ndarray:
        """The numbers of a text's tokens, int64 (T,); a text without a letter gives none.

        Args:
            text: any.
            ends: put the numbers for beginning and end around it.
            unknown: whether a token that is not in the vocabulary gets the number set aside for it, or is
                refused.

        Raises:
            UsageError E113: no text. DataError E365: tokens that are not in the vocabulary; all are listed.
        """
        if not isinstance(text, str):
            raise _no_text(text, "Tokenizer.encode")
        found = self._library.encode(text, add_special_tokens=False)
        numbers = found.ids
        if not unknown and UNKNOWN in numbers:
            spans = [span for span, number in zip(found.offsets, numbers, strict=True) if number == UNKNOWN]
            raise _unknown(text, spans)
        return np.array([BEGIN, *numbers, END] if ends else numbers, np.int64)

    def encode_all(self, texts: Iterable[str], *, ends: bool = False) -> list[np.ndarray]:
        """The numbers of each text; ``pad_sequences`` makes one array of them."""
        return [self.encode(text, ends=ends) for text in texts]

    def decode(self, numbers: Sequence[int] | np.ndarray) -> str:
        """The text that numbers stand for; padding, beginning and end are left out.

        Raises:
            DataError E361: a number that no token has; says which and where.
        """
        array = np.asarray(numbers, np.int64).reshape(-1)
        wrong = np.flatnonzero((array < 0) | (array >= self.size))
        if len(wrong):
            raise DataError(
                "E361", where=f"position {wrong[0]}", number=array[wrong[0]],
                expected=f"0 to {self.size - 1}", received=array[wrong[0]],
                notes=[f"{len(wrong)} such numbers in all"] * (len(wrong) > 1),
            )  # fmt: skip
        pieces = [self.tokens[i] for i in array.tolist() if i not in (PAD, BEGIN, END)]
        if self.kind == "byte_pair":
            return self._library.decoder.decode(pieces)
        return (" " if self.kind == "word" else "").join(pieces)

    def to_record(self) -> dict[str, Any]:
        """Plain dicts, lists and texts, safe for JSON."""
        merges = [list(pair) for pair in self.merges]
        return {"kind": self.kind, "tokens": list(self.tokens), "merges": merges, "lower": self.lower}

    @classmethod
    def from_record(cls, record: object) -> Tokenizer:
        """The tokenizer that ``to_record`` wrote.

        Raises:
            DataError E362: a record that ``to_record`` could not have written.
        """
        if not isinstance(record, dict) or set(record) != {"kind", "tokens", "merges", "lower"}:
            raise _wrong("record", "exactly kind, tokens, merges, lower", record)
        kind, tokens, merges, lower = (record[name] for name in ("kind", "tokens", "merges", "lower"))
        if kind not in KINDS or type(lower) is not bool:
            raise _wrong("kind, lower", f"{', '.join(KINDS)}; true or false", (kind, lower))
        is_list = isinstance(tokens, list) and all(isinstance(t, str) and t for t in tokens)
        is_list = is_list and len(set(tokens)) == len(tokens) <= LARGEST
        if not is_list or tuple(tokens[:4]) != SPECIAL:
            raise _wrong("tokens", f"distinct texts, the first {', '.join(SPECIAL)}", tokens)
        known = set(tokens)
        pairs = isinstance(merges, list) and all(
            isinstance(p, list) and len(p) == 2 and {*map(str, p), "".join(map(str, p))} <= known
            for p in merges
        )
        if not pairs or (merges and kind != "byte_pair"):
            raise _wrong("merges", "pairs of tokens whose union is a token", merges)
        return cls(kind, tuple(tokens), tuple((a, b) for a, b in merges), lower)


def tokenizers_of(given: Tokenizer | Mapping[str, Tokenizer]) -> dict[str, Tokenizer]:
    """The tokenizer of each input by its name; one for all of them has the name ``""``.

    Raises:
        UsageError E113: something else.
    """
    named = dict(given) if isinstance(given, Mapping) else {"": given}
    odd = [each for each in named.values() if not isinstance(each, Tokenizer)]
    if odd:
        raise UsageError(
            "E113", where="Model", name="tokenizer", expected="a tokenizer, or one for each input by name",
            received=repr(odd[0])[:80], fix="tokenizer=cr.Tokenizer.learn(texts)",
        )  # fmt: skip
    return named


def _texts(texts: Iterable[str]) -> list[str]:
    """The texts as a list, once it is known that there is something in them."""
    if isinstance(texts, str):
        texts = [texts]
    kept = list(texts)
    strange = next((text for text in kept if not isinstance(text, str)), None)
    if strange is not None:
        raise _no_text(strange, "Tokenizer.learn")
    if not any(text.strip() for text in kept):
        received = f"{len(kept)} texts, all empty" if kept else "none"
        raise DataError("E360", where="Tokenizer.learn", expected="at least one letter", received=received)
    return kept


def _no_text(value: object, where: str) -> UsageError:
    return UsageError(
        "E113", where=where, name="a text", expected="str", received=repr(value)[:80], fix="str(text)"
    )


def _unknown(text: str, spans: Sequence[tuple[int, int]]) -> DataError:
    """The error for tokens of a text that a vocabulary has not, each with its place."""
    named = [(text[start:end], f'"{text[start:end]}" at position {start}') for start, end in spans]
    (token, first), *rest = named
    known = "".join(sign for i, sign in enumerate(text) if not any(a <= i < b for a, b in spans))
    return DataError(
        "E365", where="the text", token=token, expected="tokens of the training texts", received=first,
        notes=[told for _, told in rest[:8]] + [f"{len(named)} such tokens in all"] * (len(rest) > 8),
        fix=f'"{known}"' if len(known) <= SHOWN else "leave them out",
    )  # fmt: skip


def _wrong(path: str, expected: str, received: object) -> DataError:
    shown = repr(received)[:80]
    return DataError("E362", where=f"tokenizer record, {path}", expected=expected, received=shown)


def _rust() -> Any:
    try:
        import tokenizers  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("text", "Tokenizer") from cause
    return tokenizers


def _build(kind: str, tokens: Sequence[str], merges: Sequence[tuple[str, str]], lower: bool) -> Any:
    """The library's tokenizer: how a text is made uniform, cut, and looked up."""
    rust = _rust()
    numbers = {token: i for i, token in enumerate(tokens)}
    if kind == "byte_pair":
        made = rust.Tokenizer(rust.models.BPE(numbers, list(merges), unk_token=SPECIAL[UNKNOWN]))
        made.pre_tokenizer = rust.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = rust.decoders.ByteLevel()
    else:
        made = rust.Tokenizer(rust.models.WordLevel(numbers, unk_token=SPECIAL[UNKNOWN]))
        letters = rust.pre_tokenizers.Split(rust.Regex(r"[\s\S]"), "isolated")
        made.pre_tokenizer = letters if kind == "character" else rust.pre_tokenizers.Whitespace()
    steps = [rust.normalizers.NFC(), *([rust.normalizers.Lowercase()] if lower else [])]
    made.normalizer = rust.normalizers.Sequence(steps)
    return made


def _learn_pairs(
    texts: list[str], size: int, lower: bool
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Tokens and merges of byte pairs."""
    rust = _rust()
    made = _build("byte_pair", SPECIAL, (), lower)
    alphabet = sorted(rust.pre_tokenizers.ByteLevel.alphabet())
    trainer = rust.trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    numbers = made.get_vocab()
    model = made.to_str()  # the library tells its merges only in its own JSON
    merges = json.loads(model)["model"]["merges"]
    return tuple(sorted(numbers, key=numbers.__getitem__)), tuple((a, b) for a, b in merges)
