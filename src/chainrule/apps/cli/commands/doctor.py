"""``chainrule doctor``: what was found wrong with a training, before it, while it ran and at its end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.remedies import commands_for
from chainrule.apps.cli.texts import say
from chainrule.apps.cli.views.doctor import notes_of
from chainrule.apps.cli.views.nonfinite import show_nonfinite_report
from chainrule.diagnosis import DIAGNOSIS_FILE
from chainrule.store import atomic_write


def doctor(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    html: Annotated[str | None, typer.Option(help="=html", metavar="FILE")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Show each finding of a training: what, the evidence, why, and one change to try."""
    if html is None and show_nonfinite_report(run) and not os.path.isfile(Path(run) / DIAGNOSIS_FILE):
        return
    diagnosis = notes_of(run)
    if html is None:
        screen.block(str(diagnosis).rstrip("\n"))
        if commands := commands_for(diagnosis, run):
            screen.heading(say("on_command_line"))
            for command in dict.fromkeys(commands):
                screen.line(f"  {command}")
        return
    atomic_write.write(html, diagnosis.to_html().encode())
    screen.line(say("page_written").format(file=html))
