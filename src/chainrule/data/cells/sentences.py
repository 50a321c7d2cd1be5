"""The sentences of findings about cells, in English and Chinese."""

from __future__ import annotations

CELLS: dict[str, tuple[str, str]] = {
    "read_as_numbers": (
        'column "{column}" is read as numbers: {examples_en}',
        "列“{column}”按数字读取：{examples_zh}",
    ),
    "missing_words": (
        '{count} cells of "{column}" are missing values: "{words}"',
        "列“{column}”有 {count} 个单元格视为缺失：“{words}”",
    ),
    "kept_marks": (
        '"{text}" in column "{column}" is a value, not a missing one ({count} cells)',
        "列“{column}”中的“{text}”是一个取值，不视为缺失（{count} 个单元格）",
    ),
    "more_columns": ("and {count} more notices about other columns", "其他列另有 {count} 条提示"),
}
