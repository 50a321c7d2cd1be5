"""Train every net of the example ``fashion-mnist``, judge it, and write the table of docs/fashion-mnist.md.

Run it as ``python campaigns/fashion_mnist.py`` on a quiet machine. A net whose scores lie in the folder
already is not trained again, so an interrupted run goes on with the next net; ``--only NAME`` trains some,
``--seeds N`` so often, ``--again`` in any case. It fails when a net scores less than what was asked of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chainrule.apps.examples import fashion_mnist

PAGE = Path(__file__).parents[1] / "docs" / "fashion-mnist.md"
BEGIN, END = "<!-- scores -->", "<!-- end of scores -->"
ASKED: dict[fashion_mnist.Net, float] = {"dense": 0.895, "lenet": 0.905, "small": 0.925, "resnet20": 0.935}
SEEDS: dict[fashion_mnist.Net, int] = {"dense": 3, "lenet": 3, "small": 1, "resnet20": 1}
HOW = "By `python campaigns/fashion_mnist.py`:"
HEAD = """\
| network | parameters | epochs | training time | validation | test | mean ± deviation | target |
|---|---|---|---|---|---|---|---|"""


def row(net: fashion_mnist.Net, result: dict[str, Any]) -> str:
    """A line of the table."""
    *trainings, _ = result["trainings"]
    validation = ", ".join(f"{each['validation']:.4f}" for each in trainings)
    time = statistics.mean(each["time"] for each in trainings)
    test = ", ".join(f"{score:.4f}" for score in result["test"])
    first = trainings[0]
    facts = f"{first['size']:,} | {first['epochs']} | {time:.0f} s | {validation} | {test}"
    return f"| {net} | {facts} | {outcome(result['test'])} | {ASKED[net]} |"


def outcome(scores: list[float]) -> str:
    """The mean of some scores and their deviation."""
    spread = f" ± {statistics.stdev(scores):.4f}" if len(scores) > 1 else ""
    return f"{statistics.mean(scores):.4f}{spread}"


def table(results: dict[fashion_mnist.Net, dict[str, Any]]) -> str:
    """The whole table; the two cheap answers are the same for every net."""
    first = next(iter(results.values()))
    line = first["trainings"][-1]
    straight = (
        f"| logistic regression | {line['size']:,} | {line['epochs']} | | | | {first['linear']:.4f} | |"
    )
    trivial = f"| the most frequent class | 0 | | | | | {first['trivial']:.4f} | |"
    return "\n".join([HEAD, *(row(net, result) for net, result in results.items()), straight, trivial])


def write(text: str) -> None:
    """Put the table between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{HOW}\n\n{text}\n{END}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Train what is missing, show and write the table; 1 when a net does not reach what was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/fashion-mnist"))
    parser.add_argument("--only", choices=ASKED, action="append")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--again", action="store_true")
    asked = parser.parse_args(words)
    results: dict[fashion_mnist.Net, dict[str, Any]] = {}
    for net in ASKED:
        file = asked.out / f"{net}.json"
        wanted = net in (asked.only or ASKED)
        if wanted and (asked.again or not file.exists()):
            fashion_mnist.main(net=net, seeds=asked.seeds or SEEDS[net], out=str(asked.out))
        if file.exists():
            results[net] = json.loads(file.read_text(encoding="utf-8"))
            write(table(results))
    print(table(results))
    low = [net for net, result in results.items() if statistics.mean(result["test"]) < ASKED[net]]
    print(f"below what was asked: {', '.join(low) or 'none'}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
