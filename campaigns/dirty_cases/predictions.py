"""Later tables for a model: the cells of the training columns in another notation, spelling or range."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.dirty_cases.case import Case, cycle, table

GROUP = "later tables"
PRICES = ["$5", "$15.50", "$1,020"]


def _later(name: str, cells: Sequence[object], new: str, **expected: object) -> Case:
    """A training column ``c`` and one later row; ``inputs`` are features by name."""
    later = f'x,c\n1.25,"{new}"\n'.encode()
    return Case(GROUP, name, table(c=cells), later=later, **expected)  # type: ignore[arg-type]


CASES = (
    _later("$5 after $5", PRICES, "$5", inputs={"c": 5.0}),
    _later("5 after $5", PRICES, "5", inputs={"c": 5.0}),
    _later("$5 after 5", ["5", "15.5"], "$5", inputs={"c": 5.0}),
    _later("1,020 after $1,020", PRICES, "1,020", inputs={"c": 1020.0}),
    _later("5 after 5 %", ["5%", "15.5%"], "5", inputs={"c": 5.0}),
    _later("5 % after 5 %", ["5%", "15.5%"], "5 %", inputs={"c": 5.0}),
    _later("160 after cm", ["159 cm", "172 cm"], "160", inputs={"c": 160.0}),
    _later("160 cm after cm", ["159 cm", "172 cm"], "160 cm", inputs={"c": 160.0}),
    _later("none after numbers", ["1.5", "2.5"], "none", later_notices=["filled"]),
    _later("#N/A after numbers", ["1.5", "2.5"], "#N/A", later_notices=["filled"]),
    _later("-- after numbers", ["1.5", "2.5"], "--", later_notices=["filled"]),
    _later("Unicode minus after numbers", ["1.5", "2.5"], "−4", inputs={"c": -4.0}),
    _later("full-width digits after numbers", ["1.5", "2.5"], "１２", inputs={"c": 12.0}),
    _later("2 after 0 and 1", ["0", "1", "1"], "2", inputs={"c": 2.0}),
    _later("a word after numbers", ["1.5", "2.5"], "low", later_error="E311"),
    _later("PARIS after Paris", ["Paris", "Rome"], "PARIS", inputs={"c=Paris": 1.0, "c=Rome": 0.0}),
    _later("Paris with spaces", ["New York", "Rome"], "new  york", inputs={"c=New York": 1.0}),
    _later("YES after yes", ["yes", "no"], "YES", inputs={"c": 1.0}),
    _later("1 after yes", ["yes", "no"], "1", inputs={"c": 1.0}),
    _later("maybe after yes", ["yes", "no"], "maybe", later_error="E318"),
    _later("12A after letters", ["12A", "7C", "3B", "12B", "9D", "4E"], "12A", inputs={"c=12A": 1.0}),
    _later("007 after codes", ["007", "012", "100"], "007", inputs={"c=007": 1.0}),
    _later("100 after codes", ["007", "012", "100"], "100", inputs={"c=100": 1.0}),
    _later("1E5 after codes", ["1E5", "12E3", "7E2"], "1E5", inputs={"c=1E5": 1.0}),
    _later(
        "2^53 + 1 after codes",
        ["9007199254740992", "9007199254740993"],
        "9007199254740993",
        inputs={"c=9007199254740993": 1.0},
    ),
    _later("an unseen level", ["red", "blue"], "pink", later_notices=["unseen_levels"]),
    _later("a level of another language", ["red", "blue"], "红", later_notices=["unseen_levels"]),
    _later("age -5", ["20", "35", "60"], "-5", inputs={"c": -5.0}, later_notices=["drift_below"]),
    Case(
        GROUP,
        "an empty column",
        table(c=["1.5", "2.5"]),
        later=b"x,c\n1,\n2,\n3,\n",
        later_notices=["empty_column|column_empty|filled"],
    ),
    Case(GROUP, "a missing column", table(c=["1.5", "2.5"]), later=b"x\n1\n", later_error="E326"),
    Case(
        GROUP,
        "columns in another order",
        table(c=["1.5", "2.5"]),
        later=b"c,z,x\n1.5,9,1\n",
        inputs={"c": 1.5, "x": 1.0},
    ),
    Case(
        GROUP,
        "decimal commas after points",
        table(c=["1.5", "2.5"]),
        later=b"x;c\n1,25;2,5\n",
        inputs={"c": 2.5, "x": 1.25},
    ),
    Case(
        GROUP,
        "one ambiguous cell after decimal commas",
        table(delimiter=";", number=lambda v: str(v).replace(".", ","), c=cycle(["1,234", "2,5"])),
        later=b"x\tc\n1\t1,234\n",
        inputs={"c": 1.234},
    ),
    Case(
        GROUP,
        "units changed from cm to inches",
        table(c=["159 cm", "172 cm"]),
        later=b"x,c\n1,63 in\n",
        later_notices=["other_unit"],
    ),
)
