"""The parts of a sample that black-box methods take away, and what stands in for them.

Several inputs are laid out as one row of numbers, so that the methods themselves see only rows. What a part
is, depends on what the sample is:

    a table                all numbers made from one column
    a row of numbers       each number
    a text, a series       each place, with all its channels
    an image, a volume     patches of its leading axes, with all channels
    said by a person       groups by name, of columns or of numbers of the row

Whole numbers that name words are replaced by the token for what is unknown, other numbers by 0, where no
baseline says better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.attribution.counterfactual.feature_domain import refuse_strange
from chainrule.attribution.methods.coalitions import Game
from chainrule.attribution.methods.occlusion import patches
from chainrule.attribution.question import Question
from chainrule.errors import UsageError
from chainrule.records import frozen

UNKNOWN = 1  # the number a tokenizer sets aside for what it does not know
ALONG = 7  # patches along each axis of an image


@frozen(eq=False)
class Packed:
    """A question whose samples are rows of numbers.

    Args:
        question: what is asked.
    """

    question: Question

    @cached_property
    def slots(self) -> dict[str, slice]:
        """Where each input lies in a row."""
        found, start = {}, 0
        for name, array in self.question.inputs.items():
            found[name] = slice(start, start + array[0].size)
            start += array[0].size
        return found

    @cached_property
    def moved(self) -> tuple[str, ...]:
        """The inputs that are asked about: those that are numbers or name words; all, where none does."""
        return tuple(self.question.score.entries) or tuple(self.slots)

    @cached_property
    def rows(self) -> np.ndarray:
        """(n, N) the samples."""
        return np.concatenate([_flat(array) for array in self.question.inputs.values()], axis=1)

    def background(self, sample: int) -> np.ndarray:
        """(R, N) what stands in for what is taken from a sample."""
        known = self.question.baseline or {}
        copies = len(next(iter(known.values()))) if known else 1
        rows = np.repeat(self.rows[sample][None], copies, axis=0)
        for name in self.moved:
            rows[:, self.slots[name]] = _flat(known[name]) if name in known else self._nothing(name)
        return rows

    def _nothing(self, name: str) -> int:
        score, tokenizers = self.question.score, self.question.model.tokenizers
        own = score.network.inference.inputs[name]
        is_word = own not in score.entries.get(name, (own,))  # it enters by the vectors of its words
        return UNKNOWN if is_word and (name in tokenizers or "" in tokenizers) else 0

    def game(self, sample: int, groups: Sequence[np.ndarray]) -> Game:
        """A sample whose parts can be taken away."""

        def score(rows: np.ndarray) -> np.ndarray:
            inputs = {
                name: rows[:, self.slots[name]].reshape(len(rows), *array.shape[1:]).astype(array.dtype)
                for name, array in self.question.inputs.items()
            }
            return self.question.scores(inputs, sample)

        return Game(score, self.rows[sample], self.background(sample), groups)

    def unpacked(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Numbers for each number of the rows (n, N), by input and in its shape."""
        inputs = self.question.inputs
        return {name: rows[:, self.slots[name]].reshape(inputs[name].shape) for name in self.moved}

    def parts(
        self, groups: Mapping[str, Any] | None, window: Any, stride: Any = None
    ) -> tuple[list[np.ndarray], bool]:
        """The parts of a sample, and whether they are patches.

        Args:
            groups: names of a person's own parts, each with its columns or numbers of the row.
            window, stride: of patches; one number for all axes.

        Raises:
            UsageError E101: a column that does not exist. UsageError E102: patches that do not fit.
        """
        if groups is not None:
            return self._own(groups), False
        if self.question.columns:
            columns = np.array(self.question.columns)
            return [np.flatnonzero(columns == name) for name in dict.fromkeys(self.question.columns)], False
        found, are_patches = [], False
        for name in self.moved:
            shape = self.question.inputs[name].shape[1:]
            along = self._along(shape, window)
            are_patches |= any(length > 1 for length in along)
            step = along if stride is None else self._along(shape, stride, "stride")
            found += [places + self.slots[name].start for places in patches(shape, along, step)]
        return found, are_patches

    def _along(self, shape: tuple[int, ...], asked: Any, what: str = "window") -> tuple[int, ...]:
        """How long a patch is along each leading axis."""
        axes = shape[:-1] if len(shape) > 1 else shape
        if asked is None:
            return tuple(-(-length // ALONG) for length in axes) if len(axes) > 1 else (1,) * len(axes)
        given = tuple(asked) if isinstance(asked, tuple | list) else (asked,) * len(axes)
        whole = all(isinstance(each, int | np.integer) and not isinstance(each, bool) for each in given)
        fits = len(given) == len(axes) and whole
        if not fits or not all(1 <= each <= length for each, length in zip(given, axes, strict=True)):
            raise UsageError(
                "E102", where="attribute", name=what, received=repr(asked)[:80],
                expected=f"integers, 1 to {' and 1 to '.join(map(str, axes))}", fix=f"{what}=1",
            )  # fmt: skip
        return tuple(int(each) for each in given)

    def _own(self, groups: Mapping[str, Any]) -> list[np.ndarray]:
        """A person's own parts; what is in none stays as it is."""
        shapes = [array.shape[1:] for array in self.question.inputs.values()]
        if [len(shape) for shape in shapes] != [1]:
            raise UsageError(
                "E102", where="attribute", name="groups", expected="one input of rows of numbers (B, F)",
                received=", ".join(map(str, shapes)), fix="window=4",
            )  # fmt: skip
        names = self.question.columns or tuple(f"x{i + 1}" for i in range(self.rows.shape[1]))
        return list(places_of(groups, names).values())


def places_of(groups: Mapping[str, Any], names: Sequence[str]) -> dict[str, np.ndarray]:
    """The places of the numbers of each group.

    Args:
        groups: by name, each a column or several.
        names: the column of each number of a row.

    Raises:
        UsageError E101: columns that do not exist; all are listed. UsageError E102: a column in two groups.

    Example:
        >>> places_of({"size": ["a", "c"]}, ["a", "b", "c", "c"])["size"].tolist()
        [0, 2, 3]
    """
    given = groups if isinstance(groups, Mapping) else {}
    asked = {name: list(part) if isinstance(part, list | tuple) else [part] for name, part in given.items()}
    every = [str(column) for part in asked.values() for column in part]
    refuse_strange("groups", every, names)
    twice = sorted({column for column in every if every.count(column) > 1})
    if twice or not all(asked.values()) or not asked:
        raise UsageError(
            "E102", where="groups", name="groups", expected="each column in one group, no group empty",
            received=", ".join(twice) or repr(groups)[:80],
        )  # fmt: skip
    known = np.array(names)
    return {name: np.flatnonzero(np.isin(known, part)) for name, part in asked.items()}


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1).astype(np.float64)
