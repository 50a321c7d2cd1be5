"""Example programs: ``chainrule example NAME``, or ``python -m chainrule.apps.examples.NAME``."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.messages import Texts

Count = Annotated[int, typer.Option(min=1)]  # an integer option of at least 1
Natural = Annotated[int, typer.Option(min=0)]  # an integer option of at least 0
COMMON: Texts = {  # options of several examples
    "seeds": "number of trainings, with seeds 0, 1, ...",
    "epochs": "number of epochs; 0: chosen for the form",
    "out": "folder for the model, the scores and a page",
}
