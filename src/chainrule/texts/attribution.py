"""Texts of attributions, influences and sanity checks: (English, Chinese) by key."""

from __future__ import annotations

ATTRIBUTION: dict[str, tuple[str, str]] = {
    "attribution_title": ("Contributions of the inputs: {method}", "各输入的贡献：{method}"),
    "attribution_settings": ("Settings: {used}.", "设置：{used}。"),
    "attribution_logit": ("The score (logit) of {target}", "{target} 的得分 (logit)"),
    "attribution_probability": ("The probability of {target}", "{target} 的概率"),
    "attribution_loss": ("The loss with target {target}", "期望输出为 {target} 时的损失"),
    "attribution_value": ("The value {target}", "输出值 {target}"),
    "attribution_sample": ("Sample {i}: {explained}", "样本 {i}：{explained}"),
    "attribution_score": ("Explained score: {score}.", "要解释的数：{score}。"),
    "attribution_nothing": (
        "All values are 0: by this method nothing in the sample supports the score.",
        "所有值都为 0：按此方法，样本中没有任何内容支持该得分。",
    ),
    "attribution_no_sum": (
        "The values of this method do not add up to a defined total; only compare them with one another.",
        "此方法的各值没有应当等于的总和；只能相互比较。",
    ),
    "attribution_difference": (
        "Explained score: {score}; at the baseline {base}; difference {difference}.",
        "要解释的数：{score}；基线处为 {base}；两者之差为 {difference}。",
    ),
    "attribution_sum": (
        "Sum of all values: {sum}; unexplained {residual} (at most {tolerance}).",
        "各值之和：{sum}；未能说明的部分 {residual}（至多 {tolerance}）。",
    ),
    "attribution_sum_fails": (
        "UNRELIABLE: the sum of all values is {sum}; unexplained {residual}, more than {tolerance}.",
        "不可信：各值之和为 {sum}；未能说明的部分 {residual}，超过 {tolerance}。",
    ),
    "why": ("Why this prediction", "为什么是这个结果"),
    "why_class": (
        "The network predicts {prediction}, with a probability of {probability}.",
        "网络的预测是 {prediction}，概率为 {probability}。",
    ),
    "why_class_of": (
        "{target}: the network predicts {prediction}, with a probability of {probability}.",
        "{target}：网络的预测是 {prediction}，概率为 {probability}。",
    ),
    "why_number": ("The network predicts {prediction}.", "网络的预测是 {prediction}。"),
    "why_number_of": (
        "{target}: the network predicts {prediction}.",
        "{target}：网络的预测是 {prediction}。",
    ),
    "why_actual": ("The row itself has {actual}.", "数据中是 {actual}。"),
    "why_actual_same": ("The row itself has {actual} too.", "数据中也是 {actual}。"),
    "why_logit": (
        "The inputs that mattered most: a contribution above 0 supports {target}, one below 0 opposes it.",
        "最重要的输入如下：贡献大于 0 表示支持 {target}，小于 0 表示反对。",
    ),
    "why_value": (
        (
            "The inputs that mattered most: a contribution above 0 raises the predicted value, one below 0 "
            "lowers it."
        ),
        "最重要的输入如下：贡献大于 0 使预测值升高，小于 0 使它降低。",
    ),
    "why_baseline_mean": (
        "They are measured from a row with the mean of every number and no category (the baseline).",
        "比较的对象是基线：每个数取训练行的平均值，不属于任何类别。",
    ),
    "why_baseline_zero": (
        "They are measured from an input of zeros (the baseline).",
        "比较的对象是全为 0 的输入（基线）。",
    ),
    "why_sum_logit": (
        (
            "Sum: {base} (baseline) {sum} (all contributions) = {score}, the score (logit) of the "
            "prediction; error {residual}."
        ),
        "合计：{base}（基线）{sum}（全部贡献）= {score}，即预测的得分 (logit)；误差 {residual}。",
    ),
    "why_sum_value": (
        "Sum: {base} (baseline) {sum} (all contributions) = {score}, the predicted value; error {residual}.",
        "合计：{base}（基线）{sum}（全部贡献）= {score}，即预测值；误差 {residual}。",
    ),
    "why_title": ("Why {prediction}?", "为什么是 {prediction}？"),
    "why_member": (
        (
            "The model is an ensemble of {count} networks. The derivation below is that of network {number}; "
            "its own prediction has the weight {weight} in the mean."
        ),
        "模型是 {count} 个网络的集成。以下是第 {number} 个网络的推导；它的预测在平均中的权重为 {weight}。",
    ),
    "why_no_target": (
        "The row has no target: the derivation uses the predicted class {target}.",
        "这一行没有目标值：推导采用预测的类别 {target}。",
    ),
    "region_0_0": ("upper left", "左上"),
    "region_0_1": ("upper middle", "中上"),
    "region_0_2": ("upper right", "右上"),
    "region_1_0": ("middle left", "左中"),
    "region_1_1": ("center", "中央"),
    "region_1_2": ("middle right", "右中"),
    "region_2_0": ("lower left", "左下"),
    "region_2_1": ("lower middle", "中下"),
    "region_2_2": ("lower right", "右下"),
    "attribution_rest": ("{count} more", "其余 {count} 个"),
    "attribution_more": ("Further samples, in .values: {count}.", "另有 {count} 个样本，见 .values。"),
    "attribution_input": ("input", "输入"),
    "attribution_given": ("value", "取值"),
    "attribution_value_head": ("contribution", "贡献"),
    "attribution_bar": ("█ supports, ░ opposes", "█ 支持，░ 反对"),
    "attribution_for": ("supports", "支持"),
    "attribution_against": ("opposes", "反对"),
    "influence_title": ("Training samples that influenced this prediction", "影响这一预测的训练样本"),
    "influence_last": (
        "Based on the last dense layer: the dot product of the gradients of two samples' losses (TracIn).",
        "只看最后的全连接层：两个样本损失的梯度之点积 (TracIn)。",
    ),
    "influence_all": (
        "Based on all weights: the dot product of the gradients of two samples' losses (TracIn).",
        "看全部权重：两个样本损失的梯度之点积 (TracIn)。",
    ),
    "influence_at": ("Checkpoints of the weights used: {count}.", "所用的权重状态数：{count}。"),
    "influence_sample": ("Sample {i}", "样本 {i}"),
    "influence_side": ("effect", "作用"),
    "influence_row": ("training sample", "训练样本"),
    "influence_value": ("influence", "影响"),
    "influence_helped": ("helped", "有利"),
    "influence_hurt": ("hurt", "不利"),
    "sanity_title": ("Does the attribution depend on the model: {method}", "是否与模型有关：{method}"),
    "sanity_says": (
        (
            "From the last layer to the first, the weights are replaced by random values; an attribution "
            "that explains the model changes with them."
        ),
        "从最后一层到第一层，逐层把权重换成随机数；真正解释模型的归因会随之改变。",
    ),
    "sanity_layer": ("randomized down to", "随机化到"),
    "sanity_correlation": ("rank correlation", "等级相关系数"),
    "sanity_labels": ("(permuted labels)", "（打乱标签）"),
    "sanity_passed": (
        "Passed: the attribution changes when the model changes (below {limit}).",
        "通过：模型变了，归因也变了（低于 {limit}）。",
    ),
    "sanity_empty": (
        "NOTHING TO COMPARE: all values of the original attribution are equal.",
        "无从比较：原归因的各值全都相等。",
    ),
    "sanity_failed": (
        "FAILED: the attribution hardly changes although the model is random (not below {limit}).",
        "未通过：模型已随机化，归因却几乎不变（不低于 {limit}）。",
    ),
}
