"""Questions about passages as the input of a network that marks the answer in the passage.

A passage is cut to a window: the sentences that have most in common with the question, in their order. Most
answers are in them, and a short window makes training several times as fast. Each character of the window has
its number in the vocabulary, and features that compare it with the question: whether it, or the pair that it
begins or ends, is in the question, how far the next common pair is, and what kind of character it is.

The weight of a character is the logarithm of its rank by frequency, about minus the logarithm of its
probability (Zipf's law); the vocabulary is sorted by frequency, so no other table is needed. The settings are
stored with the model, so that ``chainrule predict RUN FILE`` reads questions as the training did.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import DataError, fact
from chainrule.memoization import cached_property
from chainrule.records import frozen

FEATURES = tuple(
    (
        "exists, in the question, ends a common pair, begins a common pair, in three common characters, "
        "weight in the question, weight, digit, letter, punctuation, opening, closing, best sentence, "
        "second sentence, score of the sentence, near after a pair, near before a pair, after a pair, "
        "before a pair, frequent, place"
    ).split(", ")
)
KINDS = (
    "0123456789０１２３４５６７８９一二三四五六七八九十百千萬万億亿兩两零〇%",
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-·",
    "，。、；：！？,;:!?.",
    "「『《〈（(“‘",
    "」』》〉）)”’",
)
DISTANCES = 4.0, 15.0  # characters over which closeness to a common pair falls to 1/e
FREQUENT = 4  # occurrences in the passage
UNKNOWN = 1  # 0 is the padding
MAX_CHARACTERS, MAX_PASSAGE, MAX_QUESTION = 20_000, 20_000, 200  # of a vocabulary, a passage and a question
LIMITS = {"passage_length": 1024, "question_length": 200}
_END = re.compile(r"(?:[。！？；!?;\n]|\.(?=\s|$))+[」』）”’)\s]*")  # of a sentence


class Window(NamedTuple):
    """The part of a passage that the network reads.

    Args:
        text: the characters.
        places: the position of each in the passage.
        ranks: of the sentence of each character, 0 for the best.
        scores: of the sentence of each character, 1 for the best.
    """

    text: str
    places: list[int]
    ranks: list[int]
    scores: list[float]


@frozen
class QuestionInput:
    """Passages and questions as arrays of fixed length.

    Args:
        characters: the vocabulary, the most frequent first.
        passage_length: T, the length of the window.
        question_length: the number of characters of a question that are read, from its end.

    Example:
        >>> reader = QuestionInput("aeionst", 32, 16)
        >>> inputs, windows = reader(["It rains. Ann has a hat."], ["Who has a hat?"], ["row 1"])
        >>> {name: array.shape for name, array in inputs.items()}, windows[0].text
        ({'passage': (1, 32), 'question': (1, 16), 'features': (1, 32, 21)}, 'It rains. Ann has a hat.')
    """

    characters: str
    passage_length: int
    question_length: int

    @staticmethod
    def learn(
        texts: Iterable[str], passage_length: int, question_length: int, rare: int = 4
    ) -> QuestionInput:
        """Return the input whose vocabulary is that of training texts.

        Args:
            texts: passages and questions.
            passage_length, question_length: as above.
            rare: characters that occur less often are unknown.
        """
        counts = Counter(character for text in texts for character in text)
        known = sorted((c for c, n in counts.items() if n >= rare), key=lambda c: (-counts[c], c))
        return QuestionInput("".join(known[:MAX_CHARACTERS]), passage_length, question_length)

    @cached_property
    def _ids(self) -> dict[str, int]:
        """The number of each character of the vocabulary."""
        return {character: i for i, character in enumerate(self.characters, start=2)}

    @property
    def size(self) -> int:
        """The number of rows of the embedding."""
        return len(self.characters) + 2

    def __call__(
        self, passages: Sequence[str], questions: Sequence[str], where: Sequence[str]
    ) -> tuple[dict[str, np.ndarray], list[Window]]:
        """Return the inputs of ``cr.SpanReader``, and the window of each passage.

        Args:
            passages, questions: B texts each.
            where: the position of each row, for errors.

        Raises:
            DataError E363: an empty text. E364: a passage or a question that is too long.
        """
        ids, shape = self._ids, (len(passages), self.passage_length)
        inputs: dict[str, np.ndarray] = {
            "passage": np.zeros(shape, np.int64),
            "question": np.zeros((shape[0], self.question_length), np.int64),
            "features": np.zeros((*shape, len(FEATURES)), np.float32),
        }
        windows = []
        for row, (passage, question, place) in enumerate(zip(passages, questions, where, strict=True)):
            _require_text(passage, MAX_PASSAGE, place)
            _require_text(question, MAX_QUESTION, place)
            window, words = self.window(passage, question), question[-self.question_length :]
            inputs["passage"][row, : len(window.text)] = [ids.get(c, UNKNOWN) for c in window.text]
            inputs["question"][row, : len(words)] = [ids.get(c, UNKNOWN) for c in words]
            inputs["features"][row, : len(window.text)] = self.features(window, passage, question)
            windows.append(window)
        return inputs, windows

    def weights(self, text: Iterable[str]) -> dict[str, float]:
        """Return the weight of each character of a text, from 0 to 1.

        Args:
            text: characters, or other symbols.
        """
        largest = math.log(self.size + 1)
        return {c: math.log(self._ids.get(c, self.size)) / largest for c in dict.fromkeys(text)}

    def window(self, passage: str, question: str) -> Window:
        """Return the sentences with most in common with the question; of equal ones, the later first.

        Args:
            passage: the text in which an answer is searched.
            question: the question.
        """
        weights, pairs = self.weights(question), _grams(question, 2)
        scored = []
        for start, stop in sentences(passage):
            text = passage[start:stop]
            # exact sums: the order of a set of strings differs between two processes
            common = math.fsum(weights[c] for c in weights.keys() & set(text))
            common += math.fsum(weights[pair[0]] + weights[pair[1]] for pair in pairs & _grams(text, 2))
            scored.append((-common, -start, start, stop))
        chosen, length = [], 0
        for rank, (score, _, start, stop) in enumerate(sorted(scored)):
            if not chosen or length + stop - start <= self.passage_length:
                stop = min(stop, start + self.passage_length)
                length += stop - start
                chosen.append((start, stop, rank, -score))
        largest = max(score for *_, score in chosen) or 1.0
        cells = [
            (i, rank, score / largest)
            for start, stop, rank, score in sorted(chosen)
            for i in range(start, stop)
        ]
        places, ranks, scores = (list(part) for part in zip(*cells, strict=True))
        return Window("".join(passage[i] for i in places), places, ranks, scores)

    def features(self, window: Window, passage: str, question: str) -> np.ndarray:
        """Return the features of each character of a window, (n, F), in the order of ``FEATURES``.

        Args:
            window: what ``window`` returned.
            passage: the text in which an answer is searched.
            question: the question.
        """
        text, n = window.text, len(window.text)
        pairs, triples = _grams(question, 2), _grams(question, 3)
        starts = np.array([text[i : i + 2] in pairs for i in range(n)])
        ends = np.concatenate([[False], starts[:-1]])
        three = np.array([text[i : i + 3] in triples for i in range(n)])
        inside = np.convolve(three, np.ones(3))[:n] > 0  # the triple that begins here or up to two before
        common = np.array([c in question for c in text])
        table = self.weights(text)
        weight = np.array([table[c] for c in text])
        ranks, counts = np.array(window.ranks), Counter(passage)
        kinds = (np.array([c in kind for c in text]) for kind in KINDS)
        closeness = _closeness(starts | ends)
        is_frequent = [counts[c] >= FREQUENT for c in text]
        place = np.arange(n) / self.passage_length
        columns = [np.ones(n), common, ends, starts, inside, common * weight, weight, *kinds]
        columns += [ranks == 0, ranks == 1, window.scores, *closeness, is_frequent, place]
        return np.column_stack(columns).astype(np.float32)

    def to_record(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return {"characters": self.characters, **{name: getattr(self, name) for name in LIMITS}}

    @staticmethod
    def from_record(record: object) -> QuestionInput | None:
        """Return the input of a record; ``None`` if it is not valid.

        Args:
            record: what a model file has.
        """
        if not isinstance(record, Mapping) or set(record) != {"characters", *LIMITS}:
            return None
        lengths = {name: record[name] for name in LIMITS}
        if any(type(value) is not int or not 1 <= value <= LIMITS[name] for name, value in lengths.items()):
            return None
        characters = record["characters"]
        if not isinstance(characters, str) or not 1 <= len(characters) <= MAX_CHARACTERS:
            return None
        return QuestionInput(characters, **lengths)


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence; together they are the text.

    Example:
        >>> [("a. b 1.5 c! 你好。再见"[i:j]) for i, j in sentences("a. b 1.5 c! 你好。再见")]
        ['a. ', 'b 1.5 c! ', '你好。', '再见']
    """
    ends = [match.end() for match in _END.finditer(text)]
    bounds = sorted({0, *ends, len(text)})
    return list(pairwise(bounds))


def _grams(text: str, length: int) -> set[str]:
    """Return the sequences of some neighboring characters of a text."""
    return {text[i : i + length] for i in range(len(text) - length + 1)}


def _closeness(common: np.ndarray) -> list[np.ndarray]:
    """Return for each of ``DISTANCES`` the closeness to the last common pair, and to the next one."""
    columns = []
    for distance in DISTANCES:
        for marks in (common, common[::-1]):
            near, values = 0.0, np.zeros(len(marks))
            for i, mark in enumerate(marks.tolist()):
                near = max(near * math.exp(-1 / distance), float(mark))
                values[i] = near
            columns.append(values if marks is common else values[::-1])
    return columns


def _require_text(text: str, limit: int, where: str) -> None:
    """Refuse an empty text (E363) and one that is too long (E364)."""
    if not text.strip():
        raise DataError("E363", where=where, expected=fact("a text"), received=fact("an empty text"))
    if len(text) > limit:
        expected = fact("at most {limit:,} characters", limit=limit)
        received = fact("{count:,} characters", count=len(text))
        raise DataError("E364", where=where, expected=expected, received=received, fix=fact("cut the text"))
