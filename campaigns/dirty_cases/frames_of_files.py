"""Lines and columns around a table, and damaged bytes, as programs write them."""

from __future__ import annotations

from campaigns.dirty_cases.case import Case, table

GROUP = "headers, footers and empty columns"
BYTES = "bytes and quotes"
PLAIN = table(c=["red", "blue", "green"])
LINES = PLAIN.decode().splitlines()
HEADER, BODY = LINES[0], LINES[1:]
KINDS = {"x": "number", "c": "category", "y": "category"}
FIRST = {"x": [0.25, 5.54]}


def _lines(name: str, *lines: str, suffix: str = ".csv", **expected: object) -> Case:
    return _bytes(GROUP, name, ("\n".join(lines) + "\n").encode(), suffix, **expected)


def _bytes(group: str, name: str, content: bytes, suffix: str = ".csv", **expected: object) -> Case:
    defaults = {} if expected.get("error") else {"kinds": KINDS, "values": FIRST}
    return Case(group, name, content, suffix, **{**defaults, **expected})  # type: ignore[arg-type]


CASES = (
    _lines("two-row header of merged cells", "Sizes,,Result", HEADER, *BODY, notices=["lines_above"]),
    _lines("two-row header of three groups", "Sizes,Colors,", HEADER, *BODY, notices=["lines_above"]),
    _lines(
        "two-row header with repeated names", "Sizes,Sizes,Result", HEADER, *BODY, notices=["lines_above"]
    ),
    _lines(
        "an index without a name above a row of words",
        "," + HEADER,
        "r1,?,red,a",
        *(f"r{i},{line}" for i, line in enumerate(BODY, 2)),
        kinds={"x": "number", "c": "category"},
        values={"x": [None, 0.25]},
        silent=["lines_above"],
    ),
    _lines("an empty name above a row of words", "x,,y", "?,red,a", *BODY, error="E305", words=["column 2"]),
    _lines(
        "lines of an instrument above",
        "Device,A17",
        "Date,2020-11-05",
        "",
        HEADER,
        *BODY,
        notices=["lines_above"],
    ),
    _lines("an empty column at the left", *("," + line for line in LINES)),
    _lines("two empty columns at the left", *(",," + line for line in LINES), notices=["empty_columns"]),
    _lines(
        "an empty column in the middle",
        *(line.replace(",", ",,", 1) for line in LINES),
        notices=["empty_columns"],
    ),
    _lines("rows of delimiters at the end", *LINES, ",,", ",,", ",,"),
    _lines(
        "rows of delimiters between",
        HEADER,
        *BODY[:20],
        ",,",
        *BODY[20:],
        notices=["target_missing|empty_rows"],
    ),
    _lines(
        "the header three times",
        HEADER,
        *BODY[:20],
        HEADER,
        *BODY[20:40],
        HEADER,
        *BODY[40:],
        notices=["repeated_header"],
    ),
    _lines(
        "the header again with spaces",
        HEADER,
        *BODY[:20],
        " x , c , y ",
        *BODY[20:],
        notices=["repeated_header"],
    ),
    _lines(
        "the header again in capitals",
        HEADER,
        *BODY[:20],
        HEADER.upper(),
        *BODY[20:],
        notices=["repeated_header"],
    ),
    _lines("total row in German", *LINES, "Summe,,", notices=["total_row"]),
    _lines("total row with a count", *LINES, "Gesamt,60,", notices=["total_row"]),
    _lines("total row in French", *LINES, "Total général,,60", notices=["total_row"]),
    _lines("mean row at the end", *LINES, "Average,,", notices=["total_row"]),
    _lines("totals and means at the end", *LINES, "Total,,", "Mean,,", notices=["total_row"]),
    _lines(
        "a source below the table",
        *LINES,
        "Source: Statistical Office",
        error="E306",
        words=["line 62", "delete the lines below"],
    ),
    _lines(
        "notes below the table",
        *LINES,
        "",
        "* estimated values",
        "Source: Statistical Office, 2020",
        error="E306",
        words=["line 63", "delete the lines below"],
    ),
    _lines("a filled note below the table", *LINES, "Source: Statistical Office,,", notices=["lines_below"]),
    _lines("a count of rows, as of psql", *LINES, "(60 rows)", error="E306", words=["line 62"]),
    _lines("a cut last line", *LINES, "1.2", error="E306", words=["line 62"]),
    _lines(
        "Markdown",
        *("| " + line.replace(",", " | ") + " |" for line in (HEADER, "---,---,---", *BODY)),
        suffix=".md",
    ),
    _lines(
        "output of psql",
        *(" " + line.replace(",", " | ") for line in [HEADER]),
        "------+-----+---",
        *(" " + line.replace(",", " | ") for line in BODY),
    ),
    _lines(
        "years as names",
        "2018,2019,y",
        *(f"{i * 7 % 13},{2 * i + 1},{'ab'[i % 2]}" for i in range(60)),
        kinds={"2018": "number", "y": "category"},
        values={},
    ),
    _lines("names in quotes with a line end", '"x","c\n(color)",y', *BODY, kinds={"x": "number"}),
    _lines("names with spaces around", " x ,c\t, y", *BODY),
    _lines("delimiter ^", *(line.replace(",", "^") for line in LINES)),
    _lines("a longer row", HEADER, *BODY[:5], BODY[5] + ",note", *BODY[6:], error="E306", words=["line 7"]),
    _bytes(
        BYTES,
        "a mark and a header in the middle",
        b"\xef\xbb\xbf" + PLAIN + b"\xef\xbb\xbf" + PLAIN,
        notices=["repeated_header"],
    ),
    _bytes(
        BYTES,
        "a mark and sep=;",
        b"\xef\xbb\xbfsep=;\r\n" + PLAIN.replace(b",", b";").replace(b"\n", b"\r\n"),
    ),
    _bytes(BYTES, "Unicode text of Excel", PLAIN.replace(b",", b"\t").decode().encode("utf-16"), ".txt"),
    _bytes(BYTES, "UTF-16 without a mark", PLAIN.decode().encode("utf-16-le")),
    _bytes(
        BYTES,
        "line ends of three kinds",
        b"".join(line.encode() + end for line, end in zip(LINES, [b"\n", b"\r\n", b"\r"] * 30, strict=False)),
    ),
    _bytes(
        BYTES,
        "a NUL byte in a cell",
        PLAIN.replace(b"green", b"gr\x00een", 1),
        error="E307",
        words=["line 4"],
    ),
    _bytes(BYTES, "NUL bytes at the end", PLAIN + b"\x00" * 512, error="E307", words=["line 62"]),
    _bytes(BYTES, "Ctrl-Z at the end, as of DOS", PLAIN + b"\x1a"),
    _bytes(
        BYTES,
        "a line of Latin-1 in a file of UTF-8",
        PLAIN.decode().replace("red", "größe").replace("blue", "été").encode()
        + "1.5,größe,a\n".encode("latin-1"),
        error="E307",
        words=["line 62"],
    ),
    _bytes(
        BYTES,
        "line ends in quoted cells",
        PLAIN.replace(b"red", b'"red\nor pink"'),
        values={**FIRST, "c": ["red\nor pink", "blue"]},
    ),
    _bytes(
        BYTES,
        "delimiters in quoted cells",
        PLAIN.replace(b"red", b'"red, dark"'),
        values={**FIRST, "c": ["red, dark", "blue"]},
    ),
    _bytes(
        BYTES,
        "inches in unquoted cells",
        PLAIN.replace(b"red", b'5" pipe'),
        values={**FIRST, "c": ['5" pipe', "blue"]},
    ),
    _bytes(BYTES, "an open quote", PLAIN.replace(b"red", b'"red', 1), error="E309|E306", words=["line 2"]),
    _bytes(
        BYTES,
        "cells in single quotes",
        b"\n".join(b",".join(b"'" + cell + b"'" for cell in line.split(b",")) for line in PLAIN.splitlines()),
    ),
)
