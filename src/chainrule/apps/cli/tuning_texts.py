"""Texts of ``chainrule tune``, in both languages."""

from __future__ import annotations

TUNING: dict[str, tuple[str, str]] = {
    "tune": (
        "search the settings of a training, then train with the best ones",
        "搜索训练的设置，并用最好的设置训练",
    ),
    "tune_trial": (
        "trial {number} of {trials}: validation {metric} {score:.4g} (best {best:.4g})  {settings}",
        "第 {number}/{trials} 次试验：验证{metric} {score:.4g}（最好 {best:.4g}）  {settings}",
    ),
    "tune_best": ("The {count} best of {trials} trials", "{trials} 次试验中最好的 {count} 次"),
    "tune_number": ("trial", "试验"),
    "tune_validation": ("validation {metric}", "验证{metric}"),
    "tune_test": ("test {metric}", "测试{metric}"),
    "tune_settings": ("settings", "设置"),
    "tune_overfit_heading": ("What the search gained", "搜索的收获"),
    "tune_default": ("default settings", "默认设置"),
    "tune_chosen": ("best trial", "最好的试验"),
    "tune_overfit": (
        "From the default settings to the best trial, {metric} changes by {validation} on the validation "
        "rows, which chose it, and by {test} on the test rows, which the search did not read. "
        "Search overfit: {overfit}.",
        "从默认设置到最好的试验，{metric}在验证行上变化 {validation}（搜索据此选择），"
        "在测试行上变化 {test}（搜索没有用过）。搜索过拟合：{overfit}。",
    ),
}
