"""Read and prepare dirty tables, and compare columns, values, notices and errors with those expected.

Each case is a generated file (``campaigns/dirty_cases``). It is read as ``chainrule train`` reads it, its
columns are described, the task is chosen, and the preparation is fitted; no network is trained. The result is
compared with the expectation of the case: kinds of columns, values of the first rows, missing cells, classes,
notices, or the code of an error. Any other exception is a failure. Cases with a later table also apply the
preparation to it, and compare it with the training rows as ``chainrule predict`` does.

Run it as ``python -m campaigns.dirty``; ``--only WORD`` runs the cases whose group or name contains a word.
It prints the failures and writes ``docs/dirty-tables.md``.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.dirty_cases import CASES
from campaigns.dirty_cases.case import Case

from chainrule.data import PreparedData, check, read_table
from chainrule.data.tables.differences_from_training import drift_of
from chainrule.data.tables.encoders import Number
from chainrule.data.tables.findings import command_line_remedies
from chainrule.errors import ChainruleError

PAGE = Path(__file__).parents[1] / "docs" / "dirty-tables.md"
FRAMES = (  # groups whose cells are also passed as a data frame
    "numbers in other notations",
    "words that contain digits",
    "codes",
    "missing values among numbers",
    "values that look missing",
    "spellings of a level",
    "ids, counters, sentinels, copies",
)
BEGIN, END = "<!-- suite -->", "<!-- end of suite -->"


def failures(case: Case) -> list[str]:
    """What differs from the expectation of a case."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"table{case.suffix}"
        file.write_bytes(case.content)
        try:
            prepared = PreparedData.of(read_table(file), case.target)
            findings = [*prepared.notices, *check(read_table(file), case.target)]
        except ChainruleError as error:
            return list(_compare_error(case, error))
        except Exception as error:  # any other exception is a failure of chainrule
            return [f"{type(error).__name__}: {error}"[:200]]
        if case.error:
            return [f"no error, expected {case.error}"]
        differences = [*_compare_columns(case, prepared), *_compare_notices(case, prepared, findings)]
        differences += _compare_frame(case, prepared)
        return differences + list(_compare_later(case, prepared, Path(folder)))


def _compare_error(case: Case, error: ChainruleError) -> Iterator[str]:
    text = str(error)
    if not case.error or not error.code.startswith(tuple(case.error.split("|"))):
        yield f"error {error.code}: {text.splitlines()[0]}"
        return
    yield from (f'the error does not contain "{word}"' for word in case.words if word not in text)


def _compare_columns(case: Case, prepared: PreparedData) -> Iterator[str]:
    columns = {column.name: column for column in prepared.columns}
    for name, kind in case.kinds.items():
        if name not in columns:
            yield f'no column "{name}"'
        elif columns[name].kind not in kind.split("|"):
            yield f'"{name}" is {columns[name].kind}, expected {kind.replace("|", " or ")}'
    for name, count in case.missing.items():
        if name in columns and columns[name].missing != count:
            yield f'"{name}" has {columns[name].missing} missing cells, expected {count}'
    for name, values in case.values.items():
        received = prepared.table.frame[name].head(len(values)).to_list() if name in columns else []
        if not _equal(received, values):
            yield f'"{name}" is {received}, expected {list(values)}'
    if case.labels is not None and list(prepared.task.labels) != list(case.labels):
        yield f"classes {list(prepared.task.labels)[:8]}, expected {list(case.labels)[:8]}"


def _equal(received: Sequence[object], values: Sequence[object]) -> bool:
    def same(a: object, b: object) -> bool:
        if isinstance(a, int | float) and isinstance(b, int | float):
            return abs(a - b) <= 1e-9 * max(abs(a), abs(b))
        return a == b

    return len(received) == len(values) and all(map(same, received, values))


def _compare_notices(case: Case, prepared: PreparedData, findings: Sequence[object]) -> Iterator[str]:
    codes = [getattr(finding, "code", "") for finding in findings]
    descriptions = [getattr(encoding, "description", None) for encoding in prepared.preparation.encodings]
    codes += [getattr(description, "code", "") for description in descriptions]
    for code in case.notices:
        if not set(code.split("|")) & set(codes):
            yield f"no notice {code.replace('|', ' or ')}"
    yield from (f"notice {code} is wrong" for code in case.silent if code in codes)
    with command_line_remedies():
        text = "\n".join(map(str, findings))
    text += "\n".join(f"{column.reason} {column.levels}" for column in prepared.columns)
    yield from (f'no notice contains "{word}"' for word in case.words if word not in text)


def _compare_frame(case: Case, prepared: PreparedData) -> Iterator[str]:
    """A data frame of the same texts has the same columns and notices about them."""
    if case.group not in FRAMES or case.suffix != ".csv":
        return
    header, *rows = csv.reader(io.StringIO(case.content.decode()))
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    frame = pl.DataFrame(columns, dict.fromkeys(header, pl.String))
    try:
        other = PreparedData.of(read_table(frame), case.target)
    except ChainruleError as error:
        yield f"data frame: error {error.code}"
        return
    for ours, column in zip(prepared.columns, other.columns, strict=True):
        if ours.kind != column.kind or ours.missing != column.missing:
            yield f'data frame: "{column.name}" is {column.kind} with {column.missing} missing cells'
    notices, others = (sorted(notice.code for notice in p.notices) for p in (prepared, other))
    if notices != others:
        yield f"data frame: notices {others}, of the file {notices}"


def _compare_later(case: Case, prepared: PreparedData, folder: Path) -> Iterator[str]:
    if not case.later:
        return
    file = folder / ("later.tsv" if b"\t" in case.later else "later.csv")
    file.write_bytes(case.later)
    preparation = prepared.preparation
    try:
        applied = preparation.apply(preparation.read(file))
    except ChainruleError as error:
        if error.code != case.later_error:
            yield f"later table: error {error.code}: {str(error).splitlines()[0]}"
        return
    if case.later_error:
        yield f"later table: no error, expected {case.later_error}"
    codes = {notice.code for notice in applied.notices}
    codes |= {f"drift_{drift.kind}" for drift in drift_of(preparation, preparation.read(file))}
    for code in case.later_notices:
        if not set(code.split("|")) & codes:
            yield f"later table: no notice {code.replace('|', ' or ')}"
    scales = {e.column: (e.mean, e.std) for e in preparation.encodings if isinstance(e, Number)}
    row = dict(zip(preparation.feature_names, applied.x[0].tolist(), strict=True))
    for name, value in case.inputs.items():
        mean, std = scales.get(name, (0.0, 1.0))
        received = row[name] * std + mean if name in row else np.nan
        if not abs(received - value) <= 1e-4 * max(1.0, abs(value)):
            yield f'later table: "{name}" is {received:g}, expected {value:g}'


def table(outcomes: Sequence[tuple[Case, list[str]]]) -> str:
    """The results as Markdown: counts of each group, and the failures."""
    groups = dict.fromkeys(case.group for case, _ in outcomes)
    passed = sum(not differences for _, differences in outcomes)
    lines = [
        f"`python -m campaigns.dirty`: {passed} of {len(outcomes)} dirty tables are handled as expected.",
        "",
        "| cases | number | as expected |",
        "|---|---|---|",
    ]
    for group in groups:
        own = [not differences for case, differences in outcomes if case.group == group]
        lines.append(f"| {group} | {len(own)} | {sum(own)} |")
    failed = [(case, differences) for case, differences in outcomes if differences]
    if failed:
        lines += ["", "Not as expected:", "", "| cases | table | difference |", "|---|---|---|"]
        lines += [f"| {c.group} | {_cell(c.name)} | {_cell('; '.join(d))} |" for c, d in failed]
    return "\n".join(lines)


def _cell(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"`{printable.replace('|', '/').replace('`', chr(39))}`"


def write(text: str) -> None:
    """Replace the table between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Run the cases; exit with 1 if one is not handled as expected."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", metavar="WORD", default="", help="run the cases whose group or name contains it"
    )
    options = parser.parse_args(words)
    chosen = [case for case in CASES if options.only in case.group or options.only in case.name]
    outcomes = [(case, failures(case)) for case in chosen]
    for case, differences in outcomes:
        for difference in differences:
            print(f"{case.group}: {case.name}: {difference}")
    print(table(outcomes).splitlines()[0] if outcomes else "no such case")
    if not options.only:
        write(table(outcomes))
    return int(any(differences for _, differences in outcomes))


if __name__ == "__main__":
    sys.exit(main())
