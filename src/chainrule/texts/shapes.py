"""Chinese translations of the phrases in descriptions of shapes."""

from __future__ import annotations

import re

_PHRASES: tuple[tuple[str, str], ...] = (
    ("two values by name, ", "按名称给出的两个值："),
    ("values and indices by name, ", "按名称给出的值和下标："),
    ("integers 0 to n for n boundaries", "整数 0 到 n（n 个分界）"),
    ("integers 0 .. K-1", "整数 0 到 K-1"),
    ("integers, the classes", "类别编号"),
    ("integers", "整数"),
    ("T at most ", "T 至多为 "),
    ("as ``Attention``", "与 ``Attention`` 相同"),
    ("the mean over the positions in between", "对中间各位置求平均"),
    ("target the same", "目标形状相同"),
    ("what the layer gives", "内层的输出"),
    ("what the highest layer gives", "最上层的输出"),
    ("those of the layer inside", "与内层相同"),
    ("as the layer", "与内层相同"),
    ("as the block", "与各块相同"),
    ("output ", "输出 "),
    ("target ", "目标 "),
    ("query ", "查询 "),
    ("key ", "键 "),
    ("value ", "值 "),
    ("values ", "值 "),
    ("indices ", "下标 "),
    ("table ", "表 "),
    ("any", "任意形状"),
    ("the same", "形状相同"),
    ("both ", "均为 "),
    ("between 0 and 1", "在 0 到 1 之间"),
    ("averaged over the labels", "对各标签求平均"),
    ("yes and no as 1 and 0", "是与否记为 1 和 0"),
    ("yes if the two are a pair", "两者为一对时为是"),
    ("yes and no for each class", "每个类别是或否"),
    ("yes and no", "是与否"),
    ("log-probabilities", "对数概率"),
    ("probabilities", "概率"),
    ("none of them negative", "均不为负"),
    ("not negative", "不为负"),
    ("one score for each cell", "每格一个得分"),
    ("distances", "距离"),
    ("rounded up", "向上取整"),
    ("rounded down", "向下取整"),
    ("last axis fastest", "最后一轴变化最快"),
    ("the channels fastest", "通道变化最快"),
    ("with equal leading axes", "前面的轴相等"),
    ("d spatial axes", "d 个空间轴"),
    ("C even", "C 为偶数"),
    ("in another order", "换了次序"),
    (" and ", " 和 "),
    (", or (", "，或 ("),
    (" with ", "，当 "),
    (" for the others", "，用于其余方式"),
    (" for ", "，用于 "),
    (" or ", " 或 "),
)
_PATTERNS = tuple(
    (re.compile(rf"(?<![A-Za-z]){re.escape(english)}{'' if english[-1] == ' ' else '(?![A-Za-z])'}"), chinese)
    for english, chinese in _PHRASES
)
_SENTENCE_END = re.compile(r"(?<![. ])\.(?= [A-Z`]|$)")
_CODE = re.compile(r"``[^`]*``|\b[a-z]+\b(?=[^()]*\))")  # code, and the names of axes within parentheses
_WORD = re.compile(r"[A-Za-z]{3,}")
_PARENTHESES_OR_COMMA = re.compile(r"\((?:[^()]|\([^()]*\))*\)|, ")


def shapes_in_chinese(text: str) -> str:
    """Return the first sentence of a description of shapes in Chinese, without clauses that are not known.

    The result is "" if the first clause is not known.

    Example:
        >>> shapes_in_chinese("integers (B, ...) -> (B, ..., units).")
        '整数 (B, ...) -> (B, ..., units)。'
        >>> shapes_in_chinese("any -> the same; ``glu`` halves its axis.")
        '任意形状 -> 形状相同。'
    """
    clauses = []
    for clause in _SENTENCE_END.split(text)[0].split("; "):
        translated = _clause_in_chinese(clause)
        if not translated:
            break
        clauses.append(translated)
    return f"{'；'.join(clauses)}。" if clauses else ""


def _clause_in_chinese(clause: str) -> str:
    for pattern, chinese in _PATTERNS:
        clause = pattern.sub(chinese, clause)
    if _WORD.search(_CODE.sub("", clause)):
        return ""
    clause = clause.replace("``", "").replace("): ", ")：")
    return _PARENTHESES_OR_COMMA.sub(lambda match: "，" if match[0] == ", " else match[0], clause)
