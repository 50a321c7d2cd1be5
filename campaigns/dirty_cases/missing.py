"""Spellings of missing values, and values that look like them."""

from __future__ import annotations

from campaigns.dirty_cases.case import Case, column, table

SPELLINGS = (
    "", "NA", "na", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "Null", "None", "none",
    "nil", "NIL", "?", "??", ".", "..", "-", "--", "---", "n.a.", "N.A.", "<NA>", "\\N", "#DIV/0!",
    "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "missing", "Missing", "unknown", "Unknown",
    "undefined", "not available", "no data", "tbd", "NaT", "(null)", "(blank)", "1.#QNAN", "1.#IND", "k.A.",
    "keine Angabe", "\u2014", "\u2013", "无", "缺失", "未知", "暂无", "*", "nd", " ", "\u00a0",
)  # fmt: skip
MANY = ["1.5", "2.5", "3", "4.25", "5", "6.5", "7", "8", "9.75"]
TEN = [*MANY, "{}"]  # 10 % of the rows
CASES = (
    *(
        column(
            "missing values among numbers",
            f'"{word}" in 10 % of the rows',
            [cell.format(word) for cell in TEN],
            "number",
            [1.5, 2.5],
            missing={"c": 6},
            silent=["left_out", "mostly_numbers"],
        )
        for word in SPELLINGS
    ),
    column(
        "missing values among numbers",
        '"none" in 40 % of the rows',
        ["1.5", "none", "2.5", "none", "7"],
        "number",
        missing={"c": 24},
        notices=["missing_words"],
    ),
    column(
        "missing values among numbers",
        "five spellings in one column",
        [*MANY, "None", *MANY, "nil", *MANY, ".", *MANY, "n.a.", *MANY, "#DIV/0!", *MANY[:9], "--"],
        "number",
        missing={"c": 6},
        notices=["missing_words"],
    ),
    column(
        "missing values among numbers",
        '"None" in a currency column',
        ["$5", "$6.50", "None"],
        "number",
        [5.0, 6.5, None],
        missing={"c": 20},
    ),
    column(
        "missing values among numbers",
        '"unknown" among dates',
        ["2020-01-05", "2020-02-07", "2021-03-01", "unknown"],
        "date",
        missing={"c": 15},
    ),
    column(
        "values that look missing",
        '"none" among words is a level',
        ["red", "none", "blue"],
        "category",
        missing={"c": 0},
    ),
    column(
        "values that look missing",
        '"unknown" among words is a level',
        ["red", "unknown"],
        "category",
        missing={"c": 0},
    ),
    column(
        "values that look missing",
        '"-" among words is missing',
        ["red", "-", "blue"],
        "category",
        missing={"c": 20},
    ),
    column(
        "values that look missing",
        '"NA" among words is missing',
        ["red", "NA", "blue"],
        "category",
        missing={"c": 20},
    ),
    column(
        "values that look missing",
        "NA is Namibia",
        ["DE", "NA", "ZA", "FR"],
        "category",
        missing={"c": 0},
        notices=["kept_marks"],
    ),
    column(
        "values that look missing",
        "NA is North America",
        ["EU", "NA", "AS", "SA"],
        "category",
        missing={"c": 0},
        notices=["kept_marks"],
    ),
    column(
        "values that look missing",
        "NA beside states is missing",
        ["TX", "NA", "WI", "CA"],
        "category",
        missing={"c": 15},
    ),
    column(
        "values that look missing",
        "+ and - are values",
        ["+", "-"],
        "category",
        missing={"c": 0},
        notices=["kept_marks"],
    ),
    column("values that look missing", "++, +, -", ["++", "+", "-"], "category", missing={"c": 0}),
    column("values that look missing", "+, 0, -", ["+", "0", "-"], "category", missing={"c": 0}),
    Case(
        "values that look missing", "target of + and -", table(y=["+", "-", "-", "+", "+"]), labels=["+", "-"]
    ),
    Case(
        "values that look missing",
        "target of positive and -",
        table(y=["positive", "-", "negative"]),
        labels=["negative", "positive"],
        notices=["target_missing"],
    ),
    column("values that look missing", "empty column", [""], "empty", notices=["left_out"]),
    column("values that look missing", "only NA", ["NA", ""], "empty", notices=["left_out"]),
    column(
        "values that look missing", "mostly empty", ["", "", "", "red", "blue"], "category", missing={"c": 36}
    ),
    column(
        "values that look missing", "O blood group and 0", ["A", "B", "AB", "0"], "category", missing={"c": 0}
    ),
)
