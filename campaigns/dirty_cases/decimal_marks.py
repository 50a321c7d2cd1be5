"""Files in which the comma or the point is the decimal mark."""

from __future__ import annotations

from campaigns.dirty_cases.case import Case, table, text

GROUP = "decimal mark of a file"


def _comma(value: float) -> str:
    return str(value).replace(".", ",")


def _file(columns: dict[str, list[str]], delimiter: str) -> bytes:
    rows = len(next(iter(columns.values())))
    return text({**columns, "y": ["a", "b"] * (rows // 2)}, delimiter)


CASES = (
    Case(
        GROUP,
        "; file: 164,6 proves that 1.729 is 1729",
        _file({"w": ["164,6", "76,1"] * 9, "p": ["1.729", "674"] * 9}, ";"),
        values={"w": [164.6, 76.1], "p": [1729.0, 674.0]},
        notices=["read_as_numbers"],
    ),
    Case(
        GROUP,
        "tab: another column proves the comma, 5,123 is 5.123",
        _file({"w": ["1,5", "2,25"] * 9, "p": ["5,123", "7,250"] * 9}, "\t"),
        ".tsv",
        values={"p": [5.123, 7.25]},
    ),
    Case(
        GROUP,
        "tab: the column itself proves the comma",
        _file({"p": ["5,123", "7,25"] * 9, "q": ["1", "2"] * 9}, "\t"),
        ".tsv",
        values={"p": [5.123, 7.25]},
    ),
    Case(
        GROUP,
        "tab without proof: 5,123 is 5123, with a notice",
        _file({"p": ["5,123", "7,250"] * 9, "q": ["1", "2"] * 9}, "\t"),
        ".tsv",
        values={"p": [5123.0]},
        notices=["read_as_numbers"],
    ),
    Case(
        GROUP,
        "quoted decimal commas in a comma file",
        _file({"p": ["1,5", "2,25"] * 9, "q": ["1", "2"] * 9}, ","),
        values={"p": [1.5, 2.25]},
    ),
    Case(
        GROUP,
        "quoted groups in a comma file",
        _file({"p": ["1,500", "2,250"] * 9, "q": ["1.5", "2"] * 9}, ","),
        values={"p": [1500.0, 2250.0], "q": [1.5, 2.0]},
    ),
    Case(
        GROUP,
        "; without proof: 1,234 is 1.234",
        _file({"p": ["1,234", "2,250"] * 9, "q": ["1", "2"] * 9}, ";"),
        values={"p": [1.234, 2.25]},
    ),
    Case(
        GROUP,
        "; with points: 1.5 is 1.5",
        _file({"p": ["1.5", "2.25"] * 9, "q": ["1", "2"] * 9}, ";"),
        values={"p": [1.5, 2.25]},
    ),
    Case(
        GROUP,
        "; with points proves that 1,234 is 1234",
        _file({"p": ["1.5", "2.25"] * 9, "q": ["1,234", "950"] * 9}, ";"),
        values={"p": [1.5], "q": [1234.0, 950.0]},
    ),
    Case(
        GROUP,
        "; groups and decimals in one cell",
        _file({"p": ["1.234,5", "2,25"] * 9, "q": ["1", "2"] * 9}, ";"),
        values={"p": [1234.5, 2.25]},
    ),
    Case(
        GROUP,
        "1.234.567 proves groups by points",
        _file({"p": ["1.234.567", "2.250"] * 9, "q": ["1", "2"] * 9}, "\t"),
        ".tsv",
        values={"p": [1234567.0, 2250.0]},
    ),
    Case(
        GROUP,
        "1.729 beside 12345 is no group",
        _file({"w": ["164,6", "76,1"] * 9, "p": ["1.729", "12345"] * 9}, ";"),
        values={"p": [1.729, 12345.0]},
    ),
    Case(
        GROUP,
        "0.123 is no group",
        _file({"w": ["164,6", "76,1"] * 9, "p": ["0.123", "0.5"] * 9}, ";"),
        values={"w": [164.6], "p": [0.123, 0.5]},
    ),
    Case(
        GROUP,
        "| file with decimal commas",
        _file({"p": ["1,5", "2,25"] * 9, "q": ["3,125", "4,5"] * 9}, "|"),
        values={"p": [1.5, 2.25], "q": [3.125, 4.5]},
    ),
    Case(
        GROUP,
        "decimal commas in a target",
        table(delimiter=";", number=_comma, y=[f"{i},{i % 9 + 1}" for i in range(60)]),
        kinds={"y": "number"},
        labels=[],
        values={"y": [0.1, 1.2]},
    ),
    Case(
        GROUP,
        "currency proves the comma",
        _file({"w": ["5,50 €", "7,25 €"] * 9, "p": ["1.729", "674"] * 9}, ";"),
        values={"w": [5.5, 7.25], "p": [1729.0, 674.0]},
    ),
    Case(
        GROUP,
        "negative decimal commas",
        _file({"p": ["-1,5", "+2,25"] * 9, "q": ["1", "2"] * 9}, ";"),
        values={"p": [-1.5, 2.25]},
    ),
    Case(
        GROUP,
        "missing values among decimal commas",
        _file({"p": ["1,5", "k.A.", "2,25"] * 6, "q": ["1", "2"] * 9}, ";"),
        values={"p": [1.5, None, 2.25]},
        missing={"p": 6},
    ),
)
