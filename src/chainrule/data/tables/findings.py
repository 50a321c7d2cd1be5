"""Findings about data, as values that can be printed in English or Chinese.

The reason of a column's kind, a notice about dropped rows and the result of a check have the same form: a
code, a severity and numbers. The sentences are in one table here, so that both languages are next to each
other and a translator needs no other file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field

from chainrule.data.cells.sentences import CELLS
from chainrule.messages import plural, spacing
from chainrule.records import frozen

SENTENCES: dict[str, tuple[str, str]] = {
    # reasons of column kinds
    "requested": ("as requested", "按您的指定"),
    "numbers": ("all {count} values are numbers", "全部 {count} 个值都是数字"),
    "numbers_as_text": ("all {count} texts are numbers", "全部 {count} 个文本都是数字"),
    "two_values": ("only {no} and {yes} occur", "只出现 {no} 和 {yes} 两种值"),
    "few_levels": ("{levels} different values in {count}", "{count} 个值中有 {levels} 种"),
    "codes": ("integers used as codes ({example})", "作为编码使用的整数（{example}）"),
    "declared": ("declared as categories, {levels} of which occur", "声明为类别，出现 {levels} 种"),
    "dates": ("all {count} values are dates ({example})", "全部 {count} 个值都是日期（{example}）"),
    "dates_day_first": (
        "all {count} values are dates, the day first ({example})",
        "全部 {count} 个值都是日期，日在前（{example}）",
    ),
    "dates_month_first": (
        "all {count} values are dates, the month first ({example})",
        "全部 {count} 个值都是日期，月在前（{example}）",
    ),
    "times": ("all {count} values are times of day ({example})", "全部 {count} 个值都是时刻（{example}）"),
    "durations": (
        "all {count} values are durations, in seconds ({example})",
        "全部 {count} 个值都是时长，以秒计（{example}）",
    ),
    "free_text": ("{levels} different texts in {count} values", "{count} 个值中有 {levels} 种不同文本"),
    "one_value": ("always {example}", "始终为 {example}"),
    "names_rows": ("a different value in every row ({example})", "每一行的值都不同（{example}）"),
    "all_missing": ("all {count} values are missing", "全部 {count} 个值都缺失"),
    "row_ids": ("it identifies rows, as requested", "按您的指定标识行"),
    "row_weights": ("it contains the weights of the rows", "它是各行的权重"),
    "row_groups": ("its groups divide the rows", "按它的分组划分数据"),
    "pictures": (
        "{count} images of {height} x {width} pixels, {channels} channels",
        "{count} 幅图像，{height} x {width} 像素，{channels} 个通道",
    ),
    # features of columns
    "date_features": ("{parts_en}days since {first}", "{parts_zh}自 {first} 起的天数"),
    "time_features": ("hour (cyclic), hours since midnight", "小时（周期）、零点起的小时数"),
    "category_features": (
        "the {count} most frequent of {total} levels, one feature for all others, and the frequency",
        "{total} 个取值中最常见的 {count} 个、其余合为一个特征，以及取值的频率",
    ),
    "text_words": (
        "{count} recurring words, weighted by rarity, and the length",
        "重复出现的词 {count} 个（按稀有程度加权），以及长度",
    ),
    "text_sequences": (
        "{count} recurring sequences of characters, weighted by rarity, and the length",
        "重复出现的字符序列 {count} 个（按稀有程度加权），以及长度",
    ),
    # reasons of tasks
    "target_levels": ("the target has {levels} classes", "目标有 {levels} 个类别"),
    "target_numbers": ("the target has {levels} different numbers", "目标有 {levels} 个不同的数值"),
    # how cells were read
    **CELLS,
    # notices
    "left_out": ('column "{column}" is left out: {reason_en}', "列“{column}”未使用：{reason_zh}"),
    "test_known": (
        "{count} of the {rows} test rows are also training rows, so the result is too optimistic",
        "{rows} 行测试数据中有 {count} 行也在训练数据中，因此结果偏于乐观",
    ),
    "target_missing": ("{count} rows without a target are left out", "{count} 行缺少目标，已略去"),
    "unseen_levels": (
        '{count} values of "{column}" did not occur in training ({example})',
        "列“{column}”中有 {count} 个值在训练中未出现过（{example}）",
    ),
    "filled": (
        '{count} missing values of "{column}" are filled with the training mean {mean:.6g}',
        "列“{column}”的 {count} 个缺失值以训练均值 {mean:.6g} 填充",
    ),
    "far_outside": (
        '{count} values of "{column}" are over {limit:g} standard deviations from the training mean',
        "列“{column}”有 {count} 个值偏离训练均值超过 {limit:g} 个标准差",
    ),
    "outside_range": (
        '{count} values of "{column}" are outside the range {low:g} to {high:g}, and clipped',
        "列“{column}”有 {count} 个值超出 {low:g} 到 {high:g} 的范围，已截断",
    ),
    "not_public": (
        "columns without a public range or levels are left out: {columns} ({count})",
        "没有公开范围或取值的列未使用：{columns}（{count} 列）",
    ),
    "dates_missing": (
        '{count} dates of "{column}" are missing; none was in training, so the mean date is used',
        "列“{column}”缺失 {count} 个日期；训练数据中没有缺失，因此以平均日期代替",
    ),
    "rare_levels": (
        'column "{column}": {count} of {total} levels have one feature each; the others share one, '
        "with their frequency",
        "列“{column}”：{total} 个取值中有 {count} 个各为一个特征；其余合为一个，并附频率",
    ),
    "rare_terms": (
        'column "{column}": {count} of {total} recurring terms are features, those that vary most',
        "列“{column}”：{total} 个重复出现的词中，变化最大的 {count} 个成为特征",
    ),
    "texts_missing": (
        '{count} texts of "{column}" are missing; none was in training',
        "列“{column}”缺失 {count} 个文本；训练数据中没有缺失",
    ),
    "unknown_texts": (
        '{count} texts of "{column}" contain no term that is a feature ({example})',
        "列“{column}”有 {count} 个文本不含任何作为特征的词（{example}）",
    ),
    "texts_cut": (
        '{count} texts of "{column}" are longer than {length} tokens; the rest of them is not read',
        "列“{column}”有 {count} 个文本超过 {length} 个词元；超出部分不读取",
    ),
    "dates_outside": (
        '{count} dates of "{column}" are outside the training dates, {first} to {last}',
        "列“{column}”有 {count} 个日期不在训练日期 {first} 至 {last} 之内",
    ),
    "assumed_day_first": (
        'column "{column}": no date shows whether day or month is first; read with the day first '
        "(05/11/2020 is in November); if that is wrong, set {remedy}",
        "列“{column}”：没有日期能表明日与月的先后，按日在前读取（05/11/2020 是 11 月）；"
        "若不对，请指定 {remedy}",
    ),
    "assumed_month_first": (
        'column "{column}": no date shows whether day or month is first; read with the month first '
        "(05/11/2020 is in May); if that is wrong, set {remedy}",
        "列“{column}”：没有日期能表明日与月的先后，按月在前读取（05/11/2020 是 5 月）；"
        "若不对，请指定 {remedy}",
    ),
    "thin_class": (
        "class {label} has {count} rows, too few for each part of the split",
        "类别 {label} 只有 {count} 行，不足以分到每个部分",
    ),
    "damaged_images": (
        "{count} images cannot be decoded and are left out ({example})",
        "{count} 幅图像无法解码，已略去（{example}）",
    ),
    "no_images": (
        "{count} files are no images and are left out ({example})",
        "{count} 个文件不是图像，已略去（{example}）",
    ),
    # notices of reading
    "encoding": (
        "{source} is read as {encoding} ({remedy} sets another)",
        "{source} 按 {encoding} 编码读取（可用 {remedy} 另行指定）",
    ),
    "aligned_text": (
        "{source} is read as columns separated by blanks ({remedy} sets another)",
        "{source} 按空格分隔的列读取（可用 {remedy} 另行指定）",
    ),
    "lines_above": (
        "the header of {source} is in line {header}; the lines above it are left out ({example})",
        "{source} 的表头在第 {header} 行，其上各行已略去（{example}）",
    ),
    "comment_lines": (
        "{count} comment lines of {source} are left out, the first in line {line} ({example})",
        "{source} 有 {count} 行注释，已略去，第一处在第 {line} 行（{example}）",
    ),
    "units_row": (
        "line {line} of {source} contains units and is left out ({example})",
        "{source} 第 {line} 行是单位，已略去（{example}）",
    ),
    "label_rows": (
        "{count} rows of {source} below the names contain questions and identifiers of a survey and are "
        "left out, the first is line {line} ({example})",
        "{source} 列名之下有 {count} 行是问卷的题目与编号，已略去，第一处在第 {line} 行（{example}）",
    ),
    "total_row": (
        "line {line} of {source} contains totals and is left out ({example})",
        "{source} 第 {line} 行是合计，已略去（{example}）",
    ),
    "lines_below": (
        "{count} lines below the rows of {source} are left out, the first is line {line} ({example})",
        "{source} 的数据行之下有 {count} 行说明，已略去，第一处在第 {line} 行（{example}）",
    ),
    "empty_columns": (
        "{count} columns of {source} have neither a name nor a value and are left out",
        "{source} 有 {count} 列既无列名也无值，已略去",
    ),
    "repeated_header": (
        "{count} repetitions of the header of {source} are left out, the first in line {line}",
        "{source} 中重复的表头有 {count} 行，已略去，第一处在第 {line} 行",
    ),
    "trailing_delimiters": (
        "{count} rows of {source} end in delimiters without a column, the first in line {line}",
        "{source} 有 {count} 行以多余的分隔符结尾，第一处在第 {line} 行",
    ),
    "trailing_columns": (
        "{count} columns of {source} have neither a name nor a value and are left out",
        "{source} 末尾有 {count} 列既无列名也无值，已略去",
    ),
    "unnamed_index": (
        'the first column of {source} has no name and is named "{column}"',
        "{source} 的第一列没有列名，命名为“{column}”",
    ),
    "sheet": (
        'the sheet "{sheet}" of {source} is read; others are {others} ({remedy} sets another)',
        "读取 {source} 的工作表“{sheet}”；另有 {others}（可用 {remedy} 另行指定）",
    ),
    "formula_cells": (
        "{count} formulas of {source} have no stored value ({example}) and are read as missing; open the "
        "file in a spreadsheet program and save it",
        "{source} 有 {count} 个公式没有保存计算结果（{example}），按缺失处理；请用电子表格软件打开并保存",
    ),
    "json_rows": (
        'the rows of {source} are those of "{key}"; its other entries are left out: {others}',
        "{source} 的数据行取自“{key}”；其余条目已略去：{others}",
    ),
    "error_cells": (
        "{count} cells of {source} contain an error ({example}) and are read as missing",
        "{source} 有 {count} 个单元格是错误值（{example}），按缺失处理",
    ),
    # cells that cannot be encoded
    "damaged_E311": ('"{value}" in column "{column}" is not a number', "列“{column}”的“{value}”不是数字"),
    "damaged_E312": ('"{value}" in column "{column}" is not finite', "列“{column}”的“{value}”不是有限的数"),
    "damaged_E318": (
        '"{value}" in column "{column}" is neither yes nor no',
        "列“{column}”的“{value}”既不是“是”也不是“否”",
    ),
    "damaged_E332": (
        '"{value}" in column "{column}" is not a date, time or duration',
        "列“{column}”的“{value}”不是日期、时刻或时长",
    ),
    "damaged_skipped": (
        "{rows} rows with {count} damaged cells have no prediction; see the column {reason}",
        "{rows} 行含有 {count} 个无效单元格，没有预测，见列 {reason}",
    ),
    "damaged_as_missing": (
        "{count} damaged cells in {rows} rows count as missing; see the column {reason}",
        "{rows} 行中的 {count} 个无效单元格按缺失处理，见列 {reason}",
    ),
    # differences from the training rows
    "drift_empty": (
        'column "{column}" is empty: all {rows} values are missing; in training {missing:.1%} were',
        "列“{column}”为空：全部 {rows} 个值都缺失；训练时缺失 {missing:.1%}",
    ),
    # checks
    "scale_gap": (
        'the spread of "{large}" is {ratio:,.0f} times that of "{small}"; standardize the inputs',
        "“{large}”的离散程度是“{small}”的 {ratio:,.0f} 倍，请先标准化输入",
    ),
    "far_from_zero": (
        'the mean of "{column}" is {ratio:.3g} standard deviations from 0 ({count} such columns)',
        "“{column}”的均值距 0 有 {ratio:.3g} 个标准差（此类列共 {count} 个）",
    ),
    "target_scale": (
        "the target spreads by {std:.3g} (standard deviation); standardize it",
        "目标的标准差为 {std:.3g}，请先标准化",
    ),
    "imbalance": (
        "class {large} has {ratio:.3g} times as many rows as class {small}; use class weights",
        "类别 {large} 的行数是类别 {small} 的 {ratio:.3g} 倍，请使用类别权重",
    ),
    "duplicates": (
        "{count} rows ({share:.1%}) repeat an earlier row; after a random split, copies of a row may be in "
        "training and test",
        "{count} 行（{share:.1%}）与前面的行重复；随机划分后，同一行可能既在训练集又在测试集中",
    ),
    "copy_of_target": (
        'column "{column}" is the target under another name; drop it',
        "列“{column}”与目标相同，请删除",
    ),
    "leak": (
        'column "{column}" alone determines the target ({levels} values); is it known beforehand?',
        "仅凭列“{column}”（{levels} 种值）就能得出每一行的目标，它在预测时是否已知？",
    ),
    "too_good": (
        "R² {r2:.5f} on rows that were not trained on is too good to be true: look for inputs that are "
        "computed from the target, or measured after it",
        "在未参与训练的行上 R² 为 {r2:.5f}，好得可疑：请检查是否有输入由目标算出，或在目标之后测得",
    ),
    "constant": ('column "{column}" is always {example}', "列“{column}”始终为 {example}"),
    "id_like": (
        'column "{column}" differs in every row ({example}); it identifies rows and has no information',
        "列“{column}”每行都不同（{example}），只是行的名字，不含信息",
    ),
    "mostly_missing": (
        'column "{column}" is missing in {share:.1%} of the rows',
        "列“{column}”在 {share:.1%} 的行中缺失",
    ),
    "label_gap": (
        "the labels from {low} to {high} lack {missing}",
        "标签从 {low} 到 {high}，但从未出现 {missing}",
    ),
    "labels_from_one": (
        "labels count from 1 to {high}; they are mapped to 0 to {last}",
        "标签从 1 数到 {high}，将映射为 0 到 {last}",
    ),
}

_MARK = ('--decimal "{mark}"', 'decimal="{mark}"')
REMEDIES: dict[str, tuple[str, str]] = {
    "ambiguous_numbers": _MARK,
    "numbers_as_trained": _MARK,
    "other_mark": _MARK,
    "dates_by_cells": ("--{other}-first", "day_first={other_is_day}"),
    "assumed_day_first": ("--month-first", "day_first=False"),
    "assumed_month_first": ("--day-first", "day_first=True"),
    "count_target": ("--task classification", 'loss="cross_entropy"'),
    "counter": ('--drop "{column}"', 'frame.drop(columns="{column}")'),
    "encoding": ("--encoding", "encoding="),
    "aligned_text": ("--delimiter", "delimiter="),
    "sheet": ("--table", "table="),
}
"""The field ``remedy`` of sentences: an option of the command line, and an argument or a call in Python."""
_ON_COMMAND_LINE: ContextVar[bool] = ContextVar("on_command_line", default=False)


@contextmanager
def command_line_remedies() -> Iterator[None]:
    """Name options of the command line as remedies, inside the block."""
    token = _ON_COMMAND_LINE.set(True)
    try:
        yield
    finally:
        _ON_COMMAND_LINE.reset(token)


SEVERITY = {"error": 0, "warning": 1, "info": 2}  # the order in which findings are listed


@frozen
class Finding:
    """A finding about data: what it is, how severe, and its numbers.

    Args:
        code: a key of ``SENTENCES``.
        severity: ``"info"``, ``"warning"`` or ``"error"``.
        facts: the values of the sentence's placeholders.
        sample: the number of rows that it was measured on and the number of all rows, where they differ.

    Example:
        >>> Finding("target_missing", "info", {"count": 3}).render("en")
        '3 rows without a target are left out'
    """

    code: str
    severity: str = "info"
    facts: Mapping[str, object] = field(default_factory=dict)
    sample: tuple[int, int] | None = None

    def render(self, lang: str = "en") -> str:
        """The sentence in English (``"en"``) or Chinese (``"zh"``)."""
        english, chinese = SENTENCES[self.code]
        facts = {**self.facts, "remedy": self.remedy}
        sentence = spacing.fill(chinese, facts) if lang == "zh" else plural.fill(english, facts)
        return of_sample(sentence, self.sample, lang)

    @property
    def remedy(self) -> str:
        """What changes the reading, in the language of the caller: an option, or an argument in Python."""
        forms = REMEDIES.get(self.code)
        return "" if forms is None else forms[0 if _ON_COMMAND_LINE.get() else 1].format(**self.facts)

    @property
    def en(self) -> str:
        return self.render("en")

    @property
    def zh(self) -> str:
        return self.render("zh")

    def __str__(self) -> str:
        return self.render("en")


def of_sample(sentence: str, sample: tuple[int, int] | None, lang: str) -> str:
    """A sentence with the number of rows that its numbers are measured on.

    Args:
        sentence: the sentence.
        sample: these rows and all rows; ``None``: all rows were used.
        lang: ``"en"`` or ``"zh"``.

    Example:
        >>> of_sample("90 rows repeat an earlier row", (1000, 4000), "en")
        '90 rows repeat an earlier row (in a sample of 1,000 of 4,000 rows)'
    """
    if sample is None:
        return sentence
    rows, all_rows = sample
    if lang == "zh":
        return f"{sentence}（在 {all_rows:,} 行中抽取的 {rows:,} 行上）"
    return f"{sentence} (in a sample of {rows:,} of {all_rows:,} rows)"
