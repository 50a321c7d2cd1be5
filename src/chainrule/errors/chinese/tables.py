"""Chinese facts about the columns of tables."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "ascending numbers with a count each": "升序排列且各有计数的数",
    "none: the model stores no profiles of its columns": "无：模型没有保存各列的概况",
    "between 0 and 1": "0 与 1 之间",
    "rows like those of the training": "与训练数据相似的行",
    '"." or ","': "“.”或“,”",
    "a part of {text}": "{text} 的一部分",
    "the day first": "日在前",
    "the month first": "月在前",
    "{order}, as in training": "与训练时一样{order}",
    "dates whose order of day and month is clear: 2024-12-03": "日与月的先后明确的日期：2024-12-03",
    "an OpenDocument spreadsheet": "OpenDocument 电子表格",
    "a Numbers spreadsheet": "Numbers 电子表格",
    "a binary workbook (.xlsb)": "二进制工作簿（.xlsb）",
    "line {line} has {count} fields": "第 {line} 行有 {count} 个字段",
    "delete the lines below the table": "删去表格下方的各行",
    "training rows of every class": "每个类别都有训练行",
    'no training row of class "{label}"': "类别 “{label}” 没有训练行",
    "leave these rows out, or train with rows of this class": "去掉这些行，或用含该类别的行重新训练",
    'do not set the kind "{kind}" of "{column}"': "不要把 “{column}” 列的类型指定为 “{kind}”",
}
