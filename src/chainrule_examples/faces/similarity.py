"""Similarities of images of faces without and with a network, and a page of the nearest images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from chainrule import Model
from chainrule.data import Table
from chainrule.messages import Text, Texts, in_language
from chainrule.page import Box, Figure, image_page
from chainrule_examples.faces.unknown_faces import split_images, split_people
from chainrule_examples.faces.verification import cosine_similarity, rank_one, verify_pairs
from chainrule_examples.tuning import best_settings

# Eigenfaces: images as coordinates along the principal components of training images.
#
# Reference: Turk and Pentland (1991), Eigenfaces for recognition, Journal of Cognitive Neuroscience 3.


def eigenfaces(train: np.ndarray, images: np.ndarray, count: int = 60) -> np.ndarray:
    """The coordinates of images along the first principal components of training images, (M, count).

    Args:
        train: (N, ...) training images.
        images: (M, ...) images of the same shape.
        count: the number of components, at most N - 1.

    Example:
        >>> train = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
        >>> np.abs(eigenfaces(train, train, 1)).round(3).ravel().tolist()
        [1.414, 0.0, 1.414]
    """
    x = train.reshape(len(train), -1).astype(np.float64)
    mean = x.mean(axis=0)
    components = np.linalg.svd(x - mean, full_matrices=False)[2][: min(count, len(x) - 1)]
    return (images.reshape(len(images), -1) - mean) @ components.T


def negative_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Minus the Euclidean distance of every row of ``a`` from every row of ``b``, (N, M).

    Example:
        >>> negative_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
        [[-5.0]]
    """
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return -np.sqrt(np.maximum(squares, 0.0))


# Fisherfaces: linear combinations of eigenfaces in which people differ most, relative to the images of one.
#
# Reference: Belhumeur, Hespanha and Kriegman (1997), Eigenfaces vs. Fisherfaces, IEEE Transactions on Pattern
# Analysis and Machine Intelligence 19.

FISHERFACES: Text = "eigenfaces and discriminant analysis"
GRID = {"variance": (0.8, 0.9, 0.95), "shrinkage": (0.01, 0.1)}


def fisherfaces(
    train: Table, images: Table, others: Table, *, variance: float, shrinkage: float
) -> np.ndarray:
    """The cosine similarity of images with others, (N, M), each added to its mirror image, as of a network.

    Args:
        train: images with the person as the class; their mirror images are added.
        images, others: the images that are compared.
        variance: share of the variance of the images that the eigenfaces keep.
        shrinkage: of the covariance of the images of one person.
    """
    people, half = train.frame["class"].to_numpy(), LinearDiscriminantAnalysis("eigen", shrinkage=shrinkage)
    model = make_pipeline(PCA(variance, whiten=True, svd_solver="full"), half)
    model.fit(np.concatenate(_flat(train)), np.concatenate([people, people]))
    a, b = (np.sum([model.transform(x) for x in _flat(part)], axis=0) for part in (images, others))
    return cosine_similarity(a, b)


def tuned_fisherfaces(train: Table, images: Table, others: Table, seed: int) -> np.ndarray:
    """Fisherfaces of training images, whose settings identify or verify a part of these best.

    Args:
        train: the training images; the people of ``others``, or other people.
        images, others: the images that are compared.
        seed: of the part of the training images that selects the settings.
    """
    is_known = bool(set(others.frame["class"]) <= set(train.frame["class"]))
    first, rest = split_images(train, seed) if is_known else split_people(train, seed)
    people, gallery = rest.frame["class"].to_numpy(), first.frame["class"].to_numpy()

    def measure(**own: float) -> float:
        if is_known:
            return rank_one(fisherfaces(first, rest, first, **own), people, gallery)
        return verify_pairs(fisherfaces(first, rest, rest, **own), people).true_accept_rate

    return fisherfaces(train, images, others, **best_settings(FISHERFACES, GRID, measure))


def _flat(images: Table) -> tuple[np.ndarray, np.ndarray]:
    """Images and mirror images as rows from 0 to 1, two times (N, H W)."""
    pixels = images.images["image"] / 255.0
    return pixels.reshape(len(pixels), -1), pixels[:, :, ::-1].reshape(len(pixels), -1)


# Similarities of images of faces by eigenfaces, by Fisherfaces, and by the embeddings of a network.

EMBEDDING = "normalized"  # the layer


def embed(model: Model, faces: Table) -> np.ndarray:
    """The sum of the embeddings of each image and of its mirror image, (N, C)."""
    mirrored = replace(faces, images={"image": np.ascontiguousarray(faces.images["image"][:, :, ::-1])})
    return model.activations(faces, EMBEDDING) + model.activations(mirrored, EMBEDDING)


def similarities(model: Model, train: Table, images: Table, others: Table, seed: int) -> list[np.ndarray]:
    """Similarities of images and others, (N, M), by eigenfaces, by Fisherfaces, and by embeddings.

    Args:
        model: has a layer ``normalized`` with the embeddings.
        train: the images whose principal components are the eigenfaces.
        images, others: the images that are compared.
        seed: as for ``tuned_fisherfaces``.
    """
    linear = tuned_fisherfaces(train, images, others, seed)
    flat = [eigenfaces(train.images["image"], part.images["image"]) for part in (images, others)]
    return [negative_distance(*flat), linear, cosine_similarity(embed(model, images), embed(model, others))]


TEXTS: Texts = {
    "title": "Images of unseen people with the nearest other images",
    "legend": (
        "Blue: the same person. Orange: another person. Dashed: similarity below {threshold:.2f}, “unknown”."
    ),
}
SAME, OTHER = "#2563a8", "#d1660f"
COUNT = 5  # nearest images of each


def nearest_page(images: Table, similarity: np.ndarray, threshold: float, lang: str) -> bytes:
    """The page as HTML: for the first two images of each class, the nearest other images.

    Args:
        images: with their classes.
        similarity: (N, N) of each image with each image.
        threshold: pairs with a lower similarity count as unknown.
        lang: ``"en"`` or ``"zh"``.
    """
    texts = in_language(TEXTS, lang)
    labels, pixels = images.frame["class"].to_list(), images.images["image"]
    seen: dict[str, int] = {}
    figures = []
    for row, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        if seen[label] > 2:
            continue
        order = [i for i in np.argsort(-similarity[row], kind="stable") if i != row][:COUNT]
        figures.append(Figure((pixels[row],), label))
        for i in order:
            color = SAME if labels[i] == label else OTHER
            frame = (1.0, 1.0, pixels.shape[2] - 1.0, pixels.shape[1] - 1.0)
            box = Box(frame, color, "", bool(similarity[row, i] < threshold))
            figures.append(Figure((pixels[i],), f"{labels[i]} {similarity[row, i]:.2f}", (box,)))
    legend = texts["legend"].format(threshold=threshold)
    return image_page(texts["title"], [legend], figures, lang, height=112, columns=COUNT + 1)
