"""Dynamic time warping: align two sequences of vectors that have the same content at another speed.

A path pairs frames, from the two first to the two last. Each step advances one of the sequences or both, and
the cost of a path is the sum of the distances of its pairs. With c[i, j] the distance of frames i and j, the
smallest cost of a path to (i, j) is::

    D[i, j] = c[i, j] + min(D[i-1, j-1], D[i-1, j], D[i, j-1])

D is computed by its diagonals i + j = constant, whose elements do not depend on each other. Only the best
last step of each pair is stored, in a byte.

Reference: Sakoe and Chiba (1978), Dynamic programming algorithm optimization for spoken word recognition
(IEEE ASSP 26).
"""

from __future__ import annotations

import numpy as np

from chainrule.errors import DataError, fact
from chainrule.records import frozen
from chainrule.spec import shape_text

MAX_BYTES = 400_000_000  # of the steps
BOTH, FIRST, SECOND = 0, 1, 2  # which sequence a step advances


@frozen(eq=False)
class WarpingPath:
    """Pairs of frames of two sequences.

    Args:
        i, j: (n,) indices into the two sequences; neither decreases, and no step is larger than 1.
        distances: (n,) of the pairs.
    """

    i: np.ndarray
    j: np.ndarray
    distances: np.ndarray

    @property
    def cost(self) -> float:
        """The sum of the distances."""
        return float(self.distances.sum())


def warp_time(a: np.ndarray, b: np.ndarray) -> WarpingPath:
    """Return the path of smallest cost between two sequences; the distance of two vectors is Euclidean.

    Args:
        a: (N, C) vectors.
        b: (M, C) vectors.

    Raises:
        DataError E341: other shapes; E342: a non-finite number; E308: too many pairs of frames.

    Example:
        >>> path = warp_time(np.array([[0.0], [1.0], [5.0]]), np.array([[0.0], [1.0], [1.0], [5.0]]))
        >>> path.i.tolist(), path.j.tolist(), path.cost
        ([0, 1, 1, 2], [0, 1, 2, 3], 0.0)
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    _check(a, b)
    steps = _best_steps(a, b)
    i, j = len(a) - 1, len(b) - 1
    path = [(i, j)]
    while i or j:
        step = steps[i + j, i]
        i, j = i - (step != SECOND), j - (step != FIRST)
        path.append((i, j))
    rows, columns = np.array(path[::-1]).T
    return WarpingPath(rows, columns, _distances(a[rows], b[columns]))


def _check(a: np.ndarray, b: np.ndarray) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1:] != b.shape[1:] or not (a.size and b.size):
        received = f"{shape_text(a.shape)}, {shape_text(b.shape)}"
        raise DataError("E341", where="warp_time", expected="(N, C), (M, C)", received=received)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        expected, received = fact("finite numbers"), fact("numbers that are not finite")
        raise DataError("E342", where="warp_time", expected=expected, received=received)
    size = (len(a) + len(b)) * len(a)
    if size > MAX_BYTES:
        expected, received = fact("at most {limit:,} bytes", limit=MAX_BYTES), f"{size:,}"
        raise DataError("E308", where="warp_time", expected=expected, received=received)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the distance of each row of ``a`` from the same row of ``b``."""
    return np.sqrt(np.square(a - b).sum(axis=1))


def _best_steps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the last step of the best path to frames i and j at [i + j, i], (N + M - 1, N)."""
    n, m = len(a), len(b)
    steps = np.zeros((n + m - 1, n), np.int8)
    mirrored = b[::-1]
    before, last = np.full((2, n + 1), np.inf)  # D of the two diagonals before; [i + 1] for frame i
    before[0] = 0.0  # the path begins at (0, 0) by a step of both
    for total in range(n + m - 1):
        low, high = max(0, total - m + 1), min(n, total + 1)  # the frames i of this diagonal
        own = _distances(a[low:high], mirrored[m - 1 - total + low : m - 1 - total + high])
        costs = np.stack([before[low:high], last[low:high], last[low + 1 : high + 1]])  # both, first, second
        steps[total, low:high] = costs.argmin(axis=0)
        before, last = last, np.full(n + 1, np.inf)
        last[low + 1 : high + 1] = own + costs.min(axis=0)
    return steps
