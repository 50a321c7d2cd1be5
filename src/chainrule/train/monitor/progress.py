"""Whether a training shows its progress. The progress bar is imported only if it does."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chainrule import train
from chainrule.data import Finding
from chainrule.events import Channel, Listener, Notice, notices
from chainrule.messages import Message
from chainrule.settings import settings


def is_verbose(verbose: bool | None = None) -> bool:
    """Return whether a training shows its progress and notices; ``None``: on a terminal, in a notebook."""
    return sys.stdout.isatty() or in_notebook() if verbose is None else verbose


def in_notebook() -> bool:
    """Return whether the program is the cell of a notebook: a shell of IPython that belongs to a kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


@contextmanager
def progress(verbose: bool | None) -> Iterator[list[Listener]]:
    """Yield the listeners that show the progress of a training; ``verbose`` as in ``is_verbose``."""
    if not is_verbose(verbose):
        yield []
        return
    show = train.show_notebook_progress if in_notebook() else train.show_progress_bar
    with show() as bar:
        yield [bar]


def report_data_notices(findings: Sequence[Finding], channel: Channel | None) -> None:
    """Report findings about the table of a training: with its progress, else as warnings of Python."""
    for finding in findings:
        if channel is not None:
            channel.send(Notice(finding.message))
        else:
            warn(finding.render(settings.lang))


def report_notice(message: Message) -> None:
    """Report what a program must know: by a notice of the command that runs, else as a warning of Python."""
    if notices.has_listener:
        notices.emit(message)
    else:
        warn(message.render(settings.lang))


def warn(text: str) -> None:
    """Emit a warning of Python at the line outside the package that called it."""
    warnings.warn(text, UserWarning, stacklevel=_outside())


def _outside() -> int:
    """Return the number of frames up to the code that called the package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INNER:
        frame, level = frame.f_back, level + 1
    return level


_INNER = (__name__.partition(".")[0], "contextlib")
