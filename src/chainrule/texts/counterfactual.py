"""Texts of counterfactuals, permutation importance and attribution plots: (English, Chinese) by key."""

from __future__ import annotations

COUNTERFACTUAL: dict[str, tuple[str, str]] = {
    "counterfactual_title": ("What would have to change", "反事实：需要改变什么"),
    "counterfactual_now": (
        (
            "The prediction is {prediction}; the target is {target}. The model itself predicted every "
            "change below."
        ),
        "当前预测为 {prediction}。期望：{target}。以下每种改变都由模型本身给出预测。",
    ),
    "counterfactual_alternative": (
        "{i}. Prediction {prediction}; distance {distance}",
        "{i}. 此时预测为 {prediction}；距离 {distance}",
    ),
    "counterfactual_column": ("column", "列"),
    "counterfactual_before": ("now", "当前"),
    "counterfactual_after": ("changed to", "改为"),
    "counterfactual_far": ("distance", "距离"),
    "target_other": ("any other prediction", "任何其他预测"),
    "target_at_least": ("at least {low}", "至少 {low}"),
    "target_at_most": ("at most {high}", "至多 {high}"),
    "target_between": ("{low} to {high}", "{low} 到 {high}"),
    "target_any": ("any value", "任意值"),
    "importance_title": (
        "Which columns the model relies on: permutation importance",
        "模型依赖什么：置换重要性",
    ),
    "importance_facts": (
        "{rows} rows: {metric} is {score}. Each column was shuffled {repeats} times (seed {seed}).",
        "{rows} 行：{metric} 为 {score}。每列各打乱 {repeats} 次（种子 {seed}）。",
    ),
    "importance_known": (
        (
            "These rows include the {training} training and {validation} validation rows of this model: a "
            "column that it memorized appears more important than it is."
        ),
        "这些行包含该模型的 {training} 行训练数据和 {validation} 行验证数据："
        "被模型记住的列看起来比实际更重要。",
    ),
    "importance_larger": (
        "The values state by how much {metric} falls without the column; 0: the column is not used.",
        "数值表示失去该列后 {metric} 下降多少；0 表示未被使用。",
    ),
    "importance_smaller": (
        "The values state by how much {metric} rises without the column; 0: the column is not used.",
        "数值表示失去该列后 {metric} 上升多少；0 表示未被使用。",
    ),
    "importance_column": ("shuffled column", "打乱的列"),
    "importance_value": ("importance", "重要性"),
    "importance_spread": ("std. dev.", "标准差"),
    "attribution_picture": ("{method}: {explained}", "{method}：{explained}"),
    "importance_rest": ("{count} more, at most", "其余 {count} 个，至多"),
}
