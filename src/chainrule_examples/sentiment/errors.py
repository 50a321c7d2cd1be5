"""A page of the test reviews with the most confident wrong predictions."""

from __future__ import annotations

import numpy as np

from chainrule import Model
from chainrule.messages import in_language
from chainrule.page import result_page
from chainrule_examples.sentiment.reviews import TEXTS


def error_page(model: Model, x: np.ndarray, y: np.ndarray, lang: str, count: int) -> str:
    """The page: label, prediction and probability of each review, and its characters colored.

    Args:
        model: a classifier of two classes.
        x: tokens of the reviews, (N, T).
        y: (N,) their labels.
        lang: ``"en"`` or ``"zh"``.
        count: the number of reviews.
    """
    texts, labels = in_language(TEXTS, lang), np.array(model.labels)
    p = np.asarray(model.predict_proba({"text": x}))  # (N, 2)
    predicted, sections = labels[p.argmax(axis=1)], []
    right = p[np.arange(len(y)), (np.asarray(y)[:, None] == labels).argmax(axis=1)]  # of the label, (N,)
    for row in np.argsort(right, kind="stable")[:count].tolist():
        heading = texts["error"].format(label=y[row], predicted=predicted[row], p=p[row].max())
        colored = model.attribute({"text": x[[row]]}, target=str(labels[1])).plot_html()
        sections.append((heading, colored, texts["colors"].format(positive=labels[1])))
    return result_page(texts["title"], lang, sections)
