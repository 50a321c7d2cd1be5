"""``chainrule doctor``: the diagnosis of a training, from the checks before, during and after it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.texts import text_of
from chainrule.apps.cli.views.doctor import saved_diagnosis, show_nonfinite_report
from chainrule.diagnosis import DIAGNOSIS_FILE
from chainrule.page import screen
from chainrule.store import atomic_write
from chainrule.tabular.remedies import with_commands


def doctor(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    html: Annotated[str | None, output_file("=html")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Print each finding of a training: the problem, its evidence, its cause and one fix to try."""
    if html is None and show_nonfinite_report(run) and not os.path.isfile(Path(run) / DIAGNOSIS_FILE):
        return
    diagnosis = with_commands(saved_diagnosis(run), run)
    if html is None:
        screen.block(str(diagnosis).rstrip("\n"))
        if not diagnosis.findings:
            screen.line(text_of("doctor_scope").format(run=run))
        return
    atomic_write.write(html, diagnosis.to_html().encode())
    screen.line(text_of("page_written").format(file=html))
