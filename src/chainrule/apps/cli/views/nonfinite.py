"""The black box of a RUN on the screen: where a number stopped being finite."""

from __future__ import annotations

import os

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import say
from chainrule.settings import settings
from chainrule.train.nonfinite import read_black_box


def show_black_box(run: str) -> bool:
    """Show what ended a training, if a number that is not finite did; whether there was something to show.

    Raises:
        FileError E555: the record cannot be read.
    """
    found = read_black_box(run) if os.path.isdir(run) else None
    if found is None:
        return False
    screen.line(say("black_box"), "bold")
    screen.block("\n".join(found.lines(settings.lang)))
    return True
