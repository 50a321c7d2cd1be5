"""Train and evaluate the networks of the example ``fashion-mnist``; write the table of docs/fashion-mnist.md.

Run it as ``python campaigns/fashion_mnist.py`` on an idle machine. A network whose scores are in the folder
already is not trained again, so an interrupted run continues with the next network; ``--only NAME`` trains
some, ``--seeds N`` with N seeds each, ``--again`` in any case. It fails when a network scores below its
target.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chainrule_examples import fashion_mnist

PAGE = Path(__file__).parents[1] / "docs" / "fashion-mnist.md"
BEGIN, END = "<!-- scores -->", "<!-- end of scores -->"
ASKED: dict[fashion_mnist.Net, float] = {"dense": 0.895, "lenet": 0.905, "small": 0.925, "resnet20": 0.935}
SEEDS: dict[fashion_mnist.Net, int] = {"dense": 3, "lenet": 3, "small": 1, "resnet20": 1}
HOW = "By `python campaigns/fashion_mnist.py`:"
HEAD = """\
| network | parameters | epochs | training time | validation | test | mean ± deviation | target |
|---|---|---|---|---|---|---|---|"""


def row(net: fashion_mnist.Net, result: dict[str, Any]) -> str:
    """A row of the table."""
    *trainings, _ = result["trainings"]
    validation = ", ".join(f"{training['validation']:.4f}" for training in trainings)
    time = statistics.mean(training["time"] for training in trainings)
    test = ", ".join(f"{score:.4f}" for score in accuracies(result))
    first = trainings[0]
    facts = f"{first['size']:,} | {first['epochs']} | {time:.0f} s | {validation} | {test}"
    return f"| {net} | {facts} | {outcome(accuracies(result))} | {ASKED[net]} |"


def accuracies(result: dict[str, Any]) -> list[float]:
    """The accuracy of each training of the network."""
    return result["scores"][fashion_mnist.METHODS[-1]]["accuracy"]


def outcome(scores: list[float]) -> str:
    """The mean of some scores and their standard deviation."""
    spread = f" ± {statistics.stdev(scores):.4f}" if len(scores) > 1 else ""
    return f"{statistics.mean(scores):.4f}{spread}"


def table(results: dict[fashion_mnist.Net, dict[str, Any]]) -> str:
    """The complete table; the baselines are the same for every network."""
    first = next(iter(results.values()))
    line, (constant, linear, _) = first["trainings"][-1], fashion_mnist.METHODS
    score = {name: statistics.mean(first["scores"][name]["accuracy"]) for name in (constant, linear)}
    linear = f"| logistic regression | {line['size']:,} | {line['epochs']} | | | | {score[linear]:.4f} | |"
    constant = f"| the most frequent class | 0 | | | | | {score[constant]:.4f} | |"
    return "\n".join([HEAD, *(row(net, result) for net, result in results.items()), linear, constant])


def write(text: str) -> None:
    """Replace the table between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{HOW}\n\n{text}\n{END}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Train what is missing, print and write the table; return 1 if a network is below its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/fashion-mnist"))
    parser.add_argument("--only", choices=ASKED, action="append")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args(words)
    results: dict[fashion_mnist.Net, dict[str, Any]] = {}
    for net in ASKED:
        files = {name: options.out / net / f"{name}.json" for name in ("scores", "trainings")}
        selected = net in (options.only or ASKED)
        if selected and (options.again or not files["trainings"].exists()):
            fashion_mnist.main(net=net, seeds=options.seeds or SEEDS[net], out=str(options.out / net))
        if files["trainings"].exists():
            texts = {name: file.read_text(encoding="utf-8") for name, file in files.items()}
            results[net] = {name: json.loads(text) for name, text in texts.items()}
            write(table(results))
    print(table(results))
    low = [net for net, result in results.items() if statistics.mean(accuracies(result)) < ASKED[net]]
    print(f"below the target: {', '.join(low) or 'none'}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
