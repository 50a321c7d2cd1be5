"""Run the long form of each example that has baselines, and write ``docs/applications.md``.

``python -m campaigns.applications`` runs ``chainrule example NAME --long --seeds 3 --out FOLDER`` for every
example of ``RUNS`` and writes its scores, their spread, those of the baselines, and the processor time into
its section of the page. ``--only`` chooses examples, whose sections alone are replaced; ``--quick`` runs the
short form. ``--baselines`` trains the networks for one epoch and replaces only the rows of the methods
without a network: after a change of a baseline. Data sets are downloaded once, see ``chainrule data list``;
``--data`` takes a copy of the set of a single example.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from campaigns.table_cases.command import PROGRAM

from chainrule_examples.score_table import mean_and_spread

PAGE = Path(__file__).parents[1] / "docs" / "applications.md"
SEEDS = ("--seeds", "3")
# The words after the name of each example; an example with several tasks has several runs.
RUNS: dict[str, tuple[str, ...]] = {
    "connect-four": ("connect-four",),
    "detect": ("detect", *SEEDS),
    "diagnose": ("diagnose",),
    "faces": ("faces", *SEEDS),
    "fraud": ("fraud",),
    "listen": ("listen", *SEEDS),
    "listen --digits": ("listen", "--digits", *SEEDS),
    "microgpt": ("microgpt", *SEEDS),
    "molecules": ("molecules", *SEEDS),
    "questions": ("questions", *SEEDS),
    "questions --set drcd": ("questions", "--set", "drcd", *SEEDS),
    "recommend": ("recommend", *SEEDS),
    "recommend --content": ("recommend", "--content", *SEEDS),
    "risk": ("risk",),
    "robot": ("robot", *SEEDS),
    "robot --robot reacher": ("robot", "--robot", "reacher", *SEEDS),
    "segment": ("segment", *SEEDS),
    "sentiment": ("sentiment", *SEEDS),
    "shares": ("shares",),
    "speak": ("speak", *SEEDS),
    "x-ray": ("x-ray", *SEEDS),
}
NETWORKS = {"connect-four": 3, "listen": 2}  # the last methods, which use the network; else 1
SHORT = {"connect-four": ("--rounds", "1"), "robot": ("--steps", "1")}  # instead of one epoch
Scores = Mapping[str, Mapping[str, Sequence[float]]]


def run(words: Sequence[str]) -> tuple[Scores, float]:
    """Run an example; returns the scores by method and metric, and the seconds of processor time.

    Raises:
        subprocess.CalledProcessError: the example failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", PROGRAM, "example", *words, "--out", folder]
        start = _processor_seconds()
        subprocess.run(command, check=True)
        seconds = _processor_seconds() - start
        return json.loads(Path(folder, "scores.json").read_text(encoding="utf-8")), seconds


def _processor_seconds() -> float:
    """The processor time of all ended child processes, which does not depend on other programs as much."""
    times = os.times()
    return times.children_user + times.children_system


def section(words: Sequence[str], scores: Scores, seconds: float, long: bool) -> str:
    """The section of an example: its command, its table, its time."""
    metrics = list(dict.fromkeys(metric for values in scores.values() for metric in values))
    command = " ".join(["chainrule example", *words, *(["--long"] if long else [])])
    lines = [
        f"`{command}`, {seconds:,.0f} s of processor time",
        "",
        f"| method | {' | '.join(metrics)} |",
        f"|---|{'---|' * len(metrics)}",
    ]
    return "\n".join([*lines, *(row_of(method, values, metrics) for method, values in scores.items())])


def with_baselines(page: str, name: str, scores: Scores) -> str:
    """The page with other rows of the methods without a network; the rows of networks stay.

    Example:
        >>> table = "| method | RMSE |\\n|---|---|\\n| mean | 2.0000 |\\n| net | 1.0000 |"
        >>> scores = {"mean": {"RMSE": [2.0]}, "ridge": {"RMSE": [1.5]}, "net": {"RMSE": [9.0]}}
        >>> new = with_baselines(f"<!-- a -->\\n{table}\\n<!-- end of a -->", "a", scores)
        >>> new.splitlines()[3:6]
        ['| mean | 2.0000 |', '| ridge | 1.5000 |', '| net | 1.0000 |']
    """
    before, start, rest = page.partition(f"<!-- {name} -->")
    table, end, after = rest.partition(f"<!-- end of {name} -->")
    lines = table.strip("\n").splitlines()
    heads = [line for line in lines if not line.startswith("| ") or line.startswith("| method")]
    metrics = [cell.strip() for cell in heads[-2].strip("|").split("|")][1:]
    methods, count = list(scores), NETWORKS.get(name, 1)
    rows = [line for line in lines if line not in heads]
    own = [row_of(method, scores[method], metrics) for method in methods[: len(methods) - count]]
    table = "\n".join([*heads, *own, *rows[len(rows) - count :]])
    return f"{before}{start}\n{table}\n{end}{after}"


def row_of(method: str, values: Mapping[str, Sequence[float]], metrics: Sequence[str]) -> str:
    """The row of a method."""
    return f"| {method} | {' | '.join(mean_and_spread(values.get(metric, ())) for metric in metrics)} |"


def replaced(page: str, name: str, text: str) -> str:
    """The page with another section of an example; a new section is added at the end.

    Example:
        >>> page = replaced("# Page\\n", "risk", "one")
        >>> replaced(page, "risk", "two")
        '# Page\\n\\n## risk\\n\\n<!-- risk -->\\ntwo\\n<!-- end of risk -->\\n'
    """
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if start not in page:
        return f"{page}\n## {name}\n\n{start}\n{text}\n{end}\n"
    before, _, rest = page.partition(start)
    return f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}"


def main(words: Sequence[str] | None = None) -> int:
    """Run the examples; returns the number of those that failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=list(RUNS), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="the short form; the page is not written")
    parser.add_argument("--baselines", action="store_true", help="replace the rows of other methods only")
    parser.add_argument("--data", help="a copy of the data set of the example of --only", metavar="FILE")
    options = parser.parse_args(words)
    copy, failures = ("--data", options.data) if options.data else (), 0
    for name in options.only or RUNS:
        try:
            own = SHORT.get(RUNS[name][0], ("--epochs", "1")) if options.baselines else ()
            is_long = not (options.quick or options.baselines)
            scores, seconds = run([*RUNS[name], *own, *copy, *(["--long"] if is_long else [])])
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"{name} failed: {error}", file=sys.stderr)
            failures += 1
            continue
        if options.baselines:
            page = with_baselines(PAGE.read_text(encoding="utf-8"), name, scores)
            PAGE.write_text(page, encoding="utf-8")
            continue
        text = section(RUNS[name], scores, seconds, not options.quick)
        print(text, flush=True)
        if not options.quick:
            PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), name, text), encoding="utf-8")
    return failures


if __name__ == "__main__":
    sys.exit(main())
