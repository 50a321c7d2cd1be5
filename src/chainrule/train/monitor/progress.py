"""Whether a training shows its progress. The progress bar is imported only if it does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from chainrule import train
from chainrule.events import Listener


def is_verbose(verbose: bool | None = None) -> bool:
    """Whether a training shows its progress and its notices.

    Args:
        verbose: as in ``fit``; ``None``: if the standard output is a terminal.
    """
    return sys.stdout.isatty() if verbose is None else verbose


@contextmanager
def progress(verbose: bool | None) -> Iterator[list[Listener]]:
    """The listeners that show the progress of a training, inside the block.

    Args:
        verbose: as in ``is_verbose``.
    """
    if not is_verbose(verbose):
        yield []
        return
    with train.show_progress_bar() as bar:
        yield [bar]
