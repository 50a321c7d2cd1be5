"""A network that names people, and calls strangers unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chainrule import Model
from chainrule.data import Table
from chainrule.messages import Text, translated
from chainrule.robustness import with_novelty_gate
from chainrule.tabular import prediction_columns
from chainrule.uncertainty import UNKNOWN, with_unknown_level
from chainrule_examples.faces.verification import accept_level
from chainrule_examples.score_table import labeled_image_files

# Splits of images of people: by image, and by person.


def split_images(images: Table, seed: int) -> tuple[Table, Table]:
    """Half of the images of each person, rounded down, chosen at random, and the other images.

    Args:
        images: with the person as the class.
        seed: of the choice.
    """
    people, rng = images.frame["class"].to_numpy(), np.random.default_rng(seed)
    is_first = np.zeros(len(people), bool)
    for person in np.unique(people):
        own = rng.permutation(np.flatnonzero(people == person))
        is_first[own[: len(own) // 2]] = True
    return _parts(images, is_first)


def split_people(images: Table, seed: int) -> tuple[Table, Table]:
    """All images of three quarters of the people, chosen at random, and those of the others, at least two.

    Args:
        images: with the person as the class.
        seed: of the choice.
    """
    people = images.frame["class"].to_numpy()
    names = np.random.default_rng(seed).permutation(np.unique(people))
    return _parts(images, ~np.isin(people, names[: max(2, len(names) // 4)]))


def _parts(images: Table, is_first: np.ndarray) -> tuple[Table, Table]:
    return images.take(np.flatnonzero(is_first)), images.take(np.flatnonzero(~is_first))


ACCEPTED = 0.05  # share of the images of the first strangers that may get a name
TEXT: Text = (
    "The network in RUN names {people} people. Below a probability of {level:.3f} it predicts {unknown}:\n"
    "of other images of these people {right:.1%} are named rightly, and {rejected:.1%} are unknown;\n"
    "of images of strangers who did not choose that level {strangers:.1%} are unknown.\n"
    "If all other images of these people get a name, {named:.1%} of the names are right."
)


class Gate(NamedTuple):
    """A network that names people, with images that it was not trained on.

    Args:
        model: with the level and a novelty gate as facts.
        text: a sentence with the rates of the level.
        files: these images, and those of strangers, for ``evaluate`` and ``predict``.
    """

    model: Model
    text: str
    files: dict[str, bytes]


def train_gate(train: Callable[[Table, int, int], Model], faces: Table, epochs: int, lang: str) -> Gate:
    """Train on half of the images of three quarters of the people; half of the others choose the level.

    Args:
        train: trains a network on images, a number of epochs, with a seed.
        faces: all images.
        epochs: of the training.
        lang: ``"en"`` or ``"zh"``.
    """
    known, strangers = split_people(faces, 0)
    first, other = split_images(known, 0)
    model = train(first, epochs, 0)
    names = strangers.frame["class"].to_numpy()
    people = np.unique(names)
    chooses = np.isin(names, people[: len(people) // 2])
    p = np.asarray(model.predict_proba(strangers))  # (N, K)
    level = accept_level(p[chooses].max(axis=1), ACCEPTED)
    model.adopt(with_novelty_gate(with_unknown_level(model.state, level), first, other))
    strangers = strangers.take(np.flatnonzero(~chooses))
    truth, named = other.frame["class"].to_numpy(), np.asarray(model.predict(other))
    predicted, foreign = (_predicted(model, images) for images in (other, strangers))
    rates = {
        "right": np.mean(predicted == truth),
        "rejected": np.mean(predicted == UNKNOWN),
        "strangers": np.mean(foreign == UNKNOWN),
        "named": np.mean(named == truth),
    }
    count = len(np.unique(known.frame["class"].to_numpy()))
    text = translated(TEXT, lang).format(people=count, level=level, unknown=UNKNOWN, **rates)
    files = labeled_image_files(other) | labeled_image_files(strangers, "strangers")
    return Gate(model, text, files)


def _predicted(model: Model, images: Table) -> np.ndarray:
    """What ``chainrule predict`` predicts for images: a name, or unknown."""
    assert model.preparation is not None
    return prediction_columns(model, model.preparation.inputs(images), proba=False)["prediction"]
