"""A page of images with the nearest other images, each with its similarity."""

from __future__ import annotations

import numpy as np

from chainrule.data import Table
from chainrule.messages import Texts, in_language
from chainrule.page import Box, Figure, image_page

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
