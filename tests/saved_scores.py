"""The scores that an example saved in a RUN, beside what ``chainrule evaluate`` prints for its test rows."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from chainrule.apps.cli.main import main
from chainrule.tabular.display import metric_title


def printed_scores(run: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The numbers of the network that ``chainrule evaluate RUN DATA`` prints, by title."""
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--lang", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()
    printed: dict[str, str] = {}
    for titles, cells in pairwise(lines):
        names, values = (part.split("  ") for part in (titles, cells))
        names, values = ([cell.strip() for cell in part if cell.strip()] for part in (names, values))
        if len(values) == len(names) + 1:  # the name of the model
            values = values[1:]
        if len(names) == len(values):
            printed |= {name: value for name, value in zip(names, values, strict=True) if name not in printed}
    return printed


def check_saved_scores(
    run: Path,
    data: Path,
    method: str,
    titles: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    place: int = 0,
) -> None:
    """Check that the command prints the scores of the example.

    Args:
        run, data: of the example, and its test rows.
        method: the name of the network in ``scores.json``.
        titles: by the name of a metric in ``scores.json``, its name or title in the command.
        place: of the saved network among the values.
    """
    saved = json.loads((run / "scores.json").read_text(encoding="utf-8"))[method]
    printed = printed_scores(run, data, capsys)
    for metric, title in titles.items():
        number = printed[title] if title in printed else printed.get(metric_title(title), "")
        assert number, f"{title} is not in {printed}"
        assert float(number) == pytest.approx(saved[metric][place], rel=2e-3, abs=6e-4), metric
