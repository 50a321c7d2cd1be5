"""The sentences of findings about cells, in English and Chinese."""

from __future__ import annotations

CELLS: dict[str, tuple[str, str]] = {
    "read_as_numbers": (
        'column "{column}" is read as numbers: {examples_en}',
        "列“{column}”按数字读取：{examples_zh}",
    ),
    "ambiguous_numbers": (
        'column "{column}": no number shows whether the point or the comma is the decimal mark; "{text}" is '
        "read as {value}; if it is {other}, set {remedy}",
        "列“{column}”：没有数字能表明小数点是点号还是逗号；“{text}”读作 {value}；若应为 {other}，"
        "请指定 {remedy}",
    ),
    "numbers_as_trained": (
        'column "{column}": "{text}" is read as {value}, with the decimal mark of the training; if it is '
        "{other}, set {remedy}",
        "列“{column}”：“{text}”按训练时的小数点读作 {value}；若应为 {other}，请指定 {remedy}",
    ),
    "other_mark": (
        'column "{column}" has the decimal mark "{mark}", but the training cells, which did not show theirs, '
        'were read with "{trained}"; if that was wrong, train again with {remedy}',
        "列“{column}”的小数点是“{mark}”，而训练数据未能表明小数点，当时按“{trained}”读取；"
        "若有误，请以 {remedy} 重新训练",
    ),
    "other_decimal": (
        'column "{column}" is read with the decimal mark "{mark}", which its numbers show, not with '
        '"{chosen}" as requested',
        "列“{column}”按“{mark}”作小数点读取：其中的数字表明了这一点，未采用指定的“{chosen}”",
    ),
    "other_order": (
        'column "{column}" is read with the {order} first, which its dates show, not as requested',
        "列“{column}”按{order_zh}在前读取：其中的日期表明了这一点，未采用指定的先后",
    ),
    "dates_by_cells": (
        'column "{column}": dates such as "{text}" are read with the {order} first, as {date}; training '
        "dates were written in another form; {remedy} reads the others",
        "列“{column}”：“{text}”这类日期与训练数据的写法不同，按{order_zh}在前读取，即 {date}；"
        "{remedy} 则按相反顺序读取",
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
    "several_numbers": (
        'column "{column}" is not read as numbers: each cell has several ({example}); write them '
        "into separate columns",
        "列“{column}”未按数字读取：每个单元格有多个数（{example}）；请分写成多列",
    ),
    "mixed_shares": (
        'column "{column}" is not read as numbers: it mixes percentages (12%) and shares (0.12); write all '
        "{count} values in one form",
        "列“{column}”未按数字读取：其中混用了百分数（12%）和比例（0.12），"
        "请将全部 {count} 个值写成同一种形式",
    ),
    "unclear_dates": (
        'column "{column}" is not read as dates: its values look like dates, but some do not exist or have '
        "another order of day and month ({examples}); write them as 2020-11-05",
        "列“{column}”未按日期读取：其值形似日期，但有些日期不存在或日与月的先后不同（{examples}）；"
        "请写成 2020-11-05",
    ),
    "sentinel_date": (
        'column "{column}" contains {value} ({count} times), far from its other dates; if it means missing, '
        "leave these cells empty",
        "列“{column}”中 {value} 出现 {count} 次，与其他日期相距很远；若它表示缺失，请将这些单元格留空",
    ),
    "merged_spellings": (
        'in column "{column}", spellings of the same value are merged: {levels}',
        "列“{column}”中同一取值的不同写法已合并：{levels}",
    ),
    "case_variants": (
        'in column "{column}", values that differ only in case are kept apart: {levels}',
        "列“{column}”中仅大小写不同的取值未合并：{levels}",
    ),
    "single_row_classes": (
        "classes with a single row are left out: {labels} (rows: {count})",
        "只有一行的类别未使用：{labels}（行数：{count}）",
    ),
    "count_target": (
        'the target "{column}" is predicted as a number, since {label} occurs once; {remedy} predicts '
        "classes",
        "{label} 只出现一次，因此目标“{column}”按数值预测；{remedy} 则按类别预测",
    ),
    "near_copy": (
        'column "{column}" alone predicts the target almost without errors; is it known beforehand?',
        "仅凭列“{column}”几乎就能无误地预测目标，它在预测时是否已知？",
    ),
    "formula": (
        'the target "{target}" is computed from other columns: {formula}; are these known beforehand?',
        "目标“{target}”由其他列算出：{formula}；这些列在预测时是否已知？",
    ),
    "near_formula": (
        '{formula} predicts the target "{target}" with R² {r2:.5f}, which is too good to be true; are these '
        "columns known beforehand?",
        "{formula} 预测目标“{target}”的 R² 为 {r2:.5f}，好得可疑；这些列在预测时是否已知？",
    ),
    "many_columns": (
        'a linear combination of {count} columns ({column}, ...) predicts the target "{target}" with R² '
        "{r2:.5f}, which is too good to be true; are they known beforehand?",
        "{count} 列（{column} 等）的线性组合预测目标“{target}”的 R² 为 {r2:.5f}，好得可疑；"
        "这些列在预测时是否已知？",
    ),
    "missing_reveals_target": (
        'the missing cells of column "{column}" predict the target almost without errors; are they known '
        "beforehand?",
        "列“{column}”是否缺失几乎就能无误地预测目标，它在预测时是否已知？",
    ),
    "counter": (
        'column "{column}" counts the {count} rows by one; if it only numbers them, leave it out: {remedy}',
        "列“{column}”对 {count} 行逐一编号；若它只是行号，请去掉它：{remedy}",
    ),
    "group_id": (
        'column "{column}" has {levels} values in {count} rows, like the id of a group of rows; rows of one '
        "id may be in training and test",
        "列“{column}”在 {count} 行中有 {levels} 种值，像是人或物的编号；"
        "同一编号的行可能既在训练集又在测试集中",
    ),
    "sentinel": (
        'column "{column}" contains {value} ({count} times), far from its other values; if it means missing, '
        "leave these cells empty",
        "列“{column}”中 {value} 出现 {count} 次，与其他值相距很远；若它表示缺失，请将这些单元格留空",
    ),
    "other_unit": (
        'column "{column}" has the unit "{unit}", but had "{trained}" in training; convert its values',
        "列“{column}”的单位是“{unit}”，训练时是“{trained}”，请换算其数值",
    ),
    "more_columns": ("and {count} more notices about other columns", "其他列另有 {count} 条提示"),
}
