"""Texts of attacks and of the checks whether they can be believed: (English, Chinese) by key."""

from __future__ import annotations

ROBUSTNESS: dict[str, tuple[str, str]] = {
    "attack_title": ("Attack: {method}", "攻击：{method}"),
    "attack_ensemble": ("ensemble of all attacks", "全部攻击的组合"),
    "attack_columns": ("cells of a table", "表格的单元格"),
    "attack_threat_table": (
        "Each number may change by at most its limit and keeps the decimals and the range of its column; a "
        "category may become any level; {rows} rows.",
        "每个数值的改变不超过其限度，并保持该列的小数位数和取值范围；类别可换成任一水平；{rows} 行。",
    ),
    "attack_may_change": ("May change: {columns}.", "可以改变：{columns}。"),
    "attack_any_level": ("{column} (any of {count} levels)", "{column}（{count} 个水平中任一个）"),
    "attack_by": ("{column} (by {limit})", "{column}（至多 {limit}）"),
    "attack_norm_inf": ("largest change of an element (L-inf)", "单个元素的最大改变 (L∞)"),
    "attack_norm_2": ("Euclidean length of the change (L2)", "改变的欧几里得长度 (L2)"),
    "attack_threat_input": (
        "Allowed changes: {norm} at most {radius}; {rows} samples.",
        "允许的改变：{norm}不超过 {radius}；{rows} 个样本。",
    ),
    "attack_threat_embedding": (
        "Allowed changes of the embedding vectors: {norm} at most {radius}; {rows} samples. Such vectors "
        "need not belong to any token, so this is no attack with real texts.",
        "允许的嵌入向量改变：{norm}不超过 {radius}；{rows} 个样本。这样的向量未必对应任何词元，"
        "因此不等于用真实文本进行的攻击。",
    ),
    "attack_tokens_inf": (
        "For comparison: the vectors of a token and of the nearest other one differ by up to {distance} in "
        "an element (median over the tokens).",
        "作为参照：词元的向量与最近的另一词元的向量，单个元素至多相差 {distance}（各词元的中位数）。",
    ),
    "attack_tokens_2": (
        "For comparison: the vectors of a token and of the nearest other one have a distance of {distance} "
        "(median over the tokens).",
        "作为参照：词元的向量与最近的另一词元的向量相距 {distance}（各词元的中位数）。",
    ),
    "attack_goal": (
        'Goal: the prediction "{name}"; samples of this class are left out.',
        "目标：使预测变为“{name}”；该类别的样本不参与。",
    ),
    "attack_robust_goal": (
        'Accuracy under the attack, if only changes to "{name}" count: {share}; correct predictions that '
        "were changed to it: {broken}.",
        "只计改为“{name}”的情形时，攻击下的准确率：{share}；{broken} 个正确预测被改为它。",
    ),
    "attack_clean": ("Accuracy without attack: {share}.", "无攻击时的准确率：{share}。"),
    "attack_robust": (
        "Accuracy under the attack: {share}; correct predictions that were changed: {broken}.",
        "攻击下的准确率：{share}；{broken} 个正确预测被改变。",
    ),
    "attack_strongest": ("Strongest single attack: {name}.", "最强的单个攻击：{name}。"),
    "attack_unbelievable": (
        "This attack cannot be believed: the gradients of the network are masked. The true accuracy under "
        "attack may be far lower.",
        "此次攻击的结果不可信：网络的梯度被掩盖。攻击下的真实准确率可能低得多。",
    ),
    "attack_limit": (
        "± is one standard error. An attack that fails proves nothing: another one may succeed.",
        "± 表示一个标准误。攻击失败不证明任何事：其他攻击可能成功。",
    ),
    "attack_exhaustive": (
        "± is one standard error. Every allowed combination of cells was tried: no other one changes more.",
        "± 表示一个标准误。已试遍单元格的所有允许组合：没有其他组合能改变更多预测。",
    ),
    "attack_trials": ("Each attack alone", "各攻击单独的结果"),
    "attack_name": ("attack", "攻击"),
    "attack_rows": ("samples", "样本数"),
    "attack_broken": ("broken", "攻破"),
    "attack_evaluations": ("evaluations", "计算次数"),
    "attack_checks": ("Can the attack be believed?", "攻击结果可信吗？"),
    "attack_plausible": ("as expected: {text}", "符合预期：{text}"),
    "attack_suspicious": ("suspicious: {text}", "可疑：{text}"),
    "masking_zero_gradient": (
        "the gradient of {against} of {rows} samples is zero",
        "{rows} 个样本中有 {against} 个的梯度为零",
    ),
    "masking_not_uphill": (
        "a short step along the gradient lowers the margin of {against} of {rows} samples",
        "沿梯度走一小步后，{rows} 个样本中有 {against} 个的间隔反而变小",
    ),
    "masking_black_box": (
        "the attack without gradients broke {against} of {rows} samples that no attack with gradients broke",
        "不用梯度的攻击攻破了 {rows} 个样本中的 {against} 个，而用梯度的攻击都未能攻破它们",
    ),
    "masking_one_step": (
        "projected gradient descent did not break {against} of {rows} samples that one step broke",
        "一步即攻破的 {rows} 个样本中，投影梯度下降未能攻破 {against} 个",
    ),
    "masking_larger_radius": (
        "at twice the radius, {against} of {rows} broken samples stay unbroken",
        "半径加倍时，{rows} 个已攻破的样本中有 {against} 个未被攻破",
    ),
    "masking_unlimited": (
        "without a limit of the change, {against} of {rows} samples stay unbroken",
        "不限制改变大小时，{rows} 个样本中仍有 {against} 个未被攻破",
    ),
    "sweep_title": ("Accuracy under corruptions", "损坏下的准确率"),
    "sweep_clean": (
        "{rows} samples; accuracy without corruption: {share}.",
        "{rows} 个样本；无损坏时的准确率：{share}。",
    ),
    "sweep_meaning": (
        "± is one standard error. Corruptions are random, not chosen against the network.",
        "± 表示一个标准误。损坏是随机的，不针对网络选择。",
    ),
    "sweep_severity": ("severity", "程度"),
    "sweep_accuracy": ("accuracy", "准确率"),
    "sweep_bar": ("", ""),
    "sweep_noise": ("noise (standard deviation of a pixel)", "噪声（像素的标准差）"),
    "sweep_blur": ("blur (standard deviation in pixels)", "模糊（标准差，以像素计）"),
    "sweep_contrast": ("lower contrast (share that is lost)", "低对比度（损失的比例）"),
    "sweep_deviations": ("noise (standard deviations of an element)", "噪声（以元素的标准差计）"),
    "sweep_token_vectors": (
        "noise in the embedding vectors of the tokens (standard deviations of an element)",
        "词元嵌入向量中的噪声（以元素的标准差计）",
    ),
    "sweep_cell_noise": ("noise (standard deviations of a column)", "噪声（以列的标准差计）"),
    "sweep_missing": ("missing cells (share)", "缺失的单元格（比例）"),
    "sweep_shift": ("shifted columns (standard deviations)", "整列偏移（以标准差计）"),
    "issues_title": ("Rows whose label probably is wrong", "标签可能有误的行"),
    "issues_count": (
        "{count} of {rows} rows; each was predicted by a network trained on other rows ({folds} folds).",
        "{rows} 行中有 {count} 行；每一行都由未用它训练的网络预测（{folds} 折）。",
    ),
    "issues_noise": (
        "Estimated share of wrong labels: {share}, on the assumption that it depends on the class alone.",
        "估计的错误标签比例：{share}（假设错误只取决于类别）。",
    ),
    "issues_limit": (
        "A row that is hard to classify may be listed with a correct label: check each before changing it.",
        "难以分类的行即使标签正确也可能被列出：修改前请逐一检查。",
    ),
    "issues_list": ("The most suspicious rows first", "最可疑的行在前"),
    "issues_row": ("row", "行"),
    "issues_label": ("label", "标签"),
    "issues_label_p": ("its probability", "其概率"),
    "issues_suggested": ("suggested", "建议"),
    "issues_suggested_p": ("its probability", "其概率"),
    "novelty_title": ("Rows unlike the reference", "与参照不同的行"),
    "novelty_method": ("Score: {method}.", "得分：{method}。"),
    "novelty_mahalanobis": (
        "Mahalanobis distance of the features before the last layer",
        "最后一层之前的特征的马氏距离",
    ),
    "novelty_energy": ("energy of the logits", "logit 的能量"),
    "novelty_distance": ("distance to the nearest reference rows", "到最近参照行的距离"),
    "novelty_share": (
        "{share} of {rows} rows are stranger than 95 % of {reference} reference rows; 5 % are expected.",
        "{rows} 行中有 {share} 比 {reference} 行参照中的 95 % 更陌生；预期为 5 %。",
    ),
    "novelty_shifted": (
        "That is more than chance explains: the rows are not like the reference.",
        "这超出了偶然所能解释的程度：这些行与参照不同。",
    ),
    "novelty_usual": (
        "That is not more than chance explains. Changes that the score does not see are possible.",
        "这没有超出偶然所能解释的程度。得分看不到的变化仍有可能存在。",
    ),
    "drift_title": ("Drift from the training rows", "相对训练数据的漂移"),
    "drift_rows": (
        "{rows} rows, compared with {reference} rows of the reference.",
        "{rows} 行，与参照的 {reference} 行比较。",
    ),
    "drift_rows_stored": (
        "{rows} rows, compared with the stored profiles of {reference} training rows.",
        "{rows} 行，与模型保存的 {reference} 行训练数据的概况比较。",
    ),
    "drift_found": (
        "The rows differ from the training rows: {columns} of {tested} columns do (probability of a false "
        "alarm: at most {level}).",
        "这些行与训练数据不同：{tested} 列中有 {columns} 列（误报的概率至多 {level}）。",
    ),
    "drift_none_alone": (
        "The rows differ from the training rows, but none of {tested} columns does alone (probability of a "
        "false alarm: at most {level}).",
        "这些行与训练数据不同，但 {tested} 列单独来看都没有差异（误报的概率至多 {level}）。",
    ),
    "drift_not_found": (
        "No difference beyond chance in {tested} columns (probability of a false alarm: at most {level}).",
        "{tested} 列中没有超出偶然的差异（误报的概率至多 {level}）。",
    ),
    "drift_joint": (
        "A classifier distinguishes them from the reference rows: AUC {auc}, p = {p}.",
        "分类器能区分它们与参照行：AUC {auc}，p = {p}。",
    ),
    "drift_joint_usual": (
        "A classifier does not distinguish them from the reference rows: AUC {auc}, p = {p}.",
        "分类器不能区分它们与参照行：AUC {auc}，p = {p}。",
    ),
    "drift_joint_features": (
        "What differs most: {features} (a product: how two features are related).",
        "差异最大的是：{features}（乘积表示两个特征之间的关系）。",
    ),
    "drift_no_joint": (
        "With reference rows (--reference FILE, in Python reference=), rows are compared as a whole, too.",
        "给出参照行（--reference FILE，在 Python 中为 reference=）时，还会对整行进行比较。",
    ),
    "drift_list": ("Columns that differ, the clearest first", "有差异的列，最明显的在前"),
    "drift_column": ("column", "列"),
    "drift_test": ("test", "检验"),
    "drift_before": ("in training", "训练时"),
    "drift_after": ("new rows", "新数据"),
    "drift_effect": ("PSI", "PSI"),
    "drift_p": ("corrected p", "校正后的 p"),
    "drift_test_ks": ("distribution", "分布"),
    "drift_test_chi2": ("shares", "比例"),
    "drift_test_range": ("outside the range", "超出范围"),
    "drift_test_missing": ("missing cells", "缺失"),
    "drift_fact_ks": ("median {value}", "中位数 {value}"),
    "drift_fact_chi2": ("{level}: {value}", "{level}：{value}"),
    "drift_fact_range": ("{value} values", "{value} 个值"),
    "drift_fact_missing": ("{value}", "{value}"),
    "drift_small": ("small", "小"),
    "drift_moderate": ("moderate", "中"),
    "drift_large": ("large", "大"),
    "drift_limits": (
        "Tests: {count}, corrected by Holm's method. In training, values outside the range are the number "
        "that chance explains. A difference can be clear and too small to matter: the effect is the "
        "population stability index (PSI), moderate from 0.1, large from 0.25. Dates are not compared, since "
        "later rows have later ones.",
        "共 {count} 项检验，按 Holm 方法校正。“超出范围”一行中训练时的数目是偶然所能解释的数目。"
        "差异可能确实存在，但小到无关紧要：效应为群体稳定性指标（PSI），0.1 起为中，0.25 起为大。"
        "日期不作比较，因为之后的数据总有更晚的日期。",
    ),
    "novelty_list": ("The strangest rows", "最陌生的行"),
    "novelty_score": ("score", "得分"),
    "novelty_level": ("reference rows with at least this score", "得分不低于它的参照行比例"),
    "attack_worst": ("Worst examples", "最坏的例子"),
    "attack_row": ("row", "行"),
    "attack_true": ("true", "真实"),
    "attack_before": ("prediction", "预测"),
    "attack_after": ("under attack", "攻击后"),
    "attack_confidence": ("probability", "概率"),
    "attack_change": ("change", "改变"),
    "attack_more": ("; {count} more", "；另有 {count} 处"),
    "attack_size": ("largest {largest}, length {length}", "最大 {largest}，长度 {length}"),
    "attack_picture": (
        "row {row}: {before}, the change (gray is 0), and {after}",
        "第 {row} 行：{before}、改变量（灰色为 0）、{after}",
    ),
}
