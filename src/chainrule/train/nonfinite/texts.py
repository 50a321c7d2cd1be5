"""The sentences of the report in both languages, and the remedy for each cause as a line of code."""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "step": "step {step} (epoch {epoch}, batch {batch})",
        "prediction": "prediction",
        "forward": "forward", "backward": "backward", "update": "update",
        "operation": "{op} in {place}",
        "loss": "the loss", "optimizer": "the optimizer",
        "result": "value", "rows": "rows", "inputs": "inputs", "cause": "cause", "try": "try",
        "weights": "weights",
        "value": "{value} at {index}; {count} of {size} values are not finite",
        "at_time": ", at index {time} of the sequence",
        "native": ", in compiled code only: NumPy rounds it to a finite number",
        "own_rows": "{rows}{more} of the data",
        "dominant_rows": "this operation combines all samples; {rows}{more} of the data contribute most",
        "more": " and {more} more",
        "largest_of": "the largest of {count} values: ",
        "row": " (row {row})",
        "columns": "step|loss|learning rate|largest value|gradient|weights",
        "then": "; ",
        "comma": ", ", "beside": ", ",
    },
    "zh": {
        "step": "第 {step} 步（第 {epoch} 轮，第 {batch} 批）",
        "prediction": "预测",
        "forward": "前向传播", "backward": "反向传播", "update": "参数更新",
        "operation": "{place} 中的 {op}",
        "loss": "损失", "optimizer": "优化器",
        "result": "数值", "rows": "行", "inputs": "输入", "cause": "原因", "try": "试试",
        "weights": "权重",
        "value": "{index} 处为 {value}；{size} 个数中有 {count} 个不是有限数",
        "at_time": "，序列的第 {time} 个位置",
        "native": "，仅在编译的代码中出现：NumPy 舍入后为有限数",
        "own_rows": "数据的第 {rows} 行{more}",
        "dominant_rows": "此运算合并了所有样本；数据的第 {rows} 行{more}贡献最大",
        "more": "等（另有 {more} 行）",
        "largest_of": "{count} 个数中最大的：",
        "row": "（第 {row} 行）",
        "columns": "步|损失|学习率|最大数值|梯度|权重",
        "then": "；",
        "comma": "、", "beside": "，",
    },
}  # fmt: skip

CAUSES: dict[str, tuple[str, str]] = {
    "log_zero": ("log of 0", "对 0 取对数"),
    "log_negative": ("log of a negative number, {argument:.6g}", "对负数 {argument:.6g} 取对数"),
    "zero_by_zero": ("0 divided by 0", "0 除以 0"),
    "division_by_zero": ("division by 0", "除以 0"),
    "sqrt_derivative": (
        "division by 0: the derivative of a square root at 0 is infinite",
        "除以 0：平方根在 0 处的导数为无穷大",
    ),
    "sqrt_negative": ("square root of a negative number, {argument:.6g}", "对负数 {argument:.6g} 开平方"),
    "exp_overflow": (
        "exp overflow: the largest argument is {argument:.6g}, the limit is {limit:.4g}",
        "exp 溢出：最大的自变量为 {argument:.6g}，上限为 {limit:.4g}",
    ),
    "power_of_zero": ("0 to the power of {exponent:.6g}", "0 的 {exponent:.6g} 次方"),
    "power_of_negative": (
        "a negative number, {base:.6g}, to the fractional power of {exponent:.6g}",
        "负数 {base:.6g} 的非整数次方（{exponent:.6g}）",
    ),
    "overflow_power": (
        "overflow of a power: {base:.6g} to the power of {exponent:.6g}",
        "幂溢出：{base:.6g} 的 {exponent:.6g} 次方",
    ),
    "overflow_product": (
        "overflow of a product: more than {limit:.3g}", "乘积溢出：超过 {limit:.3g}"
    ),
    "overflow_sum": ("overflow of a sum: more than {limit:.3g}", "求和溢出：超过 {limit:.3g}"),
    "overflow_quotient": (
        "overflow of a quotient: {numerator:.6g} / {denominator:.6g}",
        "商溢出：{numerator:.6g} / {denominator:.6g}",
    ),
    "cast": (
        "overflow of a conversion: the maximum of {kind} is {limit:.3g}",
        "类型转换溢出：{kind} 最大为 {limit:.3g}",
    ),
    "all_masked": (
        "softmax of a fully masked row: every score is minus infinity",
        "softmax 的整行都被遮蔽：所有得分都是负无穷",
    ),
    "constant_infinity": (
        "an infinite constant of the network reaches the result", "网络中的无穷大常量到达了结果"
    ),
    "zero_times_infinity": ("0 times infinity", "0 乘以无穷大"),
    "infinity_minus_infinity": ("infinity minus infinity", "无穷大减无穷大"),
    "nonfinite_weight": (
        "{name} contained NaN or infinity before the step", "{name} 在这一步之前就含有 NaN 或无穷大"
    ),
    "nonfinite_state": (
        "the running statistic {name} contained NaN or infinity before the step",
        "运行统计量 {name} 在这一步之前就含有 NaN 或无穷大",
    ),
    "nonfinite_slot": (
        "the optimizer state {name} contained NaN or infinity before the step",
        "优化器状态 {name} 在这一步之前就含有 NaN 或无穷大",
    ),
    "nonfinite_data": ("the data {name} contain NaN or infinity", "数据 {name} 含有 NaN 或无穷大"),
    "data_outlier": (
        "row {row} of {name} contains {value:.6g}, far larger than the other values",
        "{name} 的第 {row} 行含有 {value:.6g}，远大于其他数",
    ),
    "loss_grew": (
        "the learning rate {learning_rate:.4g} is too large: the loss grew by a factor of {factor:.3g} "
        "(steps: {steps})",
        "学习率 {learning_rate:.4g} 过大：损失在 {steps} 步内增大到 {factor:.3g} 倍",
    ),
    "weights_grew": (
        "the learning rate {learning_rate:.4g} is too large: the weights grew by a factor of {factor:.3g} "
        "(steps: {steps})",
        "学习率 {learning_rate:.4g} 过大：权重在 {steps} 步内增大到 {factor:.3g} 倍",
    ),
    "large_learning_rate": (
        "the learning rate {learning_rate:.4g} is too large", "学习率 {learning_rate:.4g} 过大"
    ),
    "large_weight": (
        "{name} contains {value:.6g}, far larger than the weights of a trained network",
        "{name} 含有 {value:.6g}，远大于训练好的网络的权重",
    ),
}  # fmt: skip

REMEDIES: dict[str, str] = {
    "log_zero": "cr.log(cr.maximum(x, 1e-7))",
    "log_negative": "cr.log(cr.maximum(x, 1e-7))",
    "zero_by_zero": "x / cr.maximum(d, 1e-7)",
    "division_by_zero": "x / cr.maximum(d, 1e-7)",
    "sqrt_derivative": "cr.sqrt(x + 1e-12)",
    "sqrt_negative": "cr.sqrt(cr.maximum(x, 1e-12))",
    "exp_overflow": "cr.exp(cr.minimum(x, 80.0))",
    "power_of_zero": "cr.maximum(x, 1e-7) ** p",
    "power_of_negative": "cr.maximum(x, 1e-7) ** p",
    "overflow_power": "cr.minimum(x, 1e3) ** p",
    "overflow_product": "clip=cr.ClipGlobalNorm(1.0)",
    "overflow_sum": "clip=cr.ClipGlobalNorm(1.0)",
    "overflow_quotient": "x / cr.maximum(d, 1e-7)",
    "cast": 'dtype="float64"',
    "all_masked": "cr.where(mask, scores, -1e9), or at least one unmasked position in every row",
    "constant_infinity": "cr.where(mask, scores, -1e9)",
    "zero_times_infinity": "cr.where(mask, x, 0.0) before the product",
    "infinity_minus_infinity": "cr.where(mask, scores, -1e9)",
    "nonfinite_weight": 'assert np.isfinite(values["{name}"]).all()  # the argument of load_parameters',
    "nonfinite_state": 'assert np.isfinite(model.states()["{name}"]).all()',
    "nonfinite_slot": "resume=False, which resets the optimizer state",
    "nonfinite_data": "keep = np.isfinite(x).all(axis=1); x, y = x[keep], y[keep]",
    "data_outlier": "x = (x - x.mean(0)) / x.std(0), after checking row {row}",
    "loss_grew": "optimizer=cr.{optimizer}({learning_rate})",
    "weights_grew": "optimizer=cr.{optimizer}({learning_rate})",
    "large_learning_rate": "optimizer=cr.{optimizer}({learning_rate})",
    "large_weight": "penalty=cr.L2(1e-4), after checking how {name} was set",
}
ALTERNATIVES = {"loss_grew": "clip=cr.ClipGlobalNorm(1.0)", "weights_grew": "clip=cr.ClipGlobalNorm(1.0)"}
"""Another remedy of some causes."""
