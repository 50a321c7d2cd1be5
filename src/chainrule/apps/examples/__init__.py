"""Small networks to run and to read: ``chainrule example NAME``, or ``python -m
chainrule.apps.examples.NAME``."""

from __future__ import annotations

from typing import Annotated

import typer

Count = Annotated[int, typer.Option(min=1)]  # an option that is a whole number of at least 1
