"""Categories: spellings, yes and no, many levels, ids and counters."""

from __future__ import annotations

from campaigns.dirty_cases.case import Case, column, cycle, table

SPELLINGS = "spellings of a level"
IDS = "ids, counters, sentinels, copies"
LABELS = cycle(["a", "b", "b", "a", "a", "b", "a"], 300)
_BIG = [f"city {i % 90}" for i in range(300)]


def _wide(**columns: list[object]) -> bytes:
    return table(300, **{**columns, "y": columns.get("y", LABELS)})


def _noisy(i: int) -> float:
    return ((i * 7919) % 1009) / 100


CASES = (
    column(
        SPELLINGS,
        "YES, yes, NO, no",
        ["YES", "yes", "NO", "no", "yes"],
        "yes_no",
        notices=["merged_spellings"],
    ),
    column(SPELLINGS, "Y, y, N, n", ["Y", "y", "N", "n", "y"], "yes_no", notices=["merged_spellings"]),
    column(SPELLINGS, "True, TRUE, false", ["True", "TRUE", "false"], "yes_no"),
    column(
        SPELLINGS,
        "Paris, PARIS",
        ["Paris", "PARIS", "Rome", "Paris"],
        "category",
        notices=["merged_spellings"],
    ),
    column(
        SPELLINGS,
        "spaces inside",
        ["New York", "New  York", "Rome", "Rome"],
        "category",
        notices=["merged_spellings"],
    ),
    column(SPELLINGS, "spaces outside", ["red", " red", "red ", "blue"], "category", words=["2 different"]),
    column(
        SPELLINGS,
        "genotypes keep their case",
        ["AA", "Aa", "aa", "Aa"],
        "category",
        notices=["case_variants"],
        words=["3 different"],
    ),
    column(
        SPELLINGS,
        "one rare spelling of a letter",
        ["F"] * 14 + ["M"] * 15 + ["f"],
        "category",
        notices=["merged_spellings"],
    ),
    column(
        SPELLINGS,
        "accents are letters",
        ["cote", "côte", "coté"],
        "category",
        words=["3 different"],
        silent=["merged_spellings"],
    ),
    column(SPELLINGS, "Chinese yes and no", ["是", "否", "否"], "yes_no"),
    column(SPELLINGS, "on and off", ["on", "off", "OFF"], "yes_no"),
    column(SPELLINGS, "full-width words are words", ["Ａ", "Ｂ"], "category"),
    column(SPELLINGS, "1 and 1.0 are one number", ["1", "1.0", "2", "3.0"], "number", [1.0, 1.0, 2.0]),
    column("numbers 0 and 1", "0 and 1 are numbers", ["0", "1", "1"], "number", [0, 1, 1]),
    column("numbers 0 and 1", "0.0 and 1.0 are numbers", ["0.0", "1.0"], "number"),
    column("numbers 0 and 1", "0 and 1 with missing", ["0", "1", ""], "number", missing={"c": 20}),
    column("numbers 0 and 1", "one rare 1", ["0"] * 29 + ["1"], "number"),
    Case(
        "many levels",
        "90 levels have a feature each",
        _wide(c=_BIG),
        kinds={"c": "category|text"},
        silent=["category_features", "rare_levels"],
    ),
    Case(
        "many levels",
        "1,100 levels are not cut without a word",
        table(3300, c=[f"city {i % 1100}" for i in range(3300)]),
        kinds={"c": "category"},
        notices=["rare_levels"],
    ),
    Case(
        "many levels",
        "names of people",
        _wide(c=[f"Person {chr(65 + i % 26)}{chr(97 + i // 26)}" for i in range(300)]),
        kinds={"c": "text|id"},
    ),
    Case(
        IDS,
        "-999 among ages",
        _wide(c=[-999 if i % 11 == 0 else 20 + i % 60 for i in range(300)]),
        kinds={"c": "number"},
        notices=["sentinel"],
        words=["-999", '"c"'],
    ),
    Case(
        IDS,
        "9999 among ages",
        _wide(c=[9999 if i % 11 == 0 else 20 + i % 60 for i in range(300)]),
        notices=["sentinel"],
    ),
    Case(
        IDS,
        "-9999.0 among rain",
        _wide(c=[-9999.0 if i % 31 == 0 else _noisy(i) for i in range(300)]),
        notices=["sentinel"],
    ),
    Case(
        IDS,
        "-1 among days",
        _wide(c=[-1 if i % 5 == 0 else i % 40 for i in range(300)]),
        notices=["sentinel"],
    ),
    Case(
        IDS,
        "99 among numbers of children",
        _wide(c=[99 if i % 20 == 0 else i % 7 for i in range(300)]),
        notices=["sentinel"],
    ),
    Case(IDS, "-1, 0, 1 are values", _wide(c=[i % 3 - 1 for i in range(300)]), silent=["sentinel"]),
    Case(IDS, "99 in percentages is a value", _wide(c=[i % 101 for i in range(300)]), silent=["sentinel"]),
    Case(
        IDS,
        "one outlier is no sentinel",
        _wide(c=[-999 if i == 7 else i % 60 for i in range(300)]),
        silent=["sentinel"],
    ),
    Case(
        IDS,
        "temperatures below -99",
        _wide(c=[-150 + (i * 7) % 200 for i in range(300)]),
        silent=["sentinel"],
    ),
    Case(IDS, "row numbers from 1", _wide(c=[*range(1, 301)]), kinds={"c": "id"}, notices=["left_out"]),
    Case(
        IDS,
        "row numbers from 1000",
        _wide(c=[*range(1000, 1300)]),
        notices=["counter|left_out"],
        words=['"c"'],
    ),
    Case(
        IDS,
        "shuffled row numbers",
        _wide(c=[(i * 7) % 300 for i in range(300)]),
        notices=["counter|left_out"],
    ),
    Case(
        IDS,
        "150 ids in 300 rows",
        _wide(patient_id=[1000 + 7 * (i // 2) for i in range(300)]),
        notices=["group_id"],
        words=["patient_id"],
    ),
    Case(IDS, "150 ids as texts", _wide(c=[f"P{i // 2:04}" for i in range(300)]), notices=["group_id"]),
    Case(
        IDS,
        "distinct ids as texts",
        _wide(c=[f"P{i:04}" for i in range(300)]),
        kinds={"c": "id"},
        notices=["left_out"],
    ),
    Case(
        IDS,
        "UUIDs",
        _wide(c=[f"{i * 2654435761 % 2**32:08x}-ab" for i in range(300)]),
        kinds={"c": "id|text"},
    ),
    Case(
        IDS,
        "measurements are no ids",
        _wide(c=[_noisy(i) for i in range(300)]),
        silent=["group_id", "counter", "left_out"],
    ),
    Case(
        IDS,
        "paid_after: 0 or at least 10",
        _wide(paid_after=[0 if label == "a" else 10 + _noisy(i) for i, label in enumerate(LABELS)]),
        notices=["near_copy|leak"],
        words=["paid_after"],
    ),
    Case(
        IDS,
        "missing reveals the target",
        _wide(c=["" if label == "a" else _noisy(i) for i, label in enumerate(LABELS)]),
        notices=["missing_reveals_target|near_copy|leak"],
        words=['"c"'],
    ),
    Case(
        IDS,
        "the target under another name",
        _wide(copy=["A" if label == "a" else "B" for label in LABELS]),
        notices=["leak|copy_of_target"],
        words=["copy"],
    ),
    Case(
        IDS,
        "a level determines the target",
        _wide(c=[f"{label}{i % 4}" for i, label in enumerate(LABELS)]),
        notices=["leak"],
    ),
    Case(
        IDS,
        "target and target with tax",
        table(
            300,
            taxed=[round(1.19 * _noisy(i) + 5, 2) for i in range(300)],
            y=[round(_noisy(i) + 4, 2) for i in range(300)],
        ),
        notices=["near_copy"],
        words=["taxed"],
    ),
    Case(
        IDS,
        "rows sorted by class beside a counter",
        _wide(c=[*range(500, 800)], y=["a"] * 150 + ["b"] * 150),
        notices=["near_copy|counter|left_out"],
        words=['"c"'],
    ),
    Case(
        IDS,
        "a strong column",
        _wide(c=[(2 if label == "a" else 4) + _noisy(i) / 2 for i, label in enumerate(LABELS)]),
        silent=["near_copy", "leak"],
    ),
    Case(
        "repeated rows",
        "repeats of three narrow columns by chance",
        table(
            600, c=[str(i * 7 % 10) for i in range(600)], x=[str(i * 3 % 8) for i in range(600)], y=["a", "b"]
        ),
        silent=["duplicates"],
    ),
    Case(
        "repeated rows",
        "30 rows copied",
        table(
            300,
            c=[_noisy(i % 270) for i in range(300)],
            x=[_noisy(3 * (i % 270)) for i in range(300)],
            y=[LABELS[i % 270] for i in range(300)],
        ),
        notices=["duplicates"],
    ),
    column("columns without information", "always the same", ["5"], "constant", notices=["left_out"]),
    column(
        "columns without information", "always the same currency", ["$5"], "constant", notices=["left_out"]
    ),
    column("columns without information", "always the same word", ["x"], "constant", notices=["left_out"]),
)
