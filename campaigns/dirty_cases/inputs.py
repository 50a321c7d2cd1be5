"""Dates, times, durations and texts as inputs."""

from __future__ import annotations

from campaigns.dirty_cases.case import Case, column, table

DATES = "dates, times and durations"
FORMS: dict[str, list[str]] = {
    "2020-11-05": ["2020-11-05", "2020-12-24", "2021-01-31"],
    "2020/11/05": ["2020/11/05", "2020/12/24", "2021/01/31"],
    "05.11.2020": ["05.11.2020", "24.12.2020", "31.01.2021"],
    "11/05/2020, month first": ["11/05/2020", "12/24/2020", "01/31/2021"],
    "05/11/2020, day first": ["05/11/2020", "24/12/2020", "31/01/2021"],
    "11/5/20": ["11/5/20", "12/24/20", "1/31/21"],
    "5 Nov 2020": ["5 Nov 2020", "24 Dec 2020", "31 Jan 2021"],
    "November 5, 2020": ["November 5, 2020", "December 24, 2020", "January 31, 2021"],
    "05-Nov-20": ["05-Nov-20", "24-Dec-20", "31-Jan-21"],
    "Thu, 5 Nov 2020": ["Thu, 5 Nov 2020", "Thu, 24 Dec 2020", "Sun, 31 Jan 2021"],
    "2020-11-05 13:30:00": ["2020-11-05 13:30:00", "2020-12-24 08:15:00", "2021-01-31 23:59:59"],
    "2020-11-05T13:30:00Z": ["2020-11-05T13:30:00Z", "2020-12-24T08:15:00Z"],
    "2020-11-05T13:30:00+01:00": ["2020-11-05T13:30:00+01:00", "2020-12-24T08:15:00+01:00"],
    "11/5/2020 1:30 PM": ["11/5/2020 1:30 PM", "12/24/2020 8:15 AM"],
    "2020年11月5日": ["2020年11月5日", "2020年12月24日"],
    "Nov 2020": ["Nov 2020", "Dec 2020", "Jan 2021"],
    "2020-11": ["2020-11", "2020-12", "2021-01"],
    "2020Q4": ["2020Q4", "2021Q1", "2021Q2"],
    "dates with gaps": ["2020-11-05", "", "2021-01-31"],
}
DURATIONS: dict[str, list[str]] = {
    "1:23:45": ["1:23:45", "0:59:10", "12:00:00"],
    "90 min": ["90 min", "45 min", "120 min"],
    "2 h 5 min": ["2 h 5 min", "45 min", "3 h"],
    "P1DT2H": ["P1DT2H", "PT45M", "P3D"],
    "13:30": ["13:30", "08:15", "23:59"],
    "3 days": ["3 days", "1 day", "12 days"],
}
_TEXTS = [
    "the engine is loud",
    "a quiet and clean car",
    "brakes were replaced",
    "engine and gears fine",
    "rust at the side",
]
CASES = (
    *(column(DATES, name, cells, "date") for name, cells in FORMS.items()),
    *(column(DATES, name, cells, "number|duration|date|time") for name, cells in DURATIONS.items()),
    Case(
        DATES,
        "20201105 in a column named date",
        table(date=["20201105", "20201224", "20210131"]),
        kinds={"date": "date"},
    ),
    Case(DATES, "5-digit numbers are no dates", table(c=["20201", "20202", "20305"]), kinds={"c": "number"}),
    column(DATES, "years are numbers", ["1999", "2005", "2020"], "number"),
    Case(
        "texts",
        "sentences are used",
        table(200, c=[f"{_TEXTS[i % 5]} {i}" for i in range(200)]),
        kinds={"c": "text"},
        silent=["left_out"],
    ),
    Case(
        "texts",
        "Chinese sentences are used",
        table(200, c=[f"发动机 很响 {i}" for i in range(200)]),
        kinds={"c": "text"},
        silent=["left_out"],
    ),
)
