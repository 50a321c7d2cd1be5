"""A page of the test images of a binary classifier with the largest errors, with their attributions."""

from __future__ import annotations

import numpy as np

from chainrule import Model
from chainrule.data import Table
from chainrule.messages import Texts, in_language
from chainrule.page import Figure, heat_pixels, image_page

TEXTS: Texts = {
    "title": "Test images with the largest errors",
    "legend": "On the right of each image: pixels that support (blue) or oppose (orange) “{positive}”.",
    "caption": "{name}: {label}; probability of {positive} {p:.3f}",
}


def error_page(model: Model, test: Table, p: np.ndarray, lang: str, count: int = 24) -> bytes:
    """The page as HTML.

    Args:
        model: a classifier of images with two classes.
        test: images with their classes.
        p: (N,) the probability of the second class of the model.
        lang: ``"en"`` or ``"zh"``.
        count: the number of images.
    """
    texts = in_language(TEXTS, lang)
    positive = str(model.labels[1])
    is_positive = test.frame["class"].to_numpy() == positive
    worst = np.argsort(-np.abs(p - is_positive), kind="stable")[:count]
    rows, images = test.take(worst), []
    heat = next(iter(model.attribute(rows, "integrated_gradients", target=positive).values.values()))
    for i, (name, label) in enumerate(rows.frame.select("image", "class").iter_rows()):
        caption = texts["caption"].format(name=name, label=label, positive=positive, p=p[worst[i]])
        images.append(Figure((rows.images["image"][i], heat_pixels(heat[i])), caption))
    return image_page(texts["title"], [texts["legend"].format(positive=positive)], images, lang)
