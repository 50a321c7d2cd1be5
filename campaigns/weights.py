"""Networks of other libraries, loaded and compared with these libraries.

    python -m campaigns.weights                      all, for the table of docs/pretrained-weights.md
    python -m campaigns.weights --only transformers

Each case is a network with random weights that the other library writes to a file. It is loaded, and the
outputs of both are compared for random inputs. The libraries must be installed (``pip install
transformers keras``).
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "pretrained-weights.md"
BEGIN, END = "<!-- comparison -->", "<!-- end of comparison -->"
SECTIONS = {"transformers": "transformers_models", "keras": "keras_models"}
LIMIT = 1e-5


def measured(section: str) -> Iterator[tuple[str, float]]:
    """The name of each case with the difference of its outputs, or infinity if it fails."""
    module: Any = importlib.import_module(f"campaigns.weight_cases.{SECTIONS[section]}")
    for case in module.cases():
        try:
            yield str(case), module.difference(case)[0]
        except Exception as error:  # a failure is a result
            print(f"{case}: {type(error).__name__}: {error}", file=sys.stderr)
            yield str(case), float("inf")


def row(section: str) -> str:
    """The line of the table of one library."""
    begin, results = time.process_time(), []
    for name, difference in measured(section):
        results.append(difference)
        print(f"{difference:9.1e}  {name}")
    version = importlib.import_module(section).__version__
    passed = [difference for difference in results if difference <= LIMIT]
    print(f"{section}: {len(passed)} of {len(results)}, {time.process_time() - begin:.0f} s")
    return f"| {section} {version} | {len(results)} | {len(passed)} | {max(results):.0e} |"


def write(rows: Iterable[str]) -> None:
    """Put rows into the table of the page, each in the place of the row of its library."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    known = {line.split()[1]: line for line in table.splitlines() if line.startswith("| ")}
    known |= {line.split()[1]: line for line in rows}
    head = ["| library | networks | outputs within 1e-5 | largest difference |", "|---|---:|---:|---:|"]
    lines = [BEGIN, *head, *(known[section] for section in SECTIONS if section in known), END]
    PAGE.write_text(before + "\n".join(lines) + after, encoding="utf-8")


def main() -> None:
    """Compare all networks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=list(SECTIONS))
    only = parser.parse_args().only
    write(row(section) for section in ([only] if only else SECTIONS))


if __name__ == "__main__":
    main()
