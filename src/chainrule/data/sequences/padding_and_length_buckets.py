"""Sequences of different lengths: padding with a mask, and batches of sequences of similar length.

Sequences of a batch are padded to one length (``pad_sequences``), and a mask marks the valid positions.
Padding costs computation, so batches combine sequences of similar length (``Buckets``); their composition and
order are random in every epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import DataError, fact
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.validation import out_of_range, random_seed, require_integer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_STREAM = 0x4255434B  # "BUCK": the stream of the seed for this use


@frozen(eq=False)
class Padded:
    """Padded sequences.

    Args:
        values: (N, T, ...), each sequence followed by padding.
        mask: (N, T), true for values and false for padding.
        lengths: (N,) number of values of each sequence.
    """

    values: np.ndarray
    mask: np.ndarray
    lengths: np.ndarray

    def unpad(self) -> list[np.ndarray]:
        """Return the sequences without padding."""
        return [row[:length] for row, length in zip(self.values, self.lengths.tolist(), strict=True)]


def pad_sequences(
    sequences: Sequence[ArrayLike], length: int | None = None, value: float = 0, *, truncate: bool = False
) -> Padded:
    """Pad sequences of different lengths into one array.

    Args:
        sequences: N arrays or lists, (T_i, ...), at least one value each.
        length: T; by default that of the longest.
        value: padding value.
        truncate: cut sequences longer than ``length`` at their end instead of refusing them.

    Raises:
        DataError E341: values that differ in shape or are not numbers; E343: no sequences; E363: empty
        sequences, all of them; E364: sequences longer than ``length``, all of them.
        UsageError E102: a length below 1.

    Example:
        >>> padded = pad_sequences([[5, 6, 7], [8]])
        >>> padded.values.tolist(), padded.mask.tolist(), padded.lengths.tolist()
        ([[5, 6, 7], [8, 0, 0]], [[True, True, True], [True, False, False]], [3, 1])
    """
    rows = [np.asarray(row) for row in sequences]
    _check(rows)
    lengths = np.array([len(row) for row in rows])
    longest = int(lengths.max()) if length is None else length
    if type(longest) is not int or longest < 1:
        raise out_of_range(length, "length", "pad_sequences", fact("at least 1"))
    long = np.flatnonzero(lengths > longest)
    if len(long) and not truncate:
        places = [fact("sequence {number} has {count}", number=i, count=lengths[i]) for i in long.tolist()]
        raise DataError(
            "E364",
            where=f"sequence {long[0]}",
            expected=fact("at most {limit} values", limit=longest),
            received=fact("{count} values", count=lengths[long[0]]),
            notes=places[1:20],
            fix=fact("length={length}, or truncate=True", length=lengths.max()),
        )
    lengths = np.minimum(lengths, longest)
    values = np.full((len(rows), longest, *rows[0].shape[1:]), value, np.result_type(*rows))  # (N, T, ...)
    for padded, row, count in zip(values, rows, lengths.tolist(), strict=True):
        padded[:count] = row[:count]
    return Padded(values, np.arange(longest) < lengths[:, None], lengths)


def _check(rows: list[np.ndarray]) -> None:
    """Require nonempty sequences of numbers with values of one shape."""
    if not rows:
        raise DataError(
            "E343", where="pad_sequences", expected=fact("at least one sequence"), received=fact("none")
        )
    flat = [i for i, row in enumerate(rows) if row.ndim == 0 or row.dtype.kind not in "fiub"]
    empty = [i for i, row in enumerate(rows) if row.ndim and not row.shape[0]]
    if empty:
        notes = [f"sequence {i}" for i in empty[1:20]]
        where = f"sequence {empty[0]}"
        expected = fact("at least one value")
        fix = fact("leave empty sequences out: [s for s in sequences if len(s)]")
        raise DataError("E363", where=where, expected=expected, received=fact("none"), notes=notes, fix=fix)
    shapes = {row.shape[1:] for row in rows if row.ndim}
    if flat or len(shapes) > 1:
        odd = flat[0] if flat else next(i for i, r in enumerate(rows) if r.shape[1:] != rows[0].shape[1:])
        expected = fact("numbers (T,)") if flat else f"(T, {', '.join(map(str, rows[0].shape[1:]))})"
        received = fact("{dtype} of shape {shape}", dtype=rows[odd].dtype, shape=rows[odd].shape)
        raise DataError("E341", where=f"sequence {odd}", expected=expected, received=received)


@frozen(eq=False)
class Buckets:
    """Batches of sequences of similar length; the counterpart of ``Order``.

    Lengths within a batch differ by less than ``width``. Every sequence occurs once per epoch; batch ``i`` of
    epoch ``e`` is a function of the seed, so an interrupted training resumes with the same batches.

    Args:
        lengths: length of every sequence.
        batch_size: sequences per batch; the last batch of each bucket contains the rest.
        width: range of lengths of a bucket.
        seed: an integer from 0 to 2**63 - 1.

    Raises:
        UsageError E102: a batch size or width below 1. DataError E343: no lengths; E363: a length of 0.

    Example:
        >>> buckets = Buckets((3, 9, 4, 10, 3), batch_size=2, width=4)
        >>> buckets.steps, [sorted(buckets.batch(0, i).tolist()) for i in range(3)]
        (3, [[2], [0, 4], [1, 3]])
    """

    lengths: tuple[int, ...]
    batch_size: int
    width: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", tuple(int(n) for n in self.lengths))
        require_integer(self, "batch_size", 1)
        require_integer(self, "width", 1)
        random_seed(self.seed, "Buckets")
        if not self.lengths:
            raise DataError(
                "E343", where="Buckets", expected=fact("at least one length"), received=fact("none")
            )
        if min(self.lengths) < 1:
            row = self.lengths.index(min(self.lengths))
            received = f"length {self.lengths[row]}"
            raise DataError(
                "E363", where=f"sequence {row}", expected=fact("at least one value"), received=received
            )

    @property
    def rows(self) -> int:
        """The number of sequences."""
        return len(self.lengths)

    @property
    def steps(self) -> int:
        """The number of batches in an epoch."""
        return len(_batches(self, 0))

    @property
    def smallest(self) -> int:
        """The number of rows in the smallest batch of an epoch."""
        return min(map(len, _batches(self, 0)))

    @property
    def shuffle(self) -> bool:
        """Whether every epoch has another order; always true."""
        return True

    def batch(self, epoch: int, step: int) -> np.ndarray:
        """Return the indices of the sequences in batch ``step`` (from 0) of epoch ``epoch``; read-only.

        Args:
            epoch: from 0.
            step: from 0.
        """
        return _batches(self, epoch)[step]


@lru_cache(maxsize=4)
def _batches(buckets: Buckets, epoch: int) -> tuple[np.ndarray, ...]:
    key = fold(key_of(buckets.seed), _STREAM, epoch)
    rows = permutation(fold(key, 0), buckets.rows)
    bucket_of = (np.array(buckets.lengths)[rows] - 1) // buckets.width
    batches = []
    for bucket in np.unique(bucket_of):
        own = rows[bucket_of == bucket]
        batches += [own[i : i + buckets.batch_size] for i in range(0, len(own), buckets.batch_size)]
    for batch in batches:
        batch.flags.writeable = False  # shared by every caller through the cache
    return tuple(batches[i] for i in permutation(fold(key, 1), len(batches)))
