"""Texts of certificates: (English, Chinese) by key."""

from __future__ import annotations

CERTIFICATES: dict[str, tuple[str, str]] = {
    "certificate_title": ("Certificate", "鲁棒性证明"),
    "certificate_changes": ("Changes: {norm} at most {radius}.", "改变：{norm}不超过 {radius}。"),
    "certificate_prepared": (
        "Changes are in the units of prepared columns: standard deviations of numbers.",
        "改变以预处理后的单位计：数值列为标准差。",
    ),
    "certificate_proven": (
        "proven: {share}; no such change changes the prediction",
        "已证明：{share}；这样的改变都不会改变预测",
    ),
    "certificate_broken": (
        "broken: {share}; a change with another prediction was found",
        "被攻破：{share}；找到了使预测不同的改变",
    ),
    "certificate_unknown": ("unknown: {share}; neither was shown", "未知：{share}；两者都未得到"),
    "certificate_limit_bounds": (
        "± is one standard error. Proofs hold in exact arithmetic, for the network with its stored weights, "
        "whether the prediction is right or wrong.",
        "± 表示一个标准误。证明按精确算术成立，针对网络所存的权重，与预测是否正确无关。",
    ),
    "certificate_limit_smoothing": (
        "± is one standard error. The statements are about the smoothed classifier, which predicts the most "
        "frequent class under noise; each is wrong with a probability of at most {failure}.",
        "± 表示一个标准误。结论针对平滑后的分类器（取加噪后最常见的类别），"
        "每条结论出错的概率不超过 {failure}。",
    ),
    "certificate_counterexamples": ("Counterexamples", "反例"),
}
