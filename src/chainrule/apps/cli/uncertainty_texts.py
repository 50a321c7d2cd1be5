"""Texts of ``chainrule calibrate`` and of the options of ``predict`` about uncertainty, in both languages."""

from __future__ import annotations

UNCERTAINTY: dict[str, tuple[str, str]] = {
    "calibrate": (
        "calibrate the probabilities, or form the prediction intervals, of a RUN on new labeled rows",
        "用新的有标签的行测量并校正训练结果的概率，或得出数值预测的区间",
    ),
    "calibrate_method": (
        "of classes: temperature (one number; default) or isotonic (any increasing function; needs about "
        "1000 rows); of values: quantile (intervals as wide as the row requires; default) or constant",
        "类别：temperature（一个数，默认）或 isotonic（任意递增函数，约需 1000 行）；"
        "数值：quantile（区间宽度随行而变，默认）或 constant",
    ),
    "calibrate_seed": ("seed of the division into two halves", "分成两半时的随机种子"),
    "calibrated": (
        "Stored in {file}: predict --proba prints calibrated probabilities, --sets 0.9 prediction sets.",
        "已存入 {file}：predict --proba 输出校准后的概率，--sets 0.9 输出预测集。",
    ),
    "calibrated_intervals": (
        "Stored in {file}: predict --interval 0.9 adds the columns lower and upper.",
        "已存入 {file}：predict --interval 0.9 增加 lower 与 upper 两列。",
    ),
    "calibration_temperature": ("temperature", "温度"),
    "calibration_isotonic": ("isotonic regression", "保序回归"),
    "calibration_used": (
        "The probabilities are calibrated ({method}, {rows} rows).",
        "概率经过校准（{method}，{rows} 行）。",
    ),
    "predict_uncertainty": (
        "add columns: entropy and disagreement of the members of an ensemble (nats), or the spread of values",
        "增加列：集成各成员的熵与分歧（奈特）；数值预测则为各成员的标准差",
    ),
    "predict_novelty": (
        "add a column: the share of training rows that are at least as strange; 0.05 and below is strange",
        "增加一列：至少同样陌生的训练行所占的比例；不超过 0.05 视为陌生",
    ),
    "predict_novelty_method": (
        "score of --novelty: mahalanobis (default), energy or distance; several, separated by commas, have a "
        "column each",
        "--novelty 的得分：mahalanobis（默认）、energy 或 distance；用逗号分隔多个时各占一列",
    ),
    "predict_reference": (
        "file of training rows for --novelty; by default the one that RUN records",
        "--novelty 所用的训练数据文件；默认为 RUN 记录的文件",
    ),
    "uncertainty_by_dropout": (
        "The uncertainty is that of {count} predictions with dropout.",
        "不确定性由 {count} 次保留丢弃的预测得到。",
    ),
    "novelty_column": (
        "{column}: {count} of {rows} rows are strange (at most {limit}; compared with {reference} reference "
        "rows). Score: {score}.",
        "{column}：{rows} 行中有 {count} 行陌生（不超过 {limit}；与 {reference} 行参照比较）；"
        "得分：{score}。",
    ),
    "calibrate_data": (
        "labeled rows that the model was not trained on; by default those that RUN set aside",
        "未参与训练的、有标签的行；默认为 RUN 留出的行",
    ),
    "calibrate_folds": (
        "Calibrated on {rows} rows of {data}, each predicted by members of the ensemble that were not "
        "trained on it.",
        "用 {data} 的 {rows} 行校准，每一行都由未用它训练的集成成员预测。",
    ),
    "calibrate_validation": (
        "Calibrated on the {rows} validation rows of {data}.",
        "用 {data} 的 {rows} 行验证数据校准。",
    ),
    "predict_sets": (
        "add a column with the classes of which one is the true one with this probability (0.8, 0.9, 0.95 or "
        "0.99); requires chainrule calibrate",
        "增加一列预测集：以此概率（0.8、0.9、0.95 或 0.99）包含真实类别的类别；需先运行 chainrule calibrate",
    ),
    "predict_sets_method": (
        "of --sets: threshold (default, the smallest sets), adaptive (larger where the network is less "
        "certain) or class (the coverage holds for every class)",
        "--sets 的方法：threshold（默认，集合最小）、adaptive（网络把握较小处集合更大）"
        "或 class（保证每个类别的覆盖率）",
    ),
    "predict_abstain": (
        "leave the prediction of rows empty whose most likely class has a lower probability",
        "最可能类别的概率低于此值的行不给出预测",
    ),
    "abstained": (
        "{count} of {rows} rows are not decided: their most likely class has a probability below {limit}.",
        "{rows} 行中有 {count} 行未作判断：最可能类别的概率低于 {limit}。",
    ),
}
