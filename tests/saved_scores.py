"""The commands on the RUN of an example: ``evaluate`` on its test rows, ``predict`` on other input."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.robustness import stored_gate
from chainrule.tabular.display import metric_title
from chainrule.tabular.run_folder import MODEL

UNKNOWN = "unknown"  # the prediction for rows unlike those of the training


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


def check_own_input(
    run: Path | str,
    own: Sequence[Path | str],
    foreign: Sequence[Path | str],
    capsys: pytest.CaptureFixture[str],
    *,
    column: str = "prediction",
    names: Collection[str] | None = (),
) -> None:
    """Check that ``chainrule predict RUN`` predicts other input, and no class of a foreign one.

    Args:
        run: of the example.
        own, foreign: the words after RUN: a file, or ``--text`` and a text.
        column: of the predictions.
        names: that a prediction may be; empty: it is a number; ``None``: a text or the name of a file.
    """
    rows = _predictions(run, own, capsys)
    assert rows is not None, f"{own} is refused"
    for row in rows:
        assert names or names is None or np.isfinite(float(row[column])), row
        assert not names or row[column] in {*names, UNKNOWN}, row
    refused = _predictions(run, foreign, capsys)
    assert refused is None or {row[column] for row in refused} <= {"", UNKNOWN}, f"{foreign} is predicted"


def check_gate(run: Path | str) -> None:
    """Check that the model of a RUN has a novelty gate."""
    assert stored_gate(cr.load(Path(run, MODEL)).state) is not None


def _predictions(
    run: Path | str, words: Sequence[Path | str], capsys: pytest.CaptureFixture[str]
) -> list[dict[str, str]] | None:
    """The rows that ``chainrule predict`` prints; ``None`` if it refuses the input in one message."""
    capsys.readouterr()
    code = main(["predict", str(run), *map(str, words), "--lang", "en"])
    printed = capsys.readouterr()
    assert code in (0, 2), printed.err
    assert code == 0 or "Error E" in printed.err, printed.err
    return list(csv.DictReader(printed.out.splitlines())) if code == 0 else None
