"""Numbers and dates with two meanings: notices, and one convention for a model and its later tables."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.dirty_cases.case import Case, cycle, text

GROUP = "numbers and dates with two meanings"
ROWS = 36
SOLD = ["950", "1.234", "2.501"]
DAYS = [(month, day) for month in range(1, 13) for day in (3, 8, 12)]
ISO = [f"2024-{month:02}-{day:02}" for month, day in DAYS]
POINTS = [f"{day:02}.{month:02}.2024" for month, day in DAYS[:-1]] + ["25.12.2024"]
SLASHES = [f"{month:02}/{day:02}/2024" for month, day in DAYS[:-1]] + ["12/25/2024"]


def _file(cells: Sequence[object], delimiter: str = ",", **others: Sequence[object]) -> bytes:
    columns = {"c": cycle(cells, ROWS), **{name: cycle(column, ROWS) for name, column in others.items()}}
    return text({**columns, "y": cycle(["a", "b", "b"], ROWS)}, delimiter)


def _later(name: str, cells: Sequence[object], new: str, delimiter: str = ",", **expected: object) -> Case:
    """A training column ``c`` and one later cell."""
    later = f'n{delimiter}c\n1{delimiter}"{new}"\n'.encode()
    return Case(GROUP, name, _file(cells, delimiter, n=[1, 2, 4]), later=later, **expected)  # type: ignore[arg-type]


CASES = (
    *(
        Case(
            GROUP,
            f"{delimiter!r}: 950, 1.234, 2.501",
            _file(SOLD, delimiter),
            suffix,
            kinds={"c": "number"},
            notices=["ambiguous_numbers"],
            words=["1234", "--decimal"],
        )
        for delimiter, suffix in ((";", ".csv"), (",", ".csv"), ("\t", ".tsv"))
    ),
    Case(
        GROUP,
        "€ 1.234 among € 950",
        _file([f"€ {cell}" for cell in SOLD], ";"),
        notices=["ambiguous_numbers"],
    ),
    Case(
        GROUP,
        "1.234 kg among 950 kg",
        _file([f"{cell} kg" for cell in SOLD], ";"),
        notices=["ambiguous_numbers"],
    ),
    Case(
        GROUP,
        "1,234 and 950 in quotes",
        _file(["1,234", "950"]),
        notices=["ambiguous_numbers"],
        values={"c": [1234.0, 950.0]},
    ),
    Case(
        GROUP,
        "another column shows the comma",
        _file(SOLD, ";", n=["1,5", "2,25"]),
        values={"c": [950.0, 1234.0]},
        silent=["ambiguous_numbers"],
    ),
    Case(
        GROUP,
        "another column shows the point",
        _file(SOLD, ";", n=["0.5", "2.25"]),
        values={"c": [950.0, 1.234]},
        silent=["ambiguous_numbers"],
    ),
    Case(GROUP, "0.950 shows the point", _file(["0.950", "1.234"], ";"), silent=["ambiguous_numbers"]),
    Case(GROUP, "1234.567 shows the point", _file(["1234.567", "1.234"], ";"), silent=["ambiguous_numbers"]),
    Case(
        GROUP,
        "an ambiguous target",
        text({"x": cycle([1, 2, 4], ROWS), "y": [f"{1 + i}.{100 + i}" for i in range(ROWS)]}, ";"),
        notices=["ambiguous_numbers"],
        labels=[],
    ),
    _later("1.234 after 1.234,5", ["1.234,5", "950,25"], "1.234", ";", inputs={"c": 1234.0}),
    _later("1.234 after 1234.5", ["1234.5", "950.25"], "1.234", ";", inputs={"c": 1.234}),
    _later(
        "1.234 after 1.234", SOLD, "1.234", ";", inputs={"c": 1.234}, later_notices=["numbers_as_trained"]
    ),
    _later("1.234,5 after 1.234", SOLD, "1.234,5", ";", inputs={"c": 1234.5}, later_notices=["other_mark"]),
    _later("1.234 after integers", ["950", "12"], "1.234", ";", later_notices=["ambiguous_numbers"]),
    _later(
        "points after ISO dates",
        ISO,
        "03.12.2024",
        later_notices=["dates_by_cells"],
        inputs={"c: month (sin)": -0.5},
    ),
    _later("slashes after ISO dates", ISO, "03/12/2024", later_error="E345"),
    _later(
        "slashes with a day above 12 after ISO dates",
        ISO,
        "25/12/2024",
        later_notices=["dates_by_cells"],
        inputs={"c: month (sin)": -0.5},
    ),
    _later(
        "hyphens after ISO dates",
        ISO,
        "03-12-2024",
        later_notices=["dates_by_cells"],
        inputs={"c: month (sin)": -0.5},
    ),
    _later("ISO dates after points", POINTS, "2024-12-03", inputs={"c: month (sin)": -0.5}),
    _later(
        "points after month/day",
        SLASHES,
        "03.12.2024",
        later_notices=["dates_by_cells"],
        inputs={"c: month (sin)": -0.5},
    ),
    _later("hyphens after month/day", SLASHES, "03-12-2024", later_error="E345"),
    _later("slashes after points", POINTS, "03/12/2024", later_error="E345"),
    _later("month/day after month/day", SLASHES, "12/03/2024", inputs={"c: month (sin)": -0.5}),
    _later("day/month after month/day", SLASHES, "25/12/2024", later_error="E345"),
    Case(
        GROUP,
        "slashes that show no order",
        _file([f"{i % 12 + 1:02}/{i * 5 % 12 + 1:02}/2024" for i in range(ROWS)]),
        kinds={"c": "date"},
        notices=["assumed_month_first"],
        words=["--day-first"],
    ),
    Case(
        GROUP,
        "points that show no order",
        _file([f"{i % 12 + 1:02}.{i * 5 % 12 + 1:02}.2024" for i in range(ROWS)]),
        kinds={"c": "date"},
        notices=["assumed_day_first"],
        words=["--month-first"],
    ),
)
