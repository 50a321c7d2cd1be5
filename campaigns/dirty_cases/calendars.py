"""Dates, weeks and times in forms of other languages, programs and calendars."""

from __future__ import annotations

from campaigns.dirty_cases.case import Case, column, table

GROUP = "dates of other programs and languages"
DATES: dict[str, list[str]] = {
    "ISO weeks": ["2020-W45", "2020-W52", "2021-W03"],
    "days of ISO weeks": ["2020-W45-4", "2020-W52-4", "2021-W03-7"],
    "quarters with a slash": ["2020/Q3", "2020/Q4", "2021/Q1"],
    "quarters before the year": ["Q3/2020", "Q4/2020", "Q1/2021"],
    "German months": ["5. März 2020", "24. Dezember 2020", "31. Mai 2021"],
    "French months": ["1er janvier 2020", "14 juillet 2020", "5 févr. 2021"],
    "Spanish months": ["5 de noviembre de 2020", "24 de diciembre de 2020", "31 de enero de 2021"],
    "Portuguese months": ["5 de fevereiro de 2020", "24 de dezembro de 2020", "31 de maio de 2021"],
    "Italian months": ["5 gennaio 2020", "24 giugno 2020", "31 agosto 2021"],
    "Dutch months": ["5 mei 2020", "24 maart 2020", "31 augustus 2021"],
    "Korean and Hungarian points": ["2020. 11. 5.", "2020. 12. 24.", "2021. 1. 31."],
    "full-width digits": ["２０２０年１１月５日", "２０２０年１２月２４日"],
    "Chinese half of the day": ["2020-11-05 下午3:30", "2020-12-24 上午8:15"],
    "weekdays before numbers": ["Do, 05.11.2020", "Do, 24.12.2020", "So, 31.01.2021"],
    "names of time zones": ["2020-11-05 13:30 CET", "2020-07-24 08:15 CEST"],
    "short quarters": ["4Q20", "1Q21", "2Q21"],
    "two digits of the last century": ["31/12/99", "15/06/98", "01/02/97"],
    "several forms in one column": ["2020-11-05", "24.12.2020", "Jan 31, 2021"],
    "before 1900": ["1850-03-01", "1899-12-31", "1901-01-01"],
    "empty dates of SAP": ["05.11.2020", "24.12.2020", "31.01.2021", "00.00.0000"],
    "empty dates of MySQL": ["2020-11-05", "2020-12-24", "2021-01-31", "0000-00-00"],
}
CASES = (
    *(column(GROUP, name, cells, "date") for name, cells in DATES.items()),
    column(
        GROUP,
        "empty dates are missing",
        ["05.11.2020", "24.12.2020", "00.00.0000"],
        "date",
        missing={"c": 20},
    ),
    column(
        GROUP,
        "9999-12-31 is no date of the data",
        ["2020-11-05", "2020-12-24", "9999-12-31", "2021-01-31"],
        "date",
        notices=["sentinel_date"],
        words=["9999-12-31"],
    ),
    column(GROUP, "fiscal years", ["2019/20", "2020/21", "2021/22"], "category"),
    column(GROUP, "day and month without a year", ["24/12", "31/01", "15/06"], "category"),
    Case(
        GROUP,
        "half of the dates have the month first",
        table(c=["25/12/2020", "12/26/2020", "27/12/2020", "12/28/2020"]),
        kinds={"c": "category|text"},
        notices=["unclear_dates"],
        words=['"c"'],
    ),
    column(GROUP, "times after midnight", ["23:30:00", "24:15:00", "25:30:00"], "duration"),
    column(GROUP, "French hours", ["10h30", "8h15", "21h05"], "time|duration"),
    column(GROUP, "German durations", ["3 Tage", "12 Tage", "1 Tag"], "number|duration"),
    column(GROUP, "German hours and minutes", ["2 Std. 5 Min.", "45 Min.", "3 Std."], "duration"),
    column(GROUP, "Chinese durations", ["2小时5分钟", "45分钟", "3小时"], "duration"),
    column(GROUP, "hours with am and pm", ["9AM", "10PM", "11 a.m."], "time"),
    column(GROUP, "hours with one letter", ["8.5 h", "7 h", "12 h"], "duration"),
    column(GROUP, "meters are no minutes", ["8.5 m", "7 m"], "number", [8.5, 7.0]),
    column(GROUP, "o'clock in German", ["10:30 Uhr", "8:15 Uhr", "21:05 Uhr"], "time|duration"),
)
