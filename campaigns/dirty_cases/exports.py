"""Cells as other programs and languages export them: SAP, Excel in German, French, Chinese, Eurostat."""

from __future__ import annotations

from campaigns.dirty_cases.case import Case, column, table, text

GROUP = "numbers of other programs and languages"
WORDS = "words of other programs and languages"


def _german(name: str, cells: list[str], values: list[object], kind: str = "number", **more: object) -> Case:
    """A column of a file with semicolons, beside a column with decimal commas."""
    rows = 60 // len(cells) * len(cells)
    others = {"x": ["1,25", "2,5", "3,75"] * 20, "y": ["a", "b"] * 30}
    content = text({"c": cells * (rows // len(cells)), **{k: v[:rows] for k, v in others.items()}}, ";")
    return Case(GROUP, name, content, kinds={"c": kind}, values={"c": values}, **more)  # type: ignore[arg-type]


CASES = (
    _german("SAP: minus at the end", ["1.234,56-", "12,00", "7,50-"], [-1234.56, 12.0, -7.5]),
    column(
        GROUP, "SAP: minus at the end, points", ["12.50-", "7.25", "3.00-"], "number", [-12.5, 7.25, -3.0]
    ),
    _german("German Excel: 1,5E+03", ["1,5E+03", "2,5E+01", "7,25"], [1500.0, 25.0, 7.25]),
    _german("German currency", ["1.234,50 €", "12,00 €", "7,50 €"], [1234.5, 12.0, 7.5]),
    _german("currency before a German number", ["EUR 1.234,50", "EUR 12,00"], [1234.5, 12.0]),
    _german(
        "French groups by narrow spaces", ["1\u202f234,56", "12,5", "7\u202f000,25"], [1234.56, 12.5, 7000.25]
    ),
    _german("groups by thin spaces", ["1\u2009234,56", "12,5"], [1234.56, 12.5]),
    _german("German percent with a space", ["12,5 %", "7,25 %"], [12.5, 7.25]),
    _german("German dash as zero digits", ["12,-", "7,50"], [12.0, 7.5]),
    column(GROUP, "Swiss typographic apostrophe", ["1’234.50", "12.00"], "number", [1234.5, 12.0]),
    column(GROUP, "Swiss francs", ["CHF 1'234.50", "CHF 12.00"], "number", [1234.5, 12.0]),
    column(
        GROUP, "Indian groups", ["1,23,456.00", "12,345.50", "9,99,999.25"], "number", [123456.0, 12345.5]
    ),
    column(GROUP, "rupees", ["₹1,23,456", "₹12,345"], "number", [123456.0, 12345.0]),
    column(GROUP, "Chinese ten thousands", ["1.5万", "3万", "0.8万"], "number", [15000.0, 30000.0]),
    column(GROUP, "yuan with groups", ["3,000元", "1,250元"], "number", [3000.0, 1250.0]),
    column(GROUP, "full-width percent", ["５０％", "１２．５％"], "number", [50.0, 12.5]),
    column(GROUP, "ages with a unit in Chinese", ["12岁", "45岁"], "number", [12.0, 45.0]),
    column(GROUP, "ages with a unit in French", ["45 ans", "3 ans"], "number", [45.0, 3.0]),
    column(GROUP, "square meters", ["60 m²", "120 m²", "45.5 m²"], "number", [60.0, 120.0, 45.5]),
    column(GROUP, "degrees in one character", ["37.5℃", "36.9℃"], "number", [37.5, 36.9]),
    column(GROUP, "euro before a minus", ["€ -5.00", "€ 12.50"], "number", [-5.0, 12.5]),
    column(GROUP, "minus before the euro", ["-€5.00", "€12.50"], "number", [-5.0, 12.5]),
    column(GROUP, "text mark of Excel", ["'12.5", "'7.25", "'3"], "number", [12.5, 7.25, 3.0]),
    column(GROUP, "numbers as formulas", ['="12.5"', '="7.25"'], "number", [12.5, 7.25]),
    column(GROUP, "codes as formulas", ['="00123"', '="00045"', '="00777"'], "category", ["00123", "00045"]),
    column(
        GROUP,
        "footnote marks",
        ["12.5", "7.25*", "3", "4", "5", "6.5", "7", "8", "9.5", "10"],
        "number",
        [12.5, 7.25, 3.0],
        notices=["read_as_numbers"],
    ),
    column(
        GROUP,
        "raised footnote marks",
        ["12.5", "7.25¹", "3", "4²", "5", "6.5", "7", "8", "9.5", "10"],
        "number",
        [12.5, 7.25, 3.0, 4.0],
        notices=["read_as_numbers"],
    ),
    column(
        GROUP,
        "flags of Eurostat",
        ["12.5 p", "7.25", "3", "4", "5 b", "6.5", "7", "8", "9.5", "10"],
        "category|text",
        notices=["mostly_numbers|mixed_units"],
    ),
    column(
        GROUP,
        "percentages and shares in one column",
        ["12%", "0.15", "30%", "0.4", "25%", "0.05"],
        "category|text",
        notices=["mixed_units|mixed_shares"],
    ),
    column(GROUP, "debit and credit", ["100.00 CR", "50.00 DR"], "category|text", notices=["mixed_units"]),
    column(
        GROUP, "dollars and euros", ["5 USD", "5 EUR", "7 USD"], "category|text", notices=["mixed_currencies"]
    ),
    column(
        GROUP,
        "##### of a narrow column",
        ["12.5", "7.25", "3", "4", "#####", "6.5", "7", "8", "9.5", "10"],
        "number",
        missing={"c": 6},
        notices=["missing_words"],
    ),
    column(GROUP, "approximations", ["~5", "≈7.5", "ca. 8"], "number", [5.0, 7.5, 8.0]),
    column(
        GROUP, "values with their errors", ["1.5 ± 0.2", "2.5 ± 0.1"], "category", notices=["several_numbers"]
    ),
    column(
        GROUP, "values with deviations", ["12.5 (0.3)", "13.1 (0.4)"], "category", notices=["several_numbers"]
    ),
    column(
        GROUP,
        "values with intervals",
        ["1.5 [1.2-1.8]", "2.0 [1.5-2.5]"],
        "category",
        notices=["several_numbers"],
    ),
    column(
        WORDS,
        "m, f and M",
        ["m", "f", "M", "F", "m"],
        "category",
        notices=["merged_spellings"],
        silent=["case_variants"],
    ),
    column(
        WORDS, "single letters keep their case", ["a", "b", "A", "B"], "category", notices=["case_variants"]
    ),
    column(WORDS, "house numbers", ["12a", "7d", "3h", "5s"], "category|text"),
    column(WORDS, "IP addresses are no numbers", ["192.168.100.101", "192.168.100.102"], "category"),
    column(WORDS, "IP addresses of other lengths", ["10.0.0.1", "192.168.1.254"], "category"),
    column(WORDS, "phone numbers", ["+49 30 1234567", "+49 89 7654321"], "category"),
    column(WORDS, "phone numbers with hyphens", ["555-123-4567", "555-987-6543"], "category"),
    column(WORDS, "postcodes with four more digits", ["10115-1234", "20095-4321"], "category"),
    column(
        WORDS, "postcodes with leading zeros", ["02139", "10115", "94043"], "category", ["02139", "10115"]
    ),
    column(WORDS, "Roman numerals", ["I", "II", "III", "IV", "V"], "category", missing={"c": 0}),
    column(WORDS, "age bands", ["18-25", "26-35", "36-50", "50+", "<18"], "category", missing={"c": 0}),
    column(WORDS, "bands that look like months", ["10-20", "20-30", "30-40"], "category"),
    column(WORDS, "ratios", ["3/4", "1/2", "16/9"], "category"),
    column(WORDS, "results of games", ["2:1", "0:3", "1:1"], "category|duration"),
    column(WORDS, "blood pressure", ["120/80", "135/85", "110/70"], "category"),
    column(WORDS, "feet and inches", ["5'10\"", "6'1\"", "5'8\""], "category"),
    column(WORDS, "opening hours", ["08:00-12:00", "13:00-17:00"], "category"),
    column(WORDS, "stars", ["★★★☆☆", "★★★★★", "★☆☆☆☆"], "category"),
    column(WORDS, "check marks", ["✓", "✗", "✓"], "category", missing={"c": 0}),
    column(WORDS, "genes that Excel has changed", ["2-Sep", "1-Mar", "TP53"], "category"),
    column(WORDS, "German booleans of Excel", ["WAHR", "FALSCH", "WAHR"], "category|yes_no"),
    column(WORDS, "ja and nein", ["ja", "nein", "Ja"], "category|yes_no", notices=["merged_spellings"]),
    column(
        WORDS,
        "yes and no in five spellings",
        ["yes", "No", "Y", "n", "TRUE", "false", "1", "0", "yes", "no", "no", "NO"],
        "yes_no",
        notices=["merged_spellings"],
    ),
    Case(
        WORDS,
        "target with spaces of other kinds",
        table(y=["yes", "yes\u00a0", "no", "\u2009no", "yes", "no"]),
        labels=["no", "yes"],
    ),
    Case(
        WORDS,
        "target in several cases with invisible characters",
        table(y=["Gut", "gut", "GUT\u200b", "schlecht", "Schlecht", "\ufeffschlecht"]),
        labels=["Gut", "Schlecht"],
        notices=["merged_spellings"],
    ),
    column(
        WORDS,
        "invisible characters in a level",
        ["red", "red\u200b", "blue", "\ufeffblue"],
        "category",
        notices=["merged_spellings"],
    ),
    column(
        WORDS,
        "soft hyphens in a level",
        ["gela\u00adden", "geladen", "leer"],
        "category",
        notices=["merged_spellings"],
    ),
    column(
        WORDS,
        "composed and decomposed accents",
        ["caf\u00e9", "cafe\u0301", "bar"],
        "category",
        notices=["merged_spellings"],
    ),
)
