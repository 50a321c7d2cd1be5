"""Scores of embeddings of people or objects: identification by the nearest image, and verification of pairs.

Both read a matrix of similarities, whatever they are: cosines of embeddings, or distances times -1.

Reference: Phillips, Moon, Rizvi and Rauss (2000), The FERET evaluation methodology for face-recognition
algorithms, IEEE Transactions on Pattern Analysis and Machine Intelligence 22, sections 3.2 and 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Verification:
    """How well a threshold separates pairs of the same person from pairs of different people.

    Args:
        threshold: pairs with at least this similarity are accepted as the same person.
        true_accept_rate: the share of the pairs of the same person that are accepted.
        false_accept_rate: the share of the pairs of different people that are accepted.
    """

    threshold: float
    true_accept_rate: float
    false_accept_rate: float


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cosine of every row of ``a`` with every row of ``b``, (N, M); 0 for a row of zeros.

    Example:
        >>> cosine_similarity(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0], [6.0, 8.0]])).round(2).tolist()
        [[0.6, 1.0]]
    """
    return _unit(a) @ _unit(b).T


def _unit(x: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(lengths > 0, lengths, 1.0)


def rank_one(similarity: np.ndarray, labels: np.ndarray, gallery: np.ndarray) -> float:
    """The share of the images whose most similar gallery image has the same label.

    Args:
        similarity: (N, M) of each image with each gallery image.
        labels: (N,) of the images.
        gallery: (M,) the labels of the gallery images.

    Example:
        >>> rank_one(np.array([[0.9, 0.1], [0.8, 0.7]]), np.array(["a", "b"]), np.array(["a", "b"]))
        0.5
    """
    return float(np.mean(gallery[similarity.argmax(axis=1)] == labels))


def accept_level(scores: np.ndarray, max_false: float = 0.01) -> float:
    """The lowest level that at most a share of the scores of strangers reach.

    It is above 1, and no probability reaches it, where more strangers than that have the probability 1.

    Args:
        scores: (N,) the largest probability of each stranger, N at least 1.
        max_false: the share that may be accepted.

    Example:
        >>> accept_level(np.array([0.2, 0.5, 0.9, 0.4]), max_false=0.25)
        0.5000000000000001
        >>> accept_level(np.array([0.2, 0.5]), max_false=0.0)
        0.5000000000000001
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    allowed = _count(max_false, len(ordered))  # scores that may reach the level
    return float(np.nextafter(ordered[len(ordered) - 1 - min(allowed, len(ordered) - 1)], np.inf))


def _count(share: float, total: int) -> int:
    """The largest number of events that is at most a share of a total; 29 for 0.29 of 100."""
    return int(share * total * (1 + 1e-12))


def verify_pairs(similarity: np.ndarray, labels: np.ndarray, max_false: float = 0.01) -> Verification:
    """The lowest threshold that accepts at most a share of the pairs of different labels.

    Args:
        similarity: (N, N), symmetric; each pair of two images counts once.
        labels: (N,) with at least one pair of the same label and one of different labels.
        max_false: the largest share of pairs of different labels that may be accepted.

    Example:
        >>> labels = np.array([0, 0, 1])
        >>> similarity = np.array([[1.0, 0.9, 0.3], [0.9, 1.0, 0.2], [0.3, 0.2, 1.0]])
        >>> verify_pairs(similarity, labels)
        Verification(threshold=0.9, true_accept_rate=1.0, false_accept_rate=0.0)
    """
    first, second = np.triu_indices(len(labels), 1)
    scores, is_same = similarity[first, second], labels[first] == labels[second]
    same, different = scores[is_same], np.sort(scores[~is_same])
    levels = np.unique(scores)
    accepted = len(different) - np.searchsorted(different, levels, "left")  # at each level
    allowed = levels[accepted <= _count(max_false, len(different))]
    threshold = float(allowed[0]) if len(allowed) else float(np.nextafter(levels[-1], np.inf))
    return Verification(threshold, float(np.mean(same >= threshold)), float(np.mean(different >= threshold)))
