"""Numbers with currencies, percent, units, groups, parentheses and digits of other scripts."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.dirty_cases.case import Case, column, table

GROUP = "numbers in other notations"
AS_NUMBERS: dict[str, tuple[Sequence[str], Sequence[float]]] = {
    "dollars with groups": (["$1,234.50", "$3,004.89", "$12.00", "$7.25"], [1234.5, 3004.89, 12.0, 7.25]),
    "dollars, some without sign": (["$5", "6", "$7.50"], [5.0, 6.0, 7.5]),
    "negative dollars": (["-$5.10", "$6.20", "$-7.30"], [-5.1, 6.2, -7.3]),
    "dollars in parentheses": (["($5.10)", "$6.20"], [-5.1, 6.2]),
    "euros behind": (["12.3 €", "4 €", "10.25 €"], [12.3, 4.0, 10.25]),
    "euros before": (["€12.30", "€4.05"], [12.3, 4.05]),
    "euros with decimal comma": (["12,30 €", "1.004,05 €"], [12.3, 1004.05]),
    "pounds": (["£1,000", "£250"], [1000.0, 250.0]),
    "yen": (["¥1,200", "¥98,000"], [1200.0, 98000.0]),
    "full-width yen": (["￥１，２００", "￥９８"], [1200.0, 98.0]),
    "yuan behind": (["12元", "35.5元"], [12.0, 35.5]),
    "rupees with lakh groups": (["₹12,34,567", "₹1,000"], [1234567.0, 1000.0]),
    "code of a currency before": (["USD 12.5", "USD 7"], [12.5, 7.0]),
    "code of a currency behind": (["12.5 EUR", "7 EUR"], [12.5, 7.0]),
    "code and sign of one currency": (["12.5 EUR", "€7"], [12.5, 7.0]),
    "Swiss francs": (["CHF 1'234.50", "CHF 12.00"], [1234.5, 12.0]),
    "Brazilian reals": (["R$ 1.234,50", "R$ 12,00"], [1234.5, 12.0]),
    "kroner": (["1 234,50 kr", "12,25 kr"], [1234.5, 12.25]),
    "millions of dollars": (["$1.2M", "$350K", "$2B"], [1.2e6, 3.5e5, 2e9]),
    "thousands and millions": (["12k", "3.4M", "950"], [12e3, 3.4e6, 950.0]),
    "Mio and Tsd": (["1,5 Mio", "300 Tsd"], [1.5e6, 3e5]),
    "ten thousands in Chinese": (["3.5万", "12万", "8000"], [35000.0, 120000.0, 8000.0]),
    "percent": (["12.5%", "7%", "0.3%"], [12.5, 7.0, 0.3]),
    "percent with a space": (["12.5 %", "7 %"], [12.5, 7.0]),
    "full-width percent": (["12.5％", "7％"], [12.5, 7.0]),
    "negative percent": (["-1.5%", "+2.5%"], [-1.5, 2.5]),
    "percent above 1000": (["1,250.5%", "7%"], [1250.5, 7.0]),
    "per mille": (["1.5‰", "2‰"], [1.5, 2.0]),
    "centimeters": (["159 cm", "172 cm", "180 cm"], [159.0, 172.0, 180.0]),
    "kilograms without a space": (["72kg", "80.5kg"], [72.0, 80.5]),
    "unit in two spellings": (["72 kg", "80.5 KG", "64 kg."], [72.0, 80.5, 64.0]),
    "degrees": (["21.5 °C", "-3 °C"], [21.5, -3.0]),
    "square meters": (["54 m²", "120 m²"], [54.0, 120.0]),
    "speed": (["5.5 km/h", "120 km/h"], [5.5, 120.0]),
    "months": (["36 months", "60 months"], [36.0, 60.0]),
    "year and years": (["1 year", "12 years"], [1.0, 12.0]),
    "inches": (['15.6"', '17.3"'], [15.6, 17.3]),
    "stars": (["5 stars", "1 star"], [5.0, 1.0]),
    "unit and thousands": (["1,250 km", "12,100 km"], [1250.0, 12100.0]),
    "unit with decimal comma": (["1,5 kg", "2,25 kg"], [1.5, 2.25]),
    "zero without unit": (["0", "5 mg", "10 mg", "15 mg"], [0.0, 5.0, 10.0, 15.0]),
    "spaces as groups": (["300 489", "12", "1 000 000"], [300489.0, 12.0, 1e6]),
    "narrow spaces as groups": (["300\u202f489", "12"], [300489.0, 12.0]),
    "no-break spaces as groups": (["300\u00a0489,5", "12,5"], [300489.5, 12.5]),
    "apostrophes as groups": (["300'489", "1'000.5"], [300489.0, 1000.5]),
    "curly apostrophes as groups": (["300’489", "1’000.5"], [300489.0, 1000.5]),
    "commas as groups": (["1,234", "12,345,678.5", "999"], [1234.0, 12345678.5, 999.0]),
    "parentheses are negative": (["(12.50)", "3.00", "4.25"], [-12.5, 3.0, 4.25]),
    "parentheses with groups": (["(1,250)", "3,100", "90"], [-1250.0, 3100.0, 90.0]),
    "minus behind": (["12.50-", "3.00", "4.25"], [-12.5, 3.0, 4.25]),
    "Unicode minus": (["−5.5", "3", "−0.25"], [-5.5, 3.0, -0.25]),
    "en dash as minus": (["–5.5", "3"], [-5.5, 3.0]),
    "full-width minus": (["－5.5", "3"], [-5.5, 3.0]),
    "plus signs": (["+5.5", "-3", "+0.25"], [5.5, -3.0, 0.25]),
    "below the limit of detection": (["<10", "12", "35"], [10.0, 12.0, 35.0]),
    "below, with a space": (["< 0.5", "1.2", "3.5"], [0.5, 1.2, 3.5]),
    "above the limit of detection": ([">100", "12", "35"], [100.0, 12.0, 35.0]),
    "at least": (["≥5", "1", "2"], [5.0, 1.0, 2.0]),
    "about": (["~5", "1", "2.5"], [5.0, 1.0, 2.5]),
    "full-width digits": (["１２", "３．５", "４０"], [12.0, 3.5, 40.0]),
    "Arabic digits": (["١٢", "٣٤", "٥"], [12.0, 34.0, 5.0]),
    "Arabic digits with decimals": (["١٢٫٥", "٣٫٢٥"], [12.5, 3.25]),
    "Persian digits": (["۱۲", "۳۴"], [12.0, 34.0]),
    "Devanagari digits": (["१२", "३४"], [12.0, 34.0]),
    "exponents": (["1.5e3", "2E-2", "3e+05"], [1500.0, 0.02, 3e5]),
    "point without a digit": ([".5", "5.", "-.25"], [0.5, 5.0, -0.25]),
    "spaces around": (["  5 ", "\t6.5", "7 "], [5.0, 6.5, 7.0]),
    "left-to-right marks": (["\u200e5.5", "6\u200f"], [5.5, 6.0]),
    "asterisks as footnotes": (["12.5*", "7*", "9.1*", "4"], [12.5, 7.0, 9.1, 4.0]),
}
PLAIN = ("exponents", "point without a digit", "spaces around", "plus signs")
AS_WORDS: dict[str, tuple[Sequence[str], str, Sequence[str]]] = {
    "mixed units": (["159 cm", "1.6 m", "172 cm"], "category", ["mixed_units"]),
    "mixed currencies": (["$5", "€6", "$7"], "category", ["mixed_currencies"]),
    "cells of a sheet": (["12A", "7C", "3B", "12B", "9D", "4E"], "category", []),
    "versions": (["1.2.3", "1.10.0", "2.0.1"], "category", []),
    "addresses of hosts": (["10.0.0.1", "192.168.1.20"], "category", []),
    "ranges": (["10-20", "20-30", "30-40"], "category", []),
    "age groups": (["<20", "20-40", ">40"], "category", []),
    "bounds as levels": (["<0", ">=200"], "category", []),
    "ordinals": (["1st", "2nd", "3rd"], "category", []),
    "hexadecimal": (["0x1F", "0x2A"], "category", []),
    "letters and digits": (["A12", "B7", "C9"], "category", []),
    "fractions": (["1/2", "3/4"], "category", []),
    "sizes": (["S", "M", "L", "XL"], "category", []),
    "screen sizes": (["1920x1080", "1280x720"], "category", []),
    "numbered list": (["(1)", "(2)", "(3)"], "category", []),
    "underscores": (["1_000", "2_000"], "category", []),
    "phone numbers": (["555-0100", "555-0199"], "category", []),
    "scores": (["2:1", "0:3", "1:1"], "category|number|text|duration", []),
    "addresses": (["12 Main St", "7 Oak Avenue", "3 Elm Rd"], "category", []),
}
ODD: dict[str, tuple[list[object], str, dict[str, object]]] = {
    "one word in a number column": (
        [*range(30, 59), "x31", *range(60, 90)],
        "",
        {"error": "E311", "words": ["x31", "line 31"]},
    ),
    "words in 8 % of the rows": (
        [*(["1.5", "2.5"] * 27), "low", "high", "low", "high", "low", "?"],
        "",
        {"error": "E311", "words": ["low"]},
    ),
    "words in 30 % of the rows": (
        ["1.5", "2.5", "4", "7", "9", "11.5", "13", "low", "high", "mid"],
        "category",
        {"notices": ["mostly_numbers"], "words": ["low", "high", "mid"]},
    ),
    "a word in a currency column": (
        [*(["$5", "$6.50"] * 29), "free", "$7"],
        "",
        {"error": "E311", "words": ["free"]},
    ),
    "a word in a percent column": (
        [*(["5%", "6.5%"] * 29), "n/m", "7%"],
        "",
        {"error": "E311", "words": ["n/m"]},
    ),
    "letter O for zero": ([*(["10", "25"] * 29), "1O", "30"], "", {"error": "E311", "words": ["1O"]}),
    "two points": ([*(["1.5", "2.5"] * 29), "1.2.3", "3.5"], "", {"error": "E311", "words": ["1.2.3"]}),
    "units in a few cells": (
        [*(["10", "25"] * 28), "12 in", "14 in", "30", "31"],
        "",
        {"error": "E311", "words": ["12 in"]},
    ),
    "comma and point in one column": (
        [*(["1.5", "2.5"] * 29), "3,5", "4.5"],
        "",
        {"error": "E311", "words": ["3,5"]},
    ),
    "infinity": ([*(["1.5", "2.5"] * 29), "inf", "4.5"], "", {"error": "E312", "words": ["inf"]}),
    "half of the cells are words": (["1", "2", "x", "y"], "category", {"notices": ["mostly_numbers"]}),
}
CASES = (
    *(
        column(GROUP, name, cells, "number", values, notices=[] if name in PLAIN else ["read_as_numbers"])
        for name, (cells, values) in AS_NUMBERS.items()
    ),
    *(
        column("words that contain digits", name, cells, kind, notices=notices)
        for name, (cells, kind, notices) in AS_WORDS.items()
    ),
    *(
        column("words among numbers", name, cells, kind or "number", **expected)
        for name, (cells, kind, expected) in ODD.items()
    ),
    Case(
        "codes",
        "leading zeros",
        table(c=["007", "012", "100"]),
        kinds={"c": "category"},
        values={"c": ["007", "012"]},
    ),
    Case(
        "codes",
        "2^53 and 2^53 + 1 are two levels",
        table(c=["9007199254740992", "9007199254740993"]),
        kinds={"c": "category"},
        words=["9007199254740992", "9007199254740993"],
    ),
    Case(
        "codes",
        "1E5 and 12E3",
        table(c=["1E5", "12E3", "7E2"]),
        kinds={"c": "category"},
        values={"c": ["1E5"]},
    ),
    Case("codes", "1E5 beside plain integers", table(c=["1E5", "105", "7E2"]), kinds={"c": "category"}),
    Case(
        "codes",
        "2.5E3 is a number",
        table(c=["2.5E3", "1E4", "7"]),
        kinds={"c": "number"},
        values={"c": [2500.0]},
    ),
    Case(
        "codes", "1E+05 is a number", table(c=["1E+05", "2E+03"]), kinds={"c": "number"}, values={"c": [1e5]}
    ),
    Case(
        "codes",
        "postal codes",
        table(c=["01067", "10115", "80331"]),
        kinds={"c": "category"},
        values={"c": ["01067"]},
    ),
    Case(
        "codes",
        "20 digits",
        table(c=[str(10**19 + i % 7) for i in range(60)]),
        kinds={"c": "category"},
        values={"c": ["10000000000000000000", "10000000000000000001"]},
    ),
    Case("codes", "true integers up to 2^53", table(c=["9007199254740992", "5"]), kinds={"c": "number"}),
    Case("codes", "ISBN with dashes", table(c=["978-3-16", "978-0-12"]), kinds={"c": "category"}),
)
