"""Square attack: a random search that changes one window of the sample at a time and uses no gradients.

A window of a step is as wide as a share p of the sample, which shrinks with the number of evaluations. A
change is kept if the margin of the true class gets smaller. Because nothing is differentiated, gradients that
are zero, random or wrong do not stop it: where it finds more than the attacks with gradients, their result
cannot be believed.

Samples that are not images are a column of elements: a window is a run of neighboring elements. For the
Euclidean norm, moving the complete length of a change between windows is too coarse for a few elements; there
a step adds a random direction within the window and scales the change to the radius.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from chainrule.messages import Text
from chainrule.records import frozen
from chainrule.robustness.ball import Ball
from chainrule.robustness.method import Attack
from chainrule.robustness.problem import Problem, Search
from chainrule.robustness.stream import Stream
from chainrule.validation import require_integer, require_number

SHARES_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # of all evaluations, where p is halved
_TINY = 1e-12


@frozen
class Square(Attack):
    """Square attack: random search without gradients over windows of the sample.

    Args:
        queries: evaluations of the network for each sample.
        share: the share of the elements that a first window covers.

    Reference: Andriushchenko, Croce, Flammarion and Hein (2020), Square Attack: a query-efficient black-box
    adversarial attack via random search, ECCV, algorithms 1 to 3.
    """

    name: ClassVar[str] = "square"
    title: ClassVar[Text] = "square attack, without gradients"
    reference: ClassVar[str] = (
        "Andriushchenko, Croce, Flammarion and Hein, 2020, Square Attack: a query-efficient black-box "
        "adversarial attack via random search"
    )
    uses_gradients: ClassVar[bool] = False
    queries: int = 500
    share: float = 0.8

    def __post_init__(self) -> None:
        require_integer(self, "queries", 1, fix=f"queries={type(self).queries}")
        require_number(self, "share", above=0, maximum=1)

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        search, ball = Search(problem, rows), problem.ball
        height, width, channels = image_shape(problem.sample_shape)
        propose = _propose_inf if ball.norm == "inf" else _propose_2 if width > 1 else _propose_direction
        image = (len(rows), height, width, channels)
        start = (_stripes if ball.norm == "inf" else _tiles)(image, ball, stream)
        self._try(search, search.open, start[search.open])
        for query in range(1, self.queries):
            at = search.open
            if not at.size:
                break
            side = window_side(self.share, query / self.queries, height, width)
            u = search.u[at].reshape(len(at), height, width, channels)
            self._try(search, at, propose(u, min(side, height), min(side, width), ball, stream))
        return search

    def _try(self, search: Search, at: np.ndarray, images: np.ndarray) -> None:
        """Evaluate changes, and keep those with a larger objective."""
        problem = search.problem
        x = problem.x[search.rows[at]]
        u = problem.ball.project(x, images.reshape(x.shape))
        search.record(at, u, problem.margins(u, search.rows[at]))


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return height, width and channels of a sample.

    Example:
        >>> image_shape((28, 28, 1)), image_shape((5, 3)), image_shape((7,))
        ((28, 28, 1), (5, 1, 3), (7, 1, 1))
    """
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return (shape[0], 1, shape[1]) if len(shape) == 2 else (math.prod(shape), 1, 1)


def window_side(share: float, progress: float, height: int, width: int) -> int:
    """Return the side of a window after a share of all evaluations."""
    share /= 2 ** sum(progress > limit for limit in SHARES_AT)
    side = round(math.sqrt(share * height * width)) if width > 1 else round(share * height)
    return max(1, min(side, max(height, width)))


def _windows(
    images: np.ndarray, height: int, width: int, stream: Stream
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return indices of a random window of each image: rows, (n, h, 1) and (n, 1, w)."""
    count = len(images)
    top = stream.integers(images.shape[1] - height + 1, (count,))
    left = stream.integers(images.shape[2] - width + 1, (count,))
    down = top[:, None, None] + np.arange(height)[None, :, None]
    across = left[:, None, None] + np.arange(width)[None, None, :]
    return np.arange(count)[:, None, None], down, across


def _stripes(image: tuple[int, ...], ball: Ball, stream: Stream) -> np.ndarray:
    """Return vertical stripes of the full radius with random signs: the first changes for ``"inf"``."""
    rows, height, width, channels = image
    axis = (rows, 1, width, channels) if width > 1 else image
    return np.broadcast_to(ball.radius * stream.signs(axis), (rows, height, width, channels)).copy()


def _propose_inf(u: np.ndarray, height: int, width: int, ball: Ball, stream: Stream) -> np.ndarray:
    """Return changes whose window has one random sign of the full radius in each channel."""
    u = u.copy()
    signs = stream.signs((len(u), 1, 1, u.shape[3]))
    u[_windows(u, height, width, stream)] = ball.radius * np.broadcast_to(
        signs, (len(u), height, width, u.shape[3])
    )
    return u


def _tiles(image: tuple[int, ...], ball: Ball, stream: Stream) -> np.ndarray:
    """Return a grid of peaks with random signs, of the full radius: the first changes for ``"2"``."""
    rows, height, width, channels = image
    side = max(1, min(5, height), height // 5)
    across = min(side, width)
    u = np.zeros(image)
    for top in range(0, height - side + 1, side):
        for left in range(0, width - across + 1, across):
            signs = stream.signs((rows, 1, 1, channels))
            u[:, top : top + side, left : left + across] = peak(side, across)[None, :, :, None] * signs
    return ball.radius * u / np.sqrt((u**2).sum(axis=(1, 2, 3), keepdims=True) + _TINY)


def peak(height: int, width: int) -> np.ndarray:
    """Return a positive pattern that is largest in the middle of a window: (h, w), of length 1.

    The element (r, s) is the sum over k from 0 to M(r, s) of 1 / (n + 1 - k)^2, with n = h // 2 and M the
    number of concentric rings around it within the window (equation 2 of the reference).
    """
    n = height // 2
    rows = np.abs(np.arange(height) - n)[:, None]
    columns = np.abs(np.arange(width) - width // 2)[None, :]
    rings = np.maximum(n - np.maximum(rows, columns), 0)  # (h, w)
    sums = np.cumsum(1.0 / (n + 1 - np.arange(n + 1)) ** 2)
    pattern = sums[rings]
    return pattern / math.sqrt((pattern**2).sum())


def _two_peaks(height: int, width: int, transposed: bool) -> np.ndarray:
    """Return a positive and a negative peak beside each other, of length 1."""
    if width == 1 or (transposed and height > 1):
        half = height // 2
        parts = [peak(half, width)] if half else []
        pattern = np.concatenate([*parts, -peak(height - half, width)], axis=0)
    else:
        half = width // 2
        parts = [peak(height, half)] if half else []
        pattern = np.concatenate([*parts, -peak(height, width - half)], axis=1)
    return pattern / math.sqrt((pattern**2).sum())


def _propose_direction(u: np.ndarray, height: int, width: int, ball: Ball, stream: Stream) -> np.ndarray:
    """Return changes of the full radius, turned by a random direction within a window."""
    u, window = u.copy(), _windows(u, height, width, stream)
    u[window] += ball.radius * stream.normal((len(u), height, width, u.shape[3])) / math.sqrt(height)
    return ball.radius * u / np.sqrt((u**2).sum(axis=(1, 2, 3), keepdims=True) + _TINY)


def _propose_2(u: np.ndarray, height: int, width: int, ball: Ball, stream: Stream) -> np.ndarray:
    """Return changes that move the length of one random window to another (algorithm 3).

    The new window gets the pattern of two peaks, with a random sign in each channel, plus its present
    direction; the other window becomes 0, so that the length of the complete change stays the radius.
    """
    u, channels = u.copy(), u.shape[3]
    target, source = _windows(u, height, width, stream), _windows(u, height, width, stream)
    unused = np.maximum(ball.radius**2 - (u**2).sum(axis=(1, 2, 3)), 0.0)  # (n,)
    in_union = np.zeros(u.shape[:3], bool)
    in_union[target] = in_union[source] = True
    available = np.sqrt((u**2 * in_union[..., None]).sum(axis=(1, 2)) + unused[:, None] / channels)  # (n, C)
    pattern = _two_peaks(height, width, bool(stream.uniform((1,))[0] < 0.5))
    signs = stream.signs((len(u), 1, 1, channels))
    now = u[target]  # (n, h, w, C)
    size = np.sqrt((now**2).sum(axis=(1, 2), keepdims=True))
    direction = signs * pattern[None, :, :, None] + now / (size + _TINY)
    direction /= np.sqrt((direction**2).sum(axis=(1, 2), keepdims=True)) + _TINY
    u[source] = 0.0
    u[target] = direction * available[:, None, None, :]
    return u
