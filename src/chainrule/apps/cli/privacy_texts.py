"""Texts of ``chainrule train --epsilon``: (English, Chinese) by key."""

from __future__ import annotations

PRIVATE: dict[str, tuple[str, str]] = {
    "private_setup": (
        "{rows} rows from {data}; target: {target} ({kind}). Training with differential privacy.",
        "来自 {data} 的 {rows} 行；目标：{target}（{kind}）。使用差分隐私训练。",
    ),
    "private_classification": ("classification", "分类"),
    "private_regression": ("regression", "回归"),
    "private_columns": ("Public columns", "公开的列"),
    "private_column": ("column", "列"),
    "private_values": ("stated in {file}", "{file} 中给出的内容"),
    "private_range": ("{low:g} to {high:g}", "{low:g} 到 {high:g}"),
    "private_guarantee": (
        "Guarantee: epsilon {epsilon:g}, delta {delta:g}; {epochs} epochs, {batch_size} rows per step.",
        "保证：epsilon {epsilon:g}，delta {delta:g}；{epochs} 轮，每步 {batch_size} 行。",
    ),
    "private_withheld": (
        "Not computed, since they would read rows without protection: losses, scores, baselines, validation, "
        "statistics of columns, diagnosis, report.",
        "以下内容会不受保护地读取数据行，因此不计算：损失、分数、基线、验证、各列的统计、诊断和报告。",
    ),
    "private_test": (
        "Test rows of {file}: {rows}. Their scores are exact: the guarantee does not cover these rows.",
        "{file} 的测试数据：{rows} 行。分数是精确值：隐私保证不包括这些行。",
    ),
    "private_no_test": (
        "No scores: with --test FILE, rows that need no protection are scored.",
        "没有分数：可用 --test FILE 给出不需要保护的数据行来评分。",
    ),
    "private_spent": ("Privacy spent: {spent}.", "已消耗的隐私：{spent}。"),
    "private_budget": (
        "The training ended early: steps that were lost in an interruption are spent.",
        "训练提前结束：中断时丢失的各步也已消耗隐私。",
    ),
    "private_finished": (
        "The private training in {run} is complete; {spent}.",
        "{run} 中的差分隐私训练已完成；{spent}。",
    ),
    "private_resuming": ("Resuming after step {step}.", "从第 {step} 步之后继续。"),
    "private_next": (
        "Next: chainrule predict {run} FILE, chainrule evaluate {run} FILE",
        "接下来：chainrule predict {run} FILE，chainrule evaluate {run} FILE",
    ),
}
