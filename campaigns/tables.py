"""Compare chainrule with linear models, forests, boosting and multilayer perceptrons on real tables.

``python -m campaigns.tables --data FOLDER`` downloads the packages with the tables into FOLDER once, trains
every method on every split that the file of results lacks, and prints ranks, scores, paired differences with
their standard errors, and seconds. ``--tables final`` uses the sixteen tables of ``docs/tables.md``,
``--tables development`` (the default) and ``--tables small`` (fewer than 128 training rows) those on which
settings may be chosen; ``--tables wide`` (more columns than rows) and ``--tables further`` (dates, places,
many levels) have chosen nothing. ``--only`` and ``--method`` choose tables and methods; ``--again`` replaces
their results; ``--write`` replaces the tables of the page.

The final tables measure a release and choose nothing: each run of chainrule on them is a line of the page's
list of runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from campaigns.table_cases import comparison
from campaigns.table_cases.development import DEVELOPMENT
from campaigns.table_cases.final import FINAL
from campaigns.table_cases.further import FURTHER
from campaigns.table_cases.protocol import METHODS, Store, run_missing
from campaigns.table_cases.small import SMALL
from campaigns.table_cases.sources import unpack
from campaigns.table_cases.wide import WIDE

import chainrule as cr

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"
LISTS = {"development": DEVELOPMENT, "small": SMALL, "final": FINAL, "wide": WIDE, "further": FURTHER}
RUNS = "<!-- end of runs -->"


def write(part: str, text: str) -> None:
    """Replace the tables between the marks of a list in the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(f"<!-- {part} -->")
    after = rest.partition(f"<!-- end of {part} -->")[2]
    text = f"{before}<!-- {part} -->\n{text}\n<!-- end of {part} -->{after}"
    PAGE.write_text(text, encoding="utf-8")


def log_run(chosen: Sequence[str], reason: str) -> None:
    """Add a line to the page's list of runs of chainrule on the final tables."""
    tables = "all" if len(chosen) == len(FINAL) else ", ".join(chosen)
    line = f"| {date.today()} | {cr.__version__} | {tables} | {reason} |"
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace(RUNS, f"{line}\n{RUNS}"), encoding="utf-8")


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", choices=LISTS, default="development")
    parser.add_argument("--data", type=Path, required=True, help="folder of the packages with the tables")
    parser.add_argument("--results", type=Path, help="JSON lines; by default in the folder of --data")
    parser.add_argument("--only", action="append", metavar="TABLE")
    parser.add_argument("--method", action="append", choices=METHODS)
    parser.add_argument("--splits", type=int, default=10, metavar="N", help="splits of a table; at most 10")
    parser.add_argument("--again", action="store_true", help="compute results that the file has")
    parser.add_argument("--write", action="store_true", help="write the tables of docs/tables.md")
    parser.add_argument("--reason", help="why chainrule is run on the final tables; goes into the page")
    options = parser.parse_args(words)
    names = [case.name for case in LISTS[options.tables]]
    unknown = sorted(set(options.only or ()) - set(names))
    if unknown:
        parser.error(f"no table {', '.join(unknown)}; the {options.tables} tables are {', '.join(names)}")
    if options.tables == "final" and "chainrule" in (options.method or METHODS) and not options.reason:
        parser.error('give a --reason ("release 0.2.0") to run chainrule on the final tables')
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Compute missing results, print the comparison, write the page; return 0."""
    options = arguments(words)
    cases = [case for case in LISTS[options.tables] if not options.only or case.name in options.only]
    methods = options.method or METHODS
    store = Store(options.results or options.data / f"results-{options.tables}.jsonl")
    unpack(options.data)
    if options.tables == "final" and "chainrule" in methods:
        log_run([case.name for case in cases], options.reason)
    run_missing(cases, methods, options.data, store, again=options.again, splits=options.splits)
    names = [case.name for case in cases]
    results = [result for result in store.results().values() if result["table"] in names]
    results.sort(key=lambda result: names.index(result["table"]))
    text = comparison.page(results)
    print(text)
    if options.write:
        write(options.tables, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
