"""Targets: rare classes, counts, currencies, spellings, missing values."""

from __future__ import annotations

from campaigns.dirty_cases.case import Case, cycle, table

GROUP = "targets"


def _target(
    name: str, cells: list[object], labels: list[object] | None, rows: int = 60, **expected: object
) -> Case:
    return Case(GROUP, name, table(rows, y=cells), labels=labels, **expected)  # type: ignore[arg-type]


CASES = (
    _target(
        "a class with one row",
        ["a", "b", "a"] * 19 + ["a", "b", "c"],
        ["a", "b"],
        notices=["single_row_classes"],
        words=["c"],
    ),
    _target(
        "two classes with one row", ["a", "b"] * 29 + ["c", "d"], ["a", "b"], notices=["single_row_classes"]
    ),
    _target("only one class has two rows", ["a"] * 59 + ["b"], None, error="E322"),
    _target(
        "counts with a single 7",
        [0, 1, 2, 3, 1, 0, 2, 4, 1, 0] * 5 + [5, 5, 6, 6, 7, 0, 1, 2, 1, 0],
        [],
        notices=["count_target"],
    ),
    _target(
        "grades with a single 3 of 4", [0, 1, 2] * 19 + [0, 1, 3], [0, 1, 2], notices=["single_row_classes"]
    ),
    _target(
        "percent",
        [f"{(i * 7) % 50}.5%" for i in range(60)],
        [],
        values={"y": [0.5, 7.5]},
        notices=["read_as_numbers"],
    ),
    _target(
        "dollars", [f"${(i * 731) % 5000:,}.50" for i in range(60)], [], values={"y": [0.5, 731.5, 1462.5]}
    ),
    _target("a unit", [f"{(i * 7) % 50 + 0.5} kg" for i in range(60)], []),
    _target(
        "a word among numbers",
        [*(str(i + 0.5) for i in range(59)), "sold"],
        None,
        error="E311",
        words=["sold"],
    ),
    _target(
        "yes, YES, no, NO", ["yes", "YES", "no", "NO", "no"], ["no", "yes"], notices=["merged_spellings"]
    ),
    _target(
        "Paris, PARIS, Rome",
        ["Paris", "PARIS", "Rome", "Paris", "Rome"],
        ["Paris", "Rome"],
        notices=["merged_spellings"],
    ),
    _target(
        "one capital letter among many",
        ["cat", "dog"] * 29 + ["Cat", "dog"],
        ["cat", "dog"],
        notices=["merged_spellings"],
    ),
    _target("0 and 1", [0, 1, 1], [0, 1]),
    _target("0.0 and 1.0", ["0.0", "1.0"], [0, 1]),
    _target("1 and 2", [1, 2, 2], [1, 2]),
    _target("True and False", ["True", "False", "False"], [False, True]),
    _target("T and F", ["T", "F", "F"], ["F", "T"]),
    _target("some missing", ["a", "b", "", "b"], ["a", "b"], notices=["target_missing"]),
    _target("missing as NA and ?", ["a", "b", "NA", "?", "b"], ["a", "b"], notices=["target_missing"]),
    _target(
        "missing as none among numbers",
        ["1.5", "2.25", "none", *(str(i + 0.5) for i in range(27))],
        [],
        notices=["missing_words"],
    ),
    _target("all missing", [""], None, error="E320"),
    _target("always the same", ["a"], None, error="E321"),
    _target("always the same number", ["2.5"], None, error="E321|E323"),
    _target("texts that are all different", [f"text {i}" for i in range(60)], None, error="E324"),
    _target("codes with leading zeros", ["01", "02", "02"], ["01", "02"]),
    _target("spaces around labels", ["a", " a", "b ", "b"], ["a", "b"]),
    _target("labels with accents", ["été", "hiver"], ["hiver", "été"]),
    _target("Chinese labels", ["好", "坏", "坏"], ["坏", "好"]),
    _target("labels with commas", ["a, b", "c"], ["a, b", "c"]),
    _target("formulas as labels", ["=1+1", "@x"], ["=1+1", "@x"]),
    _target("few numbers of years", [f"{2000 + i % 30}" for i in range(60)], []),
    _target("integers with decimals", ["1.0", "2.0", "3.0"], [1, 2, 3]),
    _target("infinity", ["inf", *(str(i + 0.5) for i in range(59))], None, error="E312"),
    _target(
        "20 classes",
        cycle([f"class {i}" for i in range(20)], 200),
        [f"class {i}" for i in sorted(range(20), key=str)],
        200,
    ),
    _target("extreme imbalance", ["a"] * 57 + ["b"] * 3, ["a", "b"]),
)
