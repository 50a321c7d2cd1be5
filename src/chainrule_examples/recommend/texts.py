"""Options and texts of the example recommend in English and Chinese."""

from __future__ import annotations

from chainrule.messages import Texts

OPTIONS: Texts = {
    "data": "file or folder of a copy of the data set",
    "content": "predict the stars of films without any rating",
    "long": "a network twice as wide, trained twice as long",
    "seeds": "number of trainings, each with its own division",
    "epochs": "number of epochs; 0: chosen",
    "out": "folder for the model, the scores and the page",
}
TEXTS: Texts = {
    "popular": "most popular films",
    "neighbors": "similar films (itemKNN)",
    "linear": "linear autoencoder (EASE)",
    "net": "variational autoencoder",
    "title": "Recommendation of films",
    "because": "Because you watched: the films that contribute most",
    "header": "user,suggestion,because of",
    "limits": (
        "A random division lets the model see what people watched later; the division by time is what a "
        "recommender has to do, and all scores are lower there. Whether users would have liked the films "
        "that they did not rate is unknown; the users of 1998 are mostly young men."
    ),
    "mean": "mean rating",
    "user mean": "mean rating of the user",
    "ridge": "ridge regression of each user",
    "towers": "two towers",
    "content limits": (
        "The films were removed at random; new films differ from old ones, and those that are rated are "
        "not a random choice."
    ),
}
