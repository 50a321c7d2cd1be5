"""The results as tables on the console and as JSON."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Row
from benchmarks.peers import OURS
from benchmarks.required import Verdict
from benchmarks.sections import Section

COLUMNS = ("engine", "variant", "median", "spread", "CPU", "chainrule is", "of peak", "memory")


def seconds(value: float) -> str:
    """A time in three digits: ``1.52 µs``, ``4.60 ms``, ``0.83 s``."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= 0.95 * scale or unit == "µs":
            break
    return f"{value / scale:#.3g} {unit}".replace(". ", " ")


def size(value: int | None) -> str:
    """Bytes in MiB."""
    return "" if value is None else f"{value / 2**20:.1f} MiB"


def _cells(section: Section, row: Row) -> list[str]:
    """One row of a table.

    The ratio is how many times as fast as its peer chainrule is: the row of a peer compares it with our row,
    our row with the fastest peer.
    """
    peer, own = section.best_peer(), section.fastest(OURS, section.standing)
    fast, slow = (row, peer) if row.engine == OURS else (own, row)
    share = section.flops / row.median / section.peak if section.flops and section.peak else 0.0
    return [
        row.engine,
        row.variant,
        seconds(row.median),
        f"±{row.spread / 2:.0%}",
        seconds(statistics.median(row.cpu)),
        f"{slow.median / fast.median:.2f}x" if fast is not None and slow is not None else "",
        f"{share:.0%}" if share else "",
        size(row.memory),
    ]


def show(section: Section, console: Console) -> None:
    """Print a section: the rows, the requirements, the notes."""
    title = section.title
    if section.peak:
        title += f" (peak {section.peak / 1e9:.0f} GFLOP/s)"
    table = Table(title=title, title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in ("engine", "variant") else "right")
    best = {id(section.fastest(row.engine)) for row in section.rows}
    for row in section.rows:
        style = "bold" if row.engine == OURS else ("" if id(row) in best else "dim")
        table.add_row(*_cells(section, row), style=style)
    console.print(table)
    for verdict in section.verdicts:
        console.print(spoken(verdict), style="green" if verdict.is_kept else "red", highlight=False)
    for note in section.notes:
        console.print(f"  note: {note}", style="dim", markup=False, highlight=False)
    console.print()


def spoken(verdict: Verdict) -> str:
    """A requirement in one line."""
    word = "kept  " if verdict.is_kept else "MISSED"
    bound = "at least" if verdict.is_least else "at most"
    aim = f", aim {verdict.aim:g}" if verdict.aim is not None else ""
    return f"  {word} {verdict.what}: {verdict.measured:.3g} ({bound} {verdict.limit:.3g}{aim})"


def summary(sections: Sequence[Section], console: Console) -> None:
    """All requirements once more, together."""
    verdicts = [verdict for section in sections for verdict in section.verdicts]
    fulfilled = sum(verdict.is_kept for verdict in verdicts)
    console.print(f"{fulfilled} of {len(verdicts)} requirements met", style="bold", highlight=False)
    for verdict in verdicts:
        if not verdict.is_kept:
            console.print(spoken(verdict), style="red", highlight=False)


def _plain(value: Any) -> Any:
    """A number that JSON can represent."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(section: Section) -> dict[str, Any]:
    """Everything that was measured, including every single reading."""
    rows = [
        {**{key: _plain(value) for key, value in vars(row).items()}, "median": row.median}
        for row in section.rows
    ]
    verdicts = [{**vars(v), "is_kept": v.is_kept} for v in section.verdicts]
    return {**vars(section), "rows": rows, "verdicts": verdicts}


def write(path: Path, facts: dict[str, Any], sections: Sequence[Section]) -> None:
    """Write the JSON."""
    results = {"facts": facts, "sections": [as_json(section) for section in sections]}
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
