"""Suggestions of films, with the films that they are explained by."""

from __future__ import annotations

import numpy as np

from chainrule import Model
from chainrule.metrics import top_items
from chainrule_examples.recommend.movielens import Ratings

SHOWN, LIKED = 6, 3  # users on the page; films that explain a suggestion


def suggestion_rows(ratings: Ratings, known: np.ndarray, model: Model) -> list[list[object]]:
    """For some users: the first suggestion, and the films of theirs that contribute most to its score."""
    rows: list[list[object]] = []
    for user in np.argsort(-known.sum(axis=1), kind="stable")[:: max(1, len(known) // SHOWN)][:SHOWN]:
        film = int(top_items(np.asarray(model(known[[user]])), known[[user]], 1)[0, 0])
        (reasons,) = model.attribute(known[[user]], "occlusion", target=film).values.values()
        because = np.argsort(-reasons[0], kind="stable")[:LIKED]
        rows.append([int(user) + 1, ratings.titles[film], "; ".join(ratings.titles[i] for i in because)])
    return rows
