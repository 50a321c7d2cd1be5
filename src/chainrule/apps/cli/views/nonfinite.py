"""The report on a non-finite value of a run folder, on the screen."""

from __future__ import annotations

import os

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import text_of
from chainrule.settings import settings
from chainrule.train.nonfinite import read_nonfinite_report


def show_nonfinite_report(run: str) -> bool:
    """Print the report of a run folder, if there is one; returns whether there is.

    Raises:
        FileError E555: the report cannot be read.
    """
    report = read_nonfinite_report(run) if os.path.isdir(run) else None
    if report is None:
        return False
    screen.line(text_of("nonfinite"), "bold")
    screen.block("\n".join(report.lines(settings.lang)))
    return True
