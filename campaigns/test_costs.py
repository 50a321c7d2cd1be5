"""Measure the processor time of every test, and name those that should have the mark ``long``.

``python -m campaigns.test_costs`` runs all tests, also the long ones; paths and options of pytest may follow:
``python -m campaigns.test_costs tests/unit/data -n 0``. Printed are the processor seconds of each folder,
those of the child processes of its tests included, and then each test function whose mean over its cases is
above the limit of the mark, or far below it although it has the mark. Functions of many cheap cases, such as
a whole registry, are not long; their expensive cases are, listed by ``--write`` in ``tests/long_cases.txt``.
Those in ``NEVER_LONG``, which check the code, the documentation and the first hour of a user, are not.

Times in a process that waits for others are not counted, so that a busy machine changes little. The file is
also the pytest plugin that records them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

FOLDER = "CHAINRULE_TEST_COSTS"  # where each process of pytest writes its lines
LIMIT = 1.0  # processor seconds of a case, on average over the cases of a function, that make it long
CASE_LIMIT = 0.5  # processor seconds of a single case that make it long
NEVER_LONG = ("tests/architecture/", "tests/typing/", "tests/end_to_end/test_first_hour.py")
LONG_CASES = Path(__file__).parents[1] / "tests" / "long_cases.txt"
Costs = dict[str, list[tuple[float, bool]]]


def _used() -> float:
    """The processor seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Append a line with the name of a test, its processor seconds and whether it is long."""
    before = _used()
    result = yield
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    marks = [mark for mark in item.iter_markers("long") if "case" not in mark.kwargs]
    line = json.dumps([item.nodeid, _used() - before, bool(marks)])
    with (Path(os.environ[FOLDER]) / f"{worker}.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return result


def main(arguments: list[str]) -> int:
    """Run the tests and print what they cost; return pytest's status."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [argument for argument in arguments if argument != "--write"]
        command = [sys.executable, "-m", "pytest", "-p", "campaigns.test_costs", "-m", "", *paths]
        outcome = subprocess.run(command, env={**os.environ, FOLDER: folder}, check=False)
        lines = [line for path in Path(folder).glob("*.jsonl") for line in path.read_text().splitlines()]
    costs: Costs = defaultdict(list)
    for line in lines:
        name, seconds, is_long = json.loads(line)
        costs[name.split("[")[0]].append((seconds, is_long))
    print("\n".join([*by_folder(costs), "", *wrong_marks(costs)]))
    if "--write" in arguments:
        cases = expensive_cases((name, seconds, is_long) for name, seconds, is_long in map(json.loads, lines))
        LONG_CASES.write_text("".join(f"{name}\n" for name in cases), encoding="utf-8")
    return outcome.returncode


def expensive_cases(costs: Iterable[tuple[str, float, bool]]) -> list[str]:
    """Return the names of the cases above their limit, of functions without the mark.

    Args:
        costs: names of cases, their processor seconds, and whether their functions have the mark.
    """
    return sorted(
        name
        for name, seconds, is_long in costs
        if seconds >= CASE_LIMIT and not is_long and not name.startswith(NEVER_LONG)
    )


def by_folder(costs: Costs) -> list[str]:
    """Return a line for each folder: tests, and processor seconds without and with the mark."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for name, cases in costs.items():
        for folder in ("/".join(name.split("::")[0].split("/")[:3]).removesuffix(".py"), "all"):
            sums[folder][0] += len(cases)
            for seconds, is_long in cases:
                sums[folder][1 + is_long] += seconds
    lines = [f"{'tests':>7} {'short s':>9} {'long s':>9}"]
    for folder, (count, short, long) in sorted(sums.items(), key=lambda entry: -sum(entry[1][1:])):
        lines.append(f"{count:7.0f} {short:9.1f} {long:9.1f}  {folder}")
    return lines


def wrong_marks(costs: Costs) -> list[str]:
    """Return a line for each function that should have the mark, or should not."""
    lines = []
    for name, cases in sorted(costs.items(), key=lambda entry: -sum(seconds for seconds, _ in entry[1])):
        total = sum(seconds for seconds, _ in cases)
        mean, is_long = total / len(cases), cases[0][1]
        if mean > LIMIT and not is_long:
            lines.append(f"{total:9.1f} s in {len(cases)} cases, not marked long: {name}")
        elif is_long and mean < LIMIT / 4:
            lines.append(f"{total:9.1f} s in {len(cases)} cases, marked long:     {name}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
