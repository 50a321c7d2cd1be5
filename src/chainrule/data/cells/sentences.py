"""The sentences of findings about cells, in English and Chinese."""

from __future__ import annotations

CELLS: dict[str, tuple[str, str]] = {
    "read_as_numbers": (
        'column "{column}" is read as numbers: {examples_en}',
        "列“{column}”按数字读取：{examples_zh}",
    ),
    "missing_words": (
        '"{words}" in column "{column}" is read as missing (cells: {count})',
        "列“{column}”中的“{words}”按缺失值处理（单元格数：{count}）",
    ),
    "kept_marks": (
        '"{text}" in column "{column}" is read as a value, not as missing (cells: {count})',
        "列“{column}”中的“{text}”按取值处理，不视为缺失（单元格数：{count}）",
    ),
    "mostly_numbers": (
        'column "{column}" is not read as numbers: {share:.0%} of its values are, but not {words}; '
        "correct these, or leave them empty",
        "列“{column}”未按数字读取：{share:.0%} 的值是数字，但 {words} 不是；请更正这些单元格或留空",
    ),
    "mixed_units": (
        'column "{column}" is not read as numbers: it mixes units; write all {count} values in one unit',
        "列“{column}”未按数字读取：其中混用了多种单位，请将全部 {count} 个值统一为一种单位",
    ),
    "mixed_currencies": (
        'column "{column}" is not read as numbers: it mixes currencies; convert all {count} values to one',
        "列“{column}”未按数字读取：其中混用了多种货币，请将全部 {count} 个值换算为同一种货币",
    ),
    "more_columns": ("and {count} more notices about other columns", "其他列另有 {count} 条提示"),
}
