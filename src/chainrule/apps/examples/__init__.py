"""Example programs: ``chainrule example NAME``, or ``python -m chainrule.apps.examples.NAME``."""

from __future__ import annotations

from typing import Annotated

import typer

Count = Annotated[int, typer.Option(min=1)]  # an integer option of at least 1
Natural = Annotated[int, typer.Option(min=0)]  # an integer option of at least 0
COMMON = {  # options of several examples
    "seeds": ("number of trainings, with seeds 0, 1, ...", "训练次数，种子依次为 0、1……"),
    "epochs": ("number of epochs; 0: chosen for the form", "训练轮数；0 表示按形式选择"),
    "out": ("folder for the model, the scores and a page", "保存模型、成绩和网页的文件夹"),
}
