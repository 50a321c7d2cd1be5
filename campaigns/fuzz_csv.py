"""Train on malformed tables: each is trained on, or refused with one clear error.

Every table starts as a well-formed one (numbers, categories, yes/no, dates, ids, texts, gaps) and is then
changed by one to three mutations that are specific to CSV: cells, rows, columns, headers, separators, quotes,
line ends, encodings, huge and odd numbers, hostile names. The command must end with exit code 0 and its four
files, or with 1 or 2 and exactly one error of the catalog; never with a traceback or an unexpected fault.

Run it as ``python campaigns/fuzz_csv.py --count 200``; ``--seed`` changes the tables, ``--keep`` saves those
that led to a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from chainrule.apps.cli.main import main as chainrule

Rows = list[list[str]]
FILES = ("model.safetensors", "history.csv", "config.toml", "model-card.md", "report.html")
NAMES = [
    "<script>alert(1)</script>",
    "[bold red]x[/]",
    "\x1b[31mred",
    "名称",
    "a\u202eb",
    "{0}",
    "=1+1",
    " ",
    "y" * 300,
]
CELLS = [
    *(
        "1e308",
        "-1e308",
        "1e-320",
        "inf",
        "nan",
        "NA",
        "-",
        "1,5",
        "0x10",
        "１２",
        "1_000",
        "9" * 400,
        '"',
        "'",
    ),
    *("True", "2024-02-30", "=cmd|' /C calc'!A0", "[/]", "{x}", "é", "\ufeff", "null", "1 000", "$5", "50%"),
    *("\t", "\0"),
]
UNEXPECTED = re.compile(r"^unexpected \w+: ", re.MULTILINE)
ERROR = re.compile(r"^\w+Error (E\d{3})", re.MULTILINE)


def sound(draw: random.Random) -> Rows:
    """A well-formed table; its target is a class or a number."""
    count = draw.randint(20, 80)
    numeric = draw.random() < 0.3
    header = ["id", "size", "weight", "color", "fresh", "since", "target"]
    rows = [header]
    for i in range(count):
        size = draw.gauss(10, 3)
        color = draw.choice(["red", "green", "blue"])
        target = (
            f"{size * 2 + draw.gauss(0, 1):.3f}"
            if numeric
            else draw.choice(["ripe", "raw"])
            if i > 3
            else ["ripe", "raw"][i % 2]
        )
        rows.append(
            [
                f"F{i:04}",
                f"{size:.2f}",
                str(draw.randint(1, 900)),
                color,
                draw.choice(["yes", "no"]),
                f"2023-{1 + i % 12:02}-01",
                target,
            ]
        )
    for row in rows[1:]:
        for j in range(1, 6):
            if draw.random() < 0.03:
                row[j] = ""
    return rows


# --- mutations of the rows


def change_cells(rows: Rows, draw: random.Random) -> None:
    for _ in range(draw.randint(1, 4)):
        row = draw.choice(rows)
        if row:
            row[draw.randrange(len(row))] = draw.choice(CELLS)


def change_column(rows: Rows, draw: random.Random) -> None:
    column = draw.randrange(len(rows[0]))
    cell = draw.choice(["", "same", *CELLS])
    for row in rows[1:]:
        if column < len(row) and draw.random() < draw.choice([0.3, 1.0]):
            row[column] = cell


def rename(rows: Rows, draw: random.Random) -> None:
    rows[0][draw.randrange(len(rows[0]) - 1)] = draw.choice([*NAMES, "", rows[0][0]])


def unequal_row(rows: Rows, draw: random.Random) -> None:
    row = draw.choice(rows)
    row.pop() if draw.random() < 0.5 else row.append("more")


def few_rows(rows: Rows, draw: random.Random) -> None:
    del rows[draw.randint(0, 6) :]


def one_class(rows: Rows, draw: random.Random) -> None:
    for row in rows[1:]:
        row[-1] = "ripe"


def lonely_class(rows: Rows, draw: random.Random) -> None:
    rows[-1][-1] = "unique"


def many_classes(rows: Rows, draw: random.Random) -> None:
    for i, row in enumerate(rows[1:]):
        row[-1] = f"class {i // draw.choice([1, 2, 3])}"


def repeat_rows(rows: Rows, draw: random.Random) -> None:
    rows += [list(row) for row in rows[1:4]] * draw.randint(1, 10)


def no_target(rows: Rows, draw: random.Random) -> None:
    rows[0][-1] = "targte"


ROW_CHANGES: list[Callable[[Rows, random.Random], None]] = [
    *([change_cells] * 5 + [change_column] * 5 + [rename] * 5 + [repeat_rows] * 3),
    *(unequal_row, few_rows, one_class, lonely_class, many_classes, no_target),
]


# --- mutations of the file


def as_bytes(rows: Rows, draw: random.Random) -> bytes:
    """The bytes of the file, sometimes with another separator, line end or encoding, or truncated."""
    separator = draw.choices([",", ";", "\t", "|"], [8, 1, 1, 1])[0]
    quoted = draw.random() < 0.7
    end = draw.choices(["\n", "\r\n", "\r"], [6, 2, 1])[0]

    def cell(text: str) -> str:
        plain = not quoted or not re.search(r'[",;|\t\r\n]', text)
        return text if plain else '"' + text.replace('"', '""') + '"'

    text = end.join(separator.join(map(cell, row)) for row in rows) + draw.choice(["", end, end * 3])
    content = text.encode(
        draw.choices(["utf-8", "utf-8-sig", "latin-1", "utf-16"], [9, 2, 2, 1])[0], errors="replace"
    )
    if draw.random() < 0.08:
        content = content[: draw.randint(0, len(content))]
    if draw.random() < 0.05:
        place = draw.randint(0, len(content))
        content = content[:place] + bytes(draw.randrange(256) for _ in range(8)) + content[place:]
    return content


def table(seed: int) -> bytes:
    """The malformed table of a seed."""
    draw = random.Random(seed)
    rows = sound(draw)
    for change in draw.choices(ROW_CHANGES, k=draw.choice([1, 1, 1, 2, 3])):
        with contextlib.suppress(IndexError, ValueError):  # an earlier mutation removed what this one needs
            change(rows, draw)
    return as_bytes(rows, draw)


def attempt(content: bytes, folder: Path) -> str:
    """Train on a table: ``"trained"``, the code of the one error, or a description of the fault."""
    file = folder / "table.csv"
    file.write_bytes(content)
    out, err = io.StringIO(), io.StringIO()
    words = [
        "train",
        str(file),
        "--target",
        "target",
        "--epochs",
        "2",
        "--net",
        "4 relu",
        "--out",
        str(folder / "run"),
    ]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = chainrule([*words, "--lang", "en"])
    output, codes = out.getvalue() + err.getvalue(), ERROR.findall(err.getvalue())
    if "Traceback" in output or UNEXPECTED.search(err.getvalue()):
        return f"FAULT {err.getvalue().strip().splitlines()[-1][:150]}"
    if any(c < " " and c not in "\n" for c in output):
        return "FAULT control characters on the screen"
    if code == 0:
        missing = [name for name in FILES if not (folder / "run" / name).is_file()]
        return f"FAULT without {missing}" if missing or codes else "trained"
    return codes[0] if len(codes) == 1 else f"FAULT {len(codes)} errors"


def main() -> int:
    """Run the campaign; return 0 if no table led to a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the tables that led to a fault")
    options = parser.parse_args()
    results: Counter[str] = Counter()
    faults = 0
    for i in range(options.count):
        with tempfile.TemporaryDirectory() as folder:
            content = table(1000 * options.seed + i)
            outcome = attempt(content, Path(folder))
            results[outcome] += 1
            if outcome.startswith("FAULT"):
                faults += 1
                print(f"table {i}: {outcome}")
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(Path(folder, "table.csv"), options.keep / f"{i}.csv")
    for name, count in sorted(results.items()):
        print(f"{count:5}  {name}")
    trained = results["trained"]
    print(f"{options.count} tables: {trained} trained, {faults} faults, the others refused with one error")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
