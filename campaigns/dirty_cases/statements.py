"""Exports of banks, shops and surveys as complete files, with lines around the table."""

from __future__ import annotations

from collections.abc import Callable

from campaigns.dirty_cases.case import LABELS, Case, cycle, table, text

BANKS, SURVEYS = "exports of banks and shops", "surveys"
Y = cycle(LABELS, 300)


def _file(
    group: str,
    name: str,
    head: list[str],
    row: Callable[[int], str],
    encoding: str = "utf-8",
    **expected: object,
) -> Case:
    """A file of lines above and 60 rows, the number of which is the argument of ``row``."""
    content = "\n".join([*head, *(row(i) for i in range(60))]) + "\n"
    return Case(group, name, content.encode(encoding), **expected)  # type: ignore[arg-type]


def _german(group: str, name: str, cells: list[str], **expected: object) -> Case:
    content = text({"c": cycle(cells), "y": Y[:60]}, ";")
    return Case(group, name, content, kinds={"c": "number"}, **expected)  # type: ignore[arg-type]


def _day(i: int) -> str:
    return f"{i % 28 + 1:02}.{i % 12 + 1:02}.2020"


def _long(group: str, name: str, cell: Callable[[int], str], **expected: object) -> Case:
    """A column of 300 rows."""
    content = table(300, c=[cell(i) for i in range(300)])
    return Case(group, name, content, **expected)  # type: ignore[arg-type]


CASES = (
    _file(
        BANKS,
        "statement of a German bank in Latin-1",
        ['"Auftragskonto";"Buchungstag";"Verwendungszweck";"Betrag";"y"'],
        lambda i: (
            f'"DE12";"{_day(i)}";"MÜLLER {i}";"{"-" * (i % 2)}{i + 1}.{i * 37 % 1000:03},{i:02}";"{Y[i]}"'
        ),
        encoding="latin-1",
        kinds={"Auftragskonto": "constant", "Buchungstag": "date", "Betrag": "number"},
        values={"Betrag": [1000.0, -2037.01]},
    ),
    _file(
        BANKS,
        "lines about the account above, all lines end in a delimiter",
        [
            '"Kontonummer:";"DE99 / Girokonto";',
            "",
            '"Von:";"01.01.2020";',
            '"Bis:";"31.12.2020";',
            "",
            '"Buchungstag";"Betrag (EUR)";"y";',
        ],
        lambda i: f'"{_day(i)}";"{i},{i % 10}0";"{Y[i]}";',
        kinds={"Buchungstag": "date", "Betrag (EUR)": "number"},
        values={"Betrag (EUR)": [0.0, 1.1]},
        notices=["lines_above"],
    ),
    _file(
        BANKS,
        "debit and credit columns of a French bank",
        ["Date;Libellé;Débit euros;Crédit euros;y"],
        lambda i: f"{_day(i)};CB MARCHÉ {i};{f'{i} 0{i % 10}0,50;' if i % 2 else f';{i + 1},25'};{Y[i]}",
        encoding="cp1252",
        kinds={"Date": "date", "Débit euros": "number", "Crédit euros": "number"},
        values={"Crédit euros": [1.25, None, 3.25], "Débit euros": [None, 1010.5]},
        missing={"Débit euros": 30},
    ),
    _file(
        BANKS,
        "Swiss statement with apostrophes",
        ["Datum;Betrag;Saldo;y"],
        lambda i: (
            f"2020-{i % 12 + 1:02}-{i % 28 + 1:02};{i + 1}'{i * 7 % 1000:03}.{i:02};{100 + i}.05;{Y[i]}"
        ),
        kinds={"Datum": "date", "Betrag": "number", "Saldo": "number"},
        values={"Betrag": [1000.0, 2007.01]},
    ),
    _file(
        BANKS,
        "amounts in quotes with commas, date and time in two columns",
        ['"Date","Time","TimeZone","Gross","Net","y"'],
        lambda i: (
            f'"{i % 12 + 1}/{i % 28 + 1}/2020","{i % 24:02}:15:00","CET",'
            f'"{i + 1},{i * 37 % 1000:03}.50","-{i}.25","{Y[i]}"'
        ),
        kinds={"Date": "date", "Time": "time", "TimeZone": "constant", "Gross": "number", "Net": "number"},
        values={"Gross": [1000.5, 2037.5]},
    ),
    _file(
        BANKS,
        "Chinese payments in GBK with lines around and cells that end in tabs",
        [
            "支付宝交易记录明细查询",
            "账号:[abc@example.com]",
            "----------交易记录明细列表----------",
            "交易号 ,金额（元） ,类型 ,y",
        ],
        lambda i: f"2020{i:08}\t,{i}.50 ,{'支出' if i % 2 else '收入'} ,{Y[i]}",
        encoding="gbk",
        kinds={"金额（元）": "number", "类型": "category|yes_no"},
        values={"金额（元）": [0.5, 1.5]},
    ),
    Case(
        BANKS,
        "dashes for cents after francs",
        table(c=["CHF 12.-", "CHF 7.50", "CHF 1'100.-"]),
        kinds={"c": "number"},
        values={"c": [12.0, 7.5, 1100.0]},
    ),
    Case(BANKS, "ranges of prices", table(c=["10-20 €", "20-50 €", "50-100 €"]), kinds={"c": "category"}),
    Case(
        BANKS,
        "sizes in KB, MB and GB",
        table(c=["512 KB", "1.5 MB", "2 GB"]),
        kinds={"c": "category|text"},
        notices=["mixed_units"],
    ),
    _german(
        BANKS, "percentages with plus", ["+1,5 %", "-0,25 %", "+12,0 %"], values={"c": [1.5, -0.25, 12.0]}
    ),
    _german(
        BANKS,
        "more losses in parentheses than gains",
        ["(1.234,50)", "12,25", "(7,00)"],
        values={"c": [-1234.5, 12.25, -7.0]},
        notices=["read_as_numbers"],
    ),
    Case(BANKS, "all numbers in parentheses", table(c=["(12)", "(7)", "(9)"]), kinds={"c": "category"}),
    _file(
        SURVEYS,
        "questions and ids below the names, as of Qualtrics",
        [
            "Q1,Q2,y",
            "How old are you?,Do you smoke?,State",
            '"{""ImportId"":""QID1""}","{""ImportId"":""QID2""}",z',
        ],
        lambda i: f"{20 + i % 50},{'Yes' if i % 3 else 'No'},{Y[i]}",
        error="E311",
        words=["line 2"],
    ),
    _file(
        SURVEYS,
        "choices below a question without names, as of SurveyMonkey",
        ['Respondent,Age,"Which apply?",,,y', ",Open-Ended Response,Red,Blue,Green,Response"],
        lambda i: (
            f"{114000000 + i * 7},{20 + i % 50},{'Red' if i % 2 else ''},,{'Green' if i % 5 else ''},{Y[i]}"
        ),
        error="E305",
        words=["column 4"],
    ),
    Case(
        SURVEYS,
        "scales with words at the ends",
        table(c=["1 - strongly disagree", "2", "3", "5 - agree"]),
        kinds={"c": "category"},
    ),
    Case(
        SURVEYS,
        "several choices in a cell",
        table(c=["red;blue", "red", "blue;green"]),
        kinds={"c": "category"},
    ),
    _long(
        SURVEYS,
        "codes -8 and -9 beside ages",
        lambda i: str(20 + i % 60) if i % 9 else ("-8", "-9")[i % 2],
        kinds={"c": "number"},
        notices=["sentinel"],
        words=["-9", "-8"],
    ),
    _long(
        SURVEYS,
        "degrees below zero are no codes",
        lambda i: str(i % 31 - 9),
        kinds={"c": "number"},
        silent=["sentinel"],
    ),
    _long(
        SURVEYS,
        "no comment among numbers",
        lambda i: str(20 + i % 60) if i % 10 else "no comment",
        kinds={"c": "number"},
        missing={"c": 30},
    ),
    _long(
        SURVEYS,
        "k.A. among numbers",
        lambda i: str(20 + i % 60) if i % 10 else "k.A.",
        kinds={"c": "number"},
        missing={"c": 30},
    ),
    Case(
        SURVEYS,
        "years and months",
        table(c=["2 years 3 months", "5 years", "11 months"]),
        kinds={"c": "duration|category"},
    ),
    Case(
        SURVEYS,
        "crosses and empty cells",
        table(c=["X", "", "X", "X", ""]),
        kinds={"c": "category|yes_no|constant"},
        missing={"c": 24},
    ),
    Case(
        SURVEYS,
        "values with their labels, as of Stata",
        table(c=["[1] male", "[2] female"]),
        kinds={"c": "category|yes_no"},
    ),
    Case(
        SURVEYS,
        "ja, Ja and a third level",
        table(300, y=["Ja", "Nein", "Ja", "weiß nicht", "ja "]),
        labels=["Ja", "Nein", "weiß nicht"],
        notices=["merged_spellings"],
    ),
    Case(
        SURVEYS,
        "no, NO and unknown",
        table(300, c=["no", "yes", "NO", "unclear", "No"]),
        kinds={"c": "category"},
        values={"c": ["No", "yes", "No"]},
        notices=["merged_spellings"],
    ),
    Case(
        SURVEYS,
        "spaces and capitals in a target of three levels",
        table(y=["High", "high ", "LOW", "Low", "low"]),
        notices=["merged_spellings"],
    ),
    _file(
        SURVEYS,
        "rows of questions and identifiers of Qualtrics below the names",
        [
            "StartDate,Finished,Q1,Q2,y",
            'Start Date,Finished,"How old are you?\n(in years)","What do you do, mostly?",y',
            ",".join(
                f'"{{""ImportId"":""{name}""}}"' for name in ("startDate", "finished", "QID1", "QID2", "y")
            ),
        ],
        lambda i: (
            f"2020-01-{i % 28 + 1:02} 10:{i % 60:02}:00,{i % 3 == 0},{18 + i % 50},"
            f"{'work' if i % 7 else 'study'},{Y[i]}"
        ),
        kinds={"StartDate": "date", "Q1": "number", "Q2": "category"},
        values={"Q1": [18.0, 19.0]},
        notices=["label_rows"],
    ),
    _file(
        SURVEYS,
        "a row of questions below the names",
        ["Q1,Q2,y", '"How old are you?","What do you do?",Ill?'],
        lambda i: f"{18 + i % 50},{'work' if i % 7 else 'study'},{Y[i]}",
        kinds={"Q1": "number", "Q2": "category"},
        values={"Q1": [18.0, 19.0]},
        notices=["units_row"],
    ),
)
