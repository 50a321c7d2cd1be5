"""The tables that benchmarks write into docs/results.md, each between two marks with its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.measure import ROOT
from benchmarks.peers import OURS, PEERS
from benchmarks.sections import Section

PAGE = ROOT / "docs" / "results.md"
INSTRUCTIONS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "avx512_bf16": "AVX512-BF16"}


def text_of(command: str, known: Mapping[str, Any], sections: Sequence[Section]) -> str:
    """Return a command, the machine and the table of its sections.

    Args:
        command: as a reader repeats it.
        known: the facts of the machine.
        sections: with the same engines.
    """
    processor = ", ".join(filter(None, (known["processor"], instructions())))
    date, threads = known["date"].partition("T")[0], known["threads"]
    peaks = [section.peak for section in sections if section.peak]
    peak = f", products at {max(peaks) / 1e9:.0f} GFLOP/s" if peaks else ""
    line = f"`{command}`, {date}, {threads} threads of {processor}{peak}; medians:"
    return "\n".join([line, "", *table(sections)])


def instructions() -> str:
    """The vector instructions of this processor, where the system reports them."""
    path = Path("/proc/cpuinfo")
    words = set(path.read_text().split()) if path.exists() else set()
    return " ".join(name for flag, name in INSTRUCTIONS.items() if flag in words)


def table(sections: Sequence[Section]) -> list[str]:
    """Return the lines of a table with a row for each section and a column for each engine.

    The ratio is the time of the fastest peer as a multiple of chainrule's. The share is that of the speed of
    large products in the same rounds.
    """
    engines = [name for name in PEERS if any(section.fastest(name) for section in sections)]
    has_memory = any(row.memory for section in sections for row in section.rows)
    head = ["case", *engines, "ratio to best", "of peak", *(["memory", "PyTorch's"] if has_memory else [])]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for section in sections:
        ours, peer = section.fastest(OURS, section.standing), section.best_peer()
        rows = [section.fastest(name, section.standing if name == OURS else None) for name in engines]
        cells = [report.seconds(row.median) if row is not None else "" for row in rows]
        cells.append(f"{peer.median / ours.median:.2f}" if ours is not None and peer is not None else "")
        has_share = section.flops and section.peak
        cells.append(f"{section.flops / ours.median / section.peak:.0%}" if ours and has_share else "")
        if has_memory:
            sizes = [section.fastest(name) for name in (OURS, "PyTorch")]
            cells += [report.size(row.memory) if row is not None else "" for row in sizes]
        lines.append(f"| {' | '.join([section.title, *cells])} |")
    return lines


def write(name: str, text: str) -> None:
    """Write a text between the marks of this name on the page; at its end, if there are none."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    block = f"{begin}\n{text}\n{end}"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if pattern.search(page):
        page = pattern.sub(lambda _: block, page)
    else:
        page = f"{page.rstrip()}\n\n## {name[0].upper()}{name[1:]}\n\n{block}\n"
    PAGE.write_text(page, encoding="utf-8")
