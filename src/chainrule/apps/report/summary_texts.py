"""The sentences of the summary and of the model card in English and Chinese."""

from __future__ import annotations

SUMMARY: dict[str, tuple[str, str]] = {
    "summary_heading": ("What this means", "这意味着什么"),
    "summary_cautions": ("Be careful", "需要注意"),
    "summary_task_classification": (
        'The model predicts "{target}" ({classes}) of a row from {columns} columns of {data}.',
        "模型根据 {data} 的 {columns} 列预测每一行的“{target}”（{classes}）。",
    ),
    "summary_task_regression": (
        'The model predicts the number "{target}" of a row from {columns} columns of {data}.',
        "模型根据 {data} 的 {columns} 列预测每一行的数值“{target}”。",
    ),
    "summary_task_image": (
        "The model predicts the class of an image ({classes}); it was trained on {data}.",
        "模型预测图像的类别（{classes}），由 {data} 训练得到。",
    ),
    "summary_classes": ("{count} classes", "{count} 个类别"),
    "summary_score_classification": (
        "On {rows} rows that it did not learn from, the network predicts {value} correctly "
        "(95% interval: {low} to {high}).",
        "在网络未学习过的 {rows} 行数据中，{value} 的预测正确（95% 区间：{low} 到 {high}）。",
    ),
    "summary_score_regression": (
        "On {rows} rows that it did not learn from, the typical error (RMSE) of the network is {value} "
        "(95% interval: {low} to {high}); it explains {share} of the variance.",
        "在网络未学习过的 {rows} 行数据上，典型误差（RMSE）为 {value}（95% 区间：{low} 到 {high}），"
        "能解释 {share} 的方差。",
    ),
    "summary_known_inputs": (
        "{known} of the {rows} scored rows have the same inputs as a training row: the scores measure new "
        "rows with known combinations of values, not new combinations.",
        "在参与评估的 {rows} 行中，{known} 行的输入与某个训练行相同：分数衡量的是取值组合已知的新行，"
        "而不是新的组合。",
    ),
    "summary_too_good": (
        "An R² of {r2} on rows that were not trained on is too good to be true: inputs probably contain the "
        "target.",
        "在未参与训练的行上 R² 为 {r2}，好得可疑：输入中可能含有目标的信息。",
    ),
    "summary_comparison": ("For comparison: {values}.", "比较：{values}。"),
    "summary_comparison_item": ("{name} {value}", "{name} {value}"),
    "summary_comparison_comma": (", ", "，"),
    "summary_importance_classification": (
        'The most important column is "{column}": if its values are shuffled, the share of correct '
        "predictions falls from {before} to {after}.",
        "最重要的列是“{column}”：打乱它的取值后，预测正确的比例从 {before} 降到 {after}。",
    ),
    "summary_importance_probabilities": (
        'The most important column is "{column}": if its values are shuffled, the log-loss of the '
        "probabilities rises from {before} to {after}; hardly any predicted class changes.",
        "最重要的列是“{column}”：打乱它的取值后，概率的对数损失从 {before} 升到 {after}，"
        "预测的类别则几乎不变。",
    ),
    "summary_importance_regression": (
        'The most important column is "{column}": if its values are shuffled, the typical error rises from '
        "{before} to {after}.",
        "最重要的列是“{column}”：打乱它的取值后，典型误差从 {before} 升到 {after}。",
    ),
    "summary_next": ('Then follow "{columns}".', "其次是“{columns}”。"),
    "summary_next_comma": ('", "', "”、“"),
    "summary_no_importance": (
        "No column has a clear effect on the quality of the predictions.",
        "没有哪一列对预测质量有明显作用。",
    ),
    "summary_effect": (
        "On average over the rows, {output} is {first} where {column} is {low}, and {last} where it is "
        "{high}.",
        "对各行取平均，{column} 为 {low} 时，{output}为 {first}；为 {high} 时，为 {last}。",
    ),
    "caution_few_rows": (
        "The scores are those of only {rows} rows and therefore rough.",
        "评估数据只有 {rows} 行，所有分数都较粗略。",
    ),
    "caution_imbalance": (
        'The class "{label}" has only {share} of the rows; the model finds {recall} of them.',
        "类别“{label}”只占数据的 {share}，模型找出了其中的 {recall}。",
    ),
    "caution_overconfident": (
        "Probabilities are too high: predictions with a mean probability of {confidence} are correct in "
        "{accuracy} of the rows.",
        "概率偏高：平均概率为 {confidence} 的预测，正确的只有 {accuracy}。",
    ),
    "caution_underconfident": (
        "Probabilities are too low: predictions with a mean probability of {confidence} are correct in "
        "{accuracy} of the rows.",
        "概率偏低：平均概率为 {confidence} 的预测，正确的有 {accuracy}。",
    ),
    "caution_finding": ("{name}: {what}.", "{name}：{what}。"),
    "caution_end": ("{what} (at the end: {end})", "{what}（结束时：{end}）"),
    "caution_unused": (
        "{count} columns are not used: {columns}.",
        "有 {count} 列未使用：{columns}。",
    ),
    "caution_range": (
        "Predictions are reliable only for rows like those of the training; a value outside the training "
        "range, such as {column} below {low} or above {high}, is an extrapolation.",
        "只有与训练数据相似的行，预测才可靠；取值超出训练范围（如 {column} 小于 {low} 或大于 {high}）时，"
        "预测是外推。",
    ),
    "caution_cause": (
        "An important column need not be a cause: changing it in reality need not change the target.",
        "重要的列不一定是原因：在现实中改变它，目标不一定随之改变。",
    ),
    "card": ("Model card", "模型卡"),
    "card_parts": ("; ", "；"),
    "card_title": ("Model card: {target} ({data})", "模型卡：{target}（{data}）"),
    "card_model": ("Model", "模型"),
    "card_use": ("Intended use", "预期用途"),
    "card_use_text": (
        "Predictions for rows with the columns and units of {data}, collected in the same way.",
        "用于与 {data} 的列和单位相同、采集方式相同的行。",
    ),
    "card_no_use": (
        "Not intended: rows from other sources without a new evaluation, and decisions about people "
        "without review.",
        "不适用于：未经重新评估的其他来源的数据，以及无人复核的、关于人的决定。",
    ),
    "card_data": ("Data", "数据"),
    "card_rows": ("{rows} rows: ", "共 {rows} 行："),
    "card_fingerprint": ("Fingerprint of the rows: {fingerprint}", "数据指纹：{fingerprint}"),
    "card_scores": ("Scores on rows that were not used in training", "未参与训练的数据上的分数"),
    "card_columns": ("Important columns", "重要的列"),
    "card_importance": ("importance ({measure})", "重要性（{measure}）"),
    "card_column": ("column", "列"),
    "card_limits": ("Limits", "局限"),
    "card_open": ("Complete before use", "使用前请补充"),
    "card_open_data": (
        "Who collected the data, when, and which groups or situations are missing in it?",
        "数据由谁、在何时采集？缺少哪些群体或情形？",
    ),
    "card_open_errors": (
        "What does a wrong prediction cost, and who reviews it?",
        "预测错误的代价是什么？由谁复核？",
    ),
    "card_open_groups": (
        "Are the scores acceptable in each group of people that is affected?",
        "在受影响的每个群体中，分数是否都可接受？",
    ),
    "card_file": (
        "model-card.md beside this page contains this with the data, the split, the scores and the limits.",
        "本页旁的 model-card.md 还包含数据、划分、分数和局限。",
    ),
    "card_again": ("Reproduce", "复现"),
    "card_reference": (
        "Form of this card: Mitchell et al. (2019), Model cards for model reporting.",
        "本卡的形式参照：Mitchell 等（2019），Model cards for model reporting。",
    ),
}
