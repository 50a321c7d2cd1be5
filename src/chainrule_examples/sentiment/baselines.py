"""Baselines for the classification of texts: naive Bayes, logistic regression and a support vector machine.

The first two see a text as the set of its characters and of its pairs of neighboring characters. Naive Bayes
counts in how many texts of a class each n-gram occurs, and multiplies the factors as if they were
independent. Logistic regression has a weight for each n-gram; it is a network with one layer, an
``EmbeddingBag``.

The support vector machine sees sequences of one to three characters, weighted by TF-IDF.

Reference: McCallum and Nigam (1998), A comparison of event models for naive Bayes text classification (AAAI
workshop); Wang and Manning (2012), Baselines and bigrams (ACL).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

import chainrule as cr
from chainrule.messages import Text
from chainrule.metrics import mean_score
from chainrule_examples.score_table import Score
from chainrule_examples.sentiment.reviews import LENGTH, Reviews
from chainrule_examples.tuning import tuned

METHODS: tuple[Text, ...] = (
    "most frequent class",
    "naive Bayes, characters and pairs",
    "logistic regression, characters and pairs",
    "support vector machine (TF-IDF)",
)
GRID = {"grams__ngram_range": ((1, 2), (1, 3)), "machine__C": (0.1, 0.3, 1.0)}
MIN_TEXTS = 2  # training texts that contain an n-gram
PADDING = 0


@dataclass(frozen=True, eq=False)
class NGrams:
    """The n-grams of training texts, numbered from 1.

    Args:
        numbers: the number of each n-gram.

    Example:
        >>> grams = NGrams.learn(["好书", "好书好", "坏"])
        >>> list(grams.numbers), grams.encode(["书好", "坏"]).tolist()
        (['书', '好', '好书'], [[1, 2], [0, 0]])
    """

    numbers: dict[str, int]

    @staticmethod
    def learn(texts: Sequence[str]) -> NGrams:
        """Number the n-grams that occur in several texts, most frequent first."""
        counts = Counter(gram for text in texts for gram in _grams(text))
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        known = [gram for gram, count in ordered if count >= MIN_TEXTS]
        return NGrams({gram: i for i, gram in enumerate(known, start=1)})

    def encode(self, texts: Sequence[str], length: int | None = None) -> np.ndarray:
        """The sorted numbers of the n-grams of each text, (N, length), followed by ``PADDING``."""
        rows = [sorted(self.numbers[gram] for gram in _grams(text) if gram in self.numbers) for text in texts]
        return cr.pad_sequences([row or [PADDING] for row in rows], length).values


def naive_bayes(x: np.ndarray, y: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """The class of each test text by naive Bayes, with one added to each count.

    Args:
        x: (N, G) n-grams of the training texts; of ``NGrams``.
        y: (N,) classes 0 and 1.
        tested: (M, G') n-grams of the test texts.
    """
    size = int(max(x.max(), tested.max())) + 1
    logs = []
    for label in (0, 1):
        counts = np.bincount(x[y == label].ravel(), minlength=size) + 1.0
        counts[PADDING] = 0
        rates = np.log(np.maximum(counts, 1) / counts.sum())
        rates[PADDING] = 0
        logs.append(rates[tested].sum(axis=1) + np.log((y == label).mean()))  # (M, G') -> (M,)
    return (logs[1] > logs[0]).astype(np.int64)


def logistic_regression(
    x: np.ndarray, y: np.ndarray, validation: tuple[np.ndarray, np.ndarray], seed: int = 0
) -> cr.Model:
    """A linear classifier of n-grams; the number of epochs is chosen on the validation texts.

    Args:
        x: (N, G) n-grams of the training texts.
        y: (N,) classes.
        validation: n-grams and classes of the validation texts.
        seed: of the order of the texts.
    """
    size = int(max(x.max(), validation[0].max())) + 1
    weights = cr.EmbeddingBag(size, 1, mode="sum", padding_index=PADDING, weight_initializer="zeros")
    model = cr.Model(weights, "binary_cross_entropy", cr.Adam(0.003), metrics=["accuracy"])
    stop = cr.EarlyStopping(patience=2)
    model.fit(
        x,
        y,
        validation=validation,
        epochs=15,
        batch_size=64,
        buckets=32,
        seed=seed,
        callbacks=[stop],
        doctor=False,
        probes=False,
        verbose=False,
    )
    return model


def support_vectors(reviews: Reviews) -> Pipeline:
    """A linear support vector machine on TF-IDF of characters, tuned on the validation reviews.

    Reference: Joachims (1998), Text categorization with support vector machines (ECML).
    """
    grams = TfidfVectorizer(analyzer="char", sublinear_tf=True, min_df=MIN_TEXTS)
    machine = Pipeline([("grams", grams), ("machine", LinearSVC(random_state=0))])
    rows, validation = list(zip(reviews.texts, reviews.labels, strict=True))[:2]
    return tuned(METHODS[-1], machine, GRID, rows, validation)


def baseline_scores(reviews: Reviews) -> list[Score]:
    """The accuracy on the test reviews of each of ``METHODS``."""
    grams = NGrams.learn(reviews.texts[0])
    x = [grams.encode(part, 2 * LENGTH) for part in reviews.texts]
    y = [(part == "pos").astype(np.int64) for part in reviews.labels]
    predicted = (
        np.full(len(y[2]), int(y[0].mean() > 0.5)),
        naive_bayes(x[0], y[0], x[2]),
        np.asarray(logistic_regression(x[0], y[0], (x[1], y[1])).predict(x[2])),
        support_vectors(reviews).predict(reviews.texts[2]) == "pos",
    )
    right = [mean_score(classes == y[2], reviews.blocks[2]) for classes in predicted]
    return [Score.on_test_set(name, [{"accuracy": own}]) for name, own in zip(METHODS, right, strict=True)]


def _grams(text: str) -> set[str]:
    """The characters and pairs of neighboring characters of a text."""
    return {*text, *(text[i : i + 2] for i in range(len(text) - 1))}
