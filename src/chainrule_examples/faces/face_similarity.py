"""Similarities of images of faces by eigenfaces, and by the embeddings of a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule import Model
from chainrule.data import Table
from chainrule_examples.faces.eigenfaces import eigenfaces, negative_distance
from chainrule_examples.faces.verification import cosine_similarity

EMBEDDING = "normalized"  # the layer


def embed(model: Model, faces: Table) -> np.ndarray:
    """The sum of the embeddings of each image and of its mirror image, (N, C)."""
    mirrored = replace(faces, images={"image": np.ascontiguousarray(faces.images["image"][:, :, ::-1])})
    return model.activations(faces, EMBEDDING) + model.activations(mirrored, EMBEDDING)


def similarities(model: Model, train: Table, images: Table, others: Table) -> list[np.ndarray]:
    """Similarities of images and others, (N, M), by eigenfaces of training images and by embeddings.

    Args:
        model: has a layer ``normalized`` with the embeddings.
        train: the images whose principal components are the eigenfaces.
        images, others: the images that are compared.
    """
    flat = [eigenfaces(train.images["image"], part.images["image"]) for part in (images, others)]
    return [negative_distance(*flat), cosine_similarity(embed(model, images), embed(model, others))]
