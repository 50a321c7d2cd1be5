"""A reader without a network: the sentence by BM25, and the answer in it by logistic regression.

BM25 ranks the sentences of a passage by the words that they share with the question, rare ones first; where
words are not separated, pairs of characters take their place. In the best sentences, two linear models
predict for each token whether an answer starts or ends there, from the token, its neighbors, whether the
question has them, and the interrogative word of the question.

References: Robertson and Zaragoza (2009), The probabilistic relevance framework: BM25 and beyond; Rajpurkar,
Zhang, Lopyrev and Liang (2016), SQuAD (EMNLP), section 5, for a logistic regression of answers.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import SGDClassifier

from chainrule.messages import Text
from chainrule.metrics import character_f1
from chainrule_examples.questions.question_sets import INTERROGATIVES, SENTENCE_ENDS, Question
from chainrule_examples.tuning import best_settings

READER: Text = "sentence by BM25, span by logistic regression"
GRID = {"sentences": (1, 2, 5), "longest": (4, 8, 16)}
TOKEN = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")
K1, B = 1.2, 0.75  # saturation of counts, and normalization by length


class Sentence(NamedTuple):
    """A sentence: its tokens, and where they start and end in the passage."""

    tokens: list[str]
    spans: list[tuple[int, int]]


def sentences_of(passage: str) -> list[Sentence]:
    """The sentences of a passage.

    Example:
        >>> [sentence.tokens for sentence in sentences_of("他在1990年出生。He left.")]
        [['他', '在', '1990', '年', '出', '生', '。'], ['He', 'left', '.']]
    """
    matches, result = list(TOKEN.finditer(passage)), []
    first = 0
    for i, match in enumerate(matches):
        if match[0] in SENTENCE_ENDS or i == len(matches) - 1:
            part = matches[first : i + 1]
            result.append(Sentence([m[0] for m in part], [m.span() for m in part]))
            first = i + 1
    return result or [Sentence([passage], [(0, len(passage))])]


def terms(tokens: Sequence[str]) -> Counter[str]:
    """The words, and the pairs of neighboring characters of other scripts, with their counts."""
    lower = [token.lower() for token in tokens]
    words = [token for token in lower if token.isascii()]
    pairs = [a + b for a, b in itertools.pairwise(lower) if not (a + b).isascii()]
    return Counter([*words, *pairs])


def bm25(question: Counter[str], sentences: Sequence[Counter[str]]) -> np.ndarray:
    """The BM25 score of each sentence; rare are the terms that few of these sentences have.

    Example:
        >>> bm25(Counter(["pears"]), [Counter(["anna", "pears"]), Counter(["ben", "left"])]).round(2).tolist()
        [0.69, 0.0]
    """
    lengths = np.array([max(1, own.total()) for own in sentences])
    scores = np.zeros(len(sentences))
    for term in question:
        counts = np.array([own[term] for own in sentences])
        known = np.count_nonzero(counts)
        rarity = np.log(1 + (len(sentences) - known + 0.5) / (known + 0.5))
        scores += rarity * counts * (K1 + 1) / (counts + K1 * (1 - B + B * lengths / lengths.mean()))
    return scores


def ranked(question: Question) -> list[tuple[Sentence, float]]:
    """The sentences of the passage with their scores, the best first."""
    own = sentences_of(question.passage)
    scores = bm25(terms(TOKEN.findall(question.question)), [terms(one.tokens) for one in own])
    return [(own[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")]


def token_features(question: str, sentence: Sentence) -> list[list[str]]:
    """The names of the features of each token of a sentence that are present."""
    requested = {token.lower() for token in TOKEN.findall(question)}
    ask = next((word for word in INTERROGATIVES if word in question.lower()), "")
    tokens = ["", "", *(token.lower() for token in sentence.tokens), "", ""]
    rows = []
    for i in range(2, len(tokens) - 2):
        near = tokens[i - 2 : i + 3]
        shape = ["digit" if t.isdigit() else "letter" if t.isascii() else "other" for t in near]
        flags = "".join("01"[t in requested] for t in near)
        own = [*(f"{k}{t}" for k, t in enumerate(near)), f"s{'-'.join(shape[1:4])}", f"f{flags}"]
        rows.append([*own, *(f"{ask}|{name}" for name in own)])
    return rows


class Reader:
    """Two linear models of tokens: where answers start, and where they end.

    Args:
        questions: for the training.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self._hasher = FeatureHasher(2**18, input_type="string")
        rows: list[list[str]] = []
        ends: list[tuple[bool, bool]] = []
        for question in questions:
            start, stop = question.starts[0], question.starts[0] + len(question.answers[0])
            for sentence in sentences_of(question.passage):
                if sentence.spans[0][0] <= start and stop <= sentence.spans[-1][1]:
                    rows += token_features(question.question, sentence)
                    ends += [(low == start, high == stop) for low, high in sentence.spans]
        x = self._hasher.transform(rows)
        tolerance: Any = None  # the stubs of scikit-learn allow a number only
        self._models = [
            SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=8, tol=tolerance, random_state=0).fit(x, y)
            for y in np.array(ends).T
        ]

    def scores(self, question: Question) -> list[tuple[Sentence, float, np.ndarray]]:
        """The sentences, the best first: with their score, and the logits of starts and ends, (2, T)."""
        result = []
        for sentence, score in ranked(question):
            x: Any = self._hasher.transform(token_features(question.question, sentence))
            result.append((sentence, score, np.stack([m.decision_function(x) for m in self._models])))
        return result


def answer(
    question: Question, scored: list[tuple[Sentence, float, np.ndarray]], sentences: int, longest: int
) -> str:
    """The answer with the largest sum of the logits of its start and end and of the score of its sentence.

    Args:
        question: with its passage.
        scored: of ``Reader.scores``.
        sentences: how many of the best are read.
        longest: tokens of an answer.
    """
    best, span = -np.inf, (0, 0)
    for sentence, score, (start, end) in scored[:sentences]:
        total = score + start[:, None] + end[None]
        total[~np.triu(np.tri(len(start), k=longest - 1, dtype=bool))] = -np.inf
        i, j = divmod(int(total.argmax()), len(start))
        if total[i, j] > best:
            best, span = total[i, j], (sentence.spans[i][0], sentence.spans[j][1])
    return question.passage[span[0] : span[1]]


def read_answers(
    training: Sequence[Question], validation: Sequence[Question], test: Sequence[Question]
) -> list[str]:
    """The answers to the test questions; validation questions select how much is read."""
    reader = Reader(training)
    known = [reader.scores(question) for question in validation]

    def measure(sentences: int, longest: int) -> float:
        own = [answer(q, s, sentences, longest) for q, s in zip(validation, known, strict=True)]
        return character_f1(own, [q.answers for q in validation])

    best = best_settings(READER, GRID, measure)
    return [answer(question, reader.scores(question), **best) for question in test]
