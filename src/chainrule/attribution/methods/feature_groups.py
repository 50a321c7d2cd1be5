"""The parts of a sample that perturbation methods replace, and the values that replace them.

All inputs of a sample are concatenated to one row of numbers, so that the methods only handle rows. The parts
depend on the kind of sample:

    a table                all features of one column
    a row of numbers       each number
    a text, a series       each position, with all its channels
    an image, a volume     patches of its leading axes, with all channels
    custom groups          groups by name, of columns or of elements of the row

Without a baseline, tokens are replaced by the token for unknown words, and other numbers by 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.attribution.context import AttributionContext
from chainrule.attribution.feature_domain import require_known_names
from chainrule.attribution.methods.coalitions import Game
from chainrule.attribution.methods.occlusion import patches
from chainrule.errors import UsageError, fact, join_facts
from chainrule.memo import cached_property
from chainrule.records import frozen
from chainrule.validation import out_of_range

UNKNOWN_TOKEN = 1  # the token that a tokenizer reserves for unknown words
PATCHES_PER_AXIS = 7  # patches along each axis of an image


@frozen(eq=False)
class FlatSamples:
    """Samples as rows of numbers.

    Args:
        context: the samples, the score and the baseline.
    """

    context: AttributionContext

    @cached_property
    def slices(self) -> dict[str, slice]:
        """The slice of each input in a row."""
        slices, start = {}, 0
        for name, array in self.context.inputs.items():
            slices[name] = slice(start, start + array[0].size)
            start += array[0].size
        return slices

    @cached_property
    def perturbed(self) -> tuple[str, ...]:
        """The inputs that are perturbed: numeric ones and tokens; all, if there are none."""
        return tuple(self.context.score.entries) or tuple(self.slices)

    @cached_property
    def rows(self) -> np.ndarray:
        """(n, N) The samples."""
        return np.concatenate([_flat(array) for array in self.context.inputs.values()], axis=1)

    def background(self, sample: int) -> np.ndarray:
        """Return (R, N) the rows that replace parts of a sample."""
        baseline = self.context.baseline or {}
        copies = len(next(iter(baseline.values()))) if baseline else 1
        rows = np.repeat(self.rows[sample][None], copies, axis=0)
        for name in self.perturbed:
            rows[:, self.slices[name]] = (
                _flat(baseline[name]) if name in baseline else self._neutral_value(name)
            )
        return rows

    def _neutral_value(self, name: str) -> int:
        score, tokenizers = self.context.score, self.context.model.tokenizers
        own = score.network.inference.inputs[name]
        is_word = own not in score.entries.get(name, (own,))  # its entries are the vectors of its tokens
        return UNKNOWN_TOKEN if is_word and (name in tokenizers or "" in tokenizers) else 0

    def game(self, sample: int, groups: Sequence[np.ndarray]) -> Game:
        """Return a sample whose parts can be replaced."""

        def score(rows: np.ndarray) -> np.ndarray:
            inputs = {
                name: rows[:, self.slices[name]].reshape(len(rows), *array.shape[1:]).astype(array.dtype)
                for name, array in self.context.inputs.items()
            }
            return self.context.scores(inputs, sample)

        return Game(score, self.rows[sample], self.background(sample), groups)

    def unpacked(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Split values of rows (n, N) into inputs of their shapes."""
        inputs = self.context.inputs
        return {name: rows[:, self.slices[name]].reshape(inputs[name].shape) for name in self.perturbed}

    def parts(
        self, groups: Mapping[str, Any] | None, window: Any, stride: Any = None
    ) -> tuple[list[np.ndarray], bool]:
        """Return the parts of a sample, and whether they are patches.

        Args:
            groups: custom parts by name, each with its columns or elements of the row.
            window, stride: of patches; one number for all axes.

        Raises:
            UsageError E101: a column that does not exist. UsageError E102: patches that do not fit.
        """
        if groups is not None:
            return self._custom_parts(groups), False
        if self.context.columns:
            columns = np.array(self.context.columns)
            return [np.flatnonzero(columns == name) for name in dict.fromkeys(self.context.columns)], False
        parts, are_patches = [], False
        for name in self.perturbed:
            shape = self.context.inputs[name].shape[1:]
            lengths = self._patch_lengths(shape, window)
            are_patches |= any(length > 1 for length in lengths)
            step = lengths if stride is None else self._patch_lengths(shape, stride, "stride")
            parts += [indices + self.slices[name].start for indices in patches(shape, lengths, step)]
        return parts, are_patches

    def _patch_lengths(self, shape: tuple[int, ...], requested: Any, name: str = "window") -> tuple[int, ...]:
        """Return the length of a patch along each leading axis."""
        axes = shape[:-1] if len(shape) > 1 else shape
        if requested is None:
            return tuple(-(-axis // PATCHES_PER_AXIS) for axis in axes) if len(axes) > 1 else (1,) * len(axes)
        lengths = tuple(requested) if isinstance(requested, tuple | list) else (requested,) * len(axes)
        are_integers = all(
            isinstance(length, int | np.integer) and not isinstance(length, bool) for length in lengths
        )
        fits = len(lengths) == len(axes) and are_integers
        if not fits or not all(1 <= length <= axis for length, axis in zip(lengths, axes, strict=True)):
            ranges = [fact("1 to {last}", last=n) for n in axes]
            expected = fact("integers, {ranges}", ranges=join_facts(" and ", ranges))
            raise out_of_range(requested, name, "attribute", expected, fix=f"{name}=1")
        return tuple(int(length) for length in lengths)

    def _custom_parts(self, groups: Mapping[str, Any]) -> list[np.ndarray]:
        """Return custom parts; elements in none of them are not replaced."""
        shapes = [array.shape[1:] for array in self.context.inputs.values()]
        if [len(shape) for shape in shapes] != [1]:
            expected = fact("one input of rows of numbers (B, F)")
            received = ", ".join(map(str, shapes))
            raise UsageError(
                "E102", where="attribute", name="groups", expected=expected, received=received, fix="window=4"
            )
        names = self.context.columns or tuple(f"x{i + 1}" for i in range(self.rows.shape[1]))
        return list(group_indices(groups, names).values())


def group_indices(groups: Mapping[str, Any], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the indices of the elements of each group.

    Args:
        groups: by name, each a column or several.
        names: the column of each element of a row.

    Raises:
        UsageError E101: columns that do not exist; all are listed. UsageError E102: a column in two groups.

    Example:
        >>> group_indices({"size": ["a", "c"]}, ["a", "b", "c", "c"])["size"].tolist()
        [0, 2, 3]
    """
    mapping = groups if isinstance(groups, Mapping) else {}
    columns_by_group = {
        name: list(part) if isinstance(part, list | tuple) else [part] for name, part in mapping.items()
    }
    columns = [str(column) for part in columns_by_group.values() for column in part]
    require_known_names("groups", columns, names)
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated or not all(columns_by_group.values()) or not columns_by_group:
        expected = fact("each column in one group, no group empty")
        received = ", ".join(repeated) or repr(groups)[:80]
        raise UsageError("E102", where="groups", name="groups", expected=expected, received=received)
    column_names = np.array(names)
    return {name: np.flatnonzero(np.isin(column_names, part)) for name, part in columns_by_group.items()}


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1).astype(np.float64)
