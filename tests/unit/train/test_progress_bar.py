"""The progress bar fits its terminal for any values, and never truncates a number."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from chainrule.events import EpochDone, StepDone, TrainingStarted
from chainrule.settings import settings
from chainrule.train.monitor import progress_bar

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.mark.parametrize(("lang", "loss"), [("en", "loss"), ("zh", "损失")])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 160])
def test_the_progress_bar_fits_the_terminal(
    width: int, lang: str, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(progress_bar, "Console", lambda: Console(file=out, force_terminal=True, width=width))
    with settings.using(lang=lang), progress_bar.show_progress_bar() as live:
        live(TrainingStarted(1000, 200, 50, 5000))
        live(EpochDone(122, 6150, {"val_loss": 0.19234, "val_accuracy": 0.95123}))
        live(StepDone(6200, 123, 0, 0.497, 0.002))
        live.bar.refresh()
    lines = [line for line in re.split(r"[\r\n]+", ESCAPE.sub("", out.getvalue())) if f"{loss} 0" in line]
    assert lines
    for line in lines:
        assert cell_len(line.rstrip()) <= width
        assert "…" not in line
        assert f"{loss} 0.497" in line
        assert ("0.9512" in line) == (width >= 60)
        assert ("0.002" in line) == (width >= 120)
