"""Whether somebody watches a training. What draws for them is loaded only then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from chainrule import train
from chainrule.events import Listener


def is_watched(verbose: bool | None = None) -> bool:
    """Whether a training shows itself, and what it has to say, while it runs.

    Args:
        verbose: show, or not; ``None``: when the output is a terminal.
    """
    return sys.stdout.isatty() if verbose is None else verbose


@contextmanager
def progress(verbose: bool | None) -> Iterator[list[Listener]]:
    """The listeners that show a training, inside the block.

    Args:
        verbose: as in ``is_watched``.
    """
    if not is_watched(verbose):
        yield []
        return
    with train.watched_by_bar() as bar:
        yield [bar]
