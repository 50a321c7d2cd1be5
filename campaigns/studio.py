"""Measure ``chainrule studio`` in Chromium: start, frames per second, large networks, memory of the page.

    python -m campaigns.studio

Times are of the clock of the machine, so that a busy one is slower; the load of the machine is printed below
the table. "Start" is from the command to a page whose buttons respond, with a browser that already runs and
opens the address when it is printed; modules are compiled, as those of an installed package.
Frames are those of ``requestAnimationFrame`` while a network 64-64 trains on 10,000 points and the page shows
its drawing, surface and distributions; the longest pause is the largest time between two of them. Memory is
the heap of the page after a garbage collection.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser_visit import Visit, chromium
from chainrule.studio.points import NAMES, csv_of, sample
from server_process import TOKEN, running_server

STARTS, POINTS = 5, 10_000
FRAMES = """
seconds => new Promise((done) => {
  const times = [];
  const frame = (now) => {
    times.push(now);
    if (now - times[0] < 1000 * seconds) requestAnimationFrame(frame); else done(times);
  };
  requestAnimationFrame(frame);
})
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run the measurements and print the table; returns 0."""
    parser = argparse.ArgumentParser("python -m campaigns.studio", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seconds", type=int, default=60, help="of the long training (default: 60)")
    options = parser.parse_args(words)
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        (folder / "token").write_text(TOKEN)
        x, y = sample("circle", POINTS)
        (folder / "points.csv").write_text(csv_of(x, [NAMES[int(v)] for v in y]))
        rows += _starts(browser, folder)
        arguments = ["points.csv", "--no-browser", "--token-file", folder / "token"]
        with running_server(*arguments, command="studio", folder=folder) as server:
            visit = Visit(browser, server)
            rows += _frames(visit)
            rows += _memory(visit, options.seconds)
            rows += _million(visit)
    print("| measured | value |\n|---|---|")
    for row in rows:
        print(f"| {row[0]} | {row[1]} |")
    print(f"\nload of the machine: {os.getloadavg()[0]:.1f} with {os.cpu_count()} cores")
    return 0


def _starts(browser: Any, folder: Path) -> list[tuple[str, str]]:
    """Return the median time of a start."""
    times: list[float] = []
    used: list[float] = []
    words = ["circle", "--no-browser", "--token-file", folder / "token"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "modules")
    options: dict[str, Any] = {"folder": folder, "environment": environment, "is_early": True}
    for _ in range(STARTS + 1):
        begin = time.perf_counter()
        with running_server(*words, command="studio", **options) as server:
            visit = Visit(browser, server)
            visit.page.get_by_role("button", name="One step", exact=True).first.wait_for()
            times.append(time.perf_counter() - begin)
            used.append(_processor_time(server.process.pid))
            visit.close()
    return [  # the first one warms the machine
        ("start, median", f"{statistics.median(times[1:]):.2f} s"),
        ("start, processor time of the server, median", f"{statistics.median(used[1:]):.2f} s"),
    ]


def _processor_time(process: int) -> float:
    """Return the seconds of processor time that a process used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _set_net(visit: Visit, text: str, epochs: int) -> None:
    visit.open("network")
    visit.page.get_by_label("Epochs").fill(str(epochs))
    visit.page.keyboard.press("Tab")
    visit.page.locator("input.mono").last.fill(text)
    visit.page.keyboard.press("Tab")
    visit.wait_for(".program", f"'{text}'")


def _frames(visit: Visit) -> list[tuple[str, str]]:
    """Return the frames per second while a network trains."""
    _set_net(visit, "64 relu, 64 relu", 100_000)
    visit.open("training")
    idle = visit.page.evaluate(FRAMES, 5)
    visit.click("Train")
    visit.wait_for(".reading", "running")
    visit.page.wait_for_timeout(3000)
    session = visit.context.new_cdp_session(visit.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _thread_seconds(session)
    busy = visit.page.evaluate(FRAMES, 10)
    used = _thread_seconds(session) - before
    return [
        (f"frames per second, nothing trains, {POINTS:,} points", _frames_per_second(idle)),
        (f"frames per second, 64-64 trains, {POINTS:,} points", _frames_per_second(busy)),
        ("longest pause between two frames", f"{1000 * _longest(busy):.0f} ms"),
        ("processor time of the page's thread for each frame", f"{1000 * used / len(busy):.1f} ms"),
    ]


def _thread_seconds(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))


def _frames_per_second(times: Sequence[float]) -> str:
    return f"{1000 * (len(times) - 1) / (times[-1] - times[0]):.0f}"


def _longest(times: Sequence[float]) -> float:
    return max(b - a for a, b in pairwise(times)) / 1000


def _memory(visit: Visit, seconds: int) -> list[tuple[str, str]]:
    """Return the heap of the page while a long training runs."""
    session = visit.context.new_cdp_session(visit.page)

    def heap() -> float:
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    sizes, steps = [heap()], [_step(visit)]
    for _ in range(3):
        visit.page.wait_for_timeout(1000 * seconds / 3)
        sizes.append(heap())
        steps.append(_step(visit))
    visit.click("Pause")
    parts = ", ".join(f"{size:.1f} MB at step {step:,}" for size, step in zip(sizes, steps, strict=True))
    return [("heap of the page", parts)]


def _step(visit: Visit) -> int:
    return int(visit.page.locator(".reading dd").nth(1).inner_text().replace(",", ""))


def _million(visit: Visit) -> list[tuple[str, str]]:
    """Return the times of a network with a million weights."""
    _set_net(visit, "1000 relu, 1000 relu", 1)
    begin = time.perf_counter()
    visit.open("chain")
    visit.page.wait_for_selector(".chip.numbers", timeout=120_000)
    opened = time.perf_counter() - begin
    visit.page.locator("select").last.select_option("dense2.weight")
    visit.wait_for("main", "/ 1,000,000")
    times = []
    for k in range(1, 6):
        begin = time.perf_counter()
        visit.page.get_by_role("button", name="Next", exact=True).last.click()
        visit.wait_for("main", f"{60 * k + 1:,}–{60 * k + 60:,} /")
        times.append(time.perf_counter() - begin)
    frames = visit.page.evaluate(FRAMES, 3)
    return [
        ("1,005,002 parameters: chain rule opens", f"{opened:.2f} s"),
        ("1,005,002 parameters: next page of weights, median", f"{1000 * statistics.median(times):.0f} ms"),
        ("1,005,002 parameters: longest pause between two frames", f"{1000 * _longest(frames):.0f} ms"),
    ]


if __name__ == "__main__":
    sys.exit(main())
