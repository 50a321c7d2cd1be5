"""Splits of images of people: by image, and by person."""

from __future__ import annotations

import numpy as np

from chainrule.data import Table


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
    """All images of three quarters of the people, chosen at random, and all images of the others.

    Args:
        images: with the person as the class.
        seed: of the choice.
    """
    people = images.frame["class"].to_numpy()
    names = np.random.default_rng(seed).permutation(np.unique(people))
    return _parts(images, ~np.isin(people, names[: len(names) // 4]))


def _parts(images: Table, is_first: np.ndarray) -> tuple[Table, Table]:
    return images.take(np.flatnonzero(is_first)), images.take(np.flatnonzero(~is_first))
