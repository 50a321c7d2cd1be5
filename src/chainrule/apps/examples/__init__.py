"""Example programs: ``chainrule example NAME``, or ``python -m chainrule.apps.examples.NAME``."""

from __future__ import annotations

from typing import Annotated

import typer

Count = Annotated[int, typer.Option(min=1)]  # an integer option of at least 1
