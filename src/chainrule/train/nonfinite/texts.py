"""What the black box says, in both languages, and the line of code it proposes for each cause."""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "step": "step {step} (epoch {epoch}, batch {batch})",
        "answer": "an answer",
        "forward": "forward", "backward": "backward", "update": "update",
        "made": "{op} in {place}",
        "loss": "the loss", "optimizer": "the optimizer",
        "found": "value", "rows": "rows", "read": "read", "cause": "cause", "try": "try",
        "course": "steps", "weights": "weights",
        "value": "{value} at {index}; {count} of {size} numbers are not finite",
        "at_time": ", at place {time} of the sequence",
        "native": ", in compiled code only: NumPy rounds it to a finite number",
        "own_rows": "{rows}{more} of the data",
        "heavy_rows": "all samples are joined here; {rows}{more} of the data weighed most",
        "more": " and {more} more",
        "of_numbers": "the largest of {of} numbers: ",
        "row": " (row {row})",
        "columns": "step|loss|rate|largest value|gradient|weights",
        "then": "; ",
        "comma": ", ", "beside": ", ",
        "none": "no black box is here",
    },
    "zh": {
        "step": "第 {step} 步（第 {epoch} 轮，第 {batch} 批）",
        "answer": "一次预测",
        "forward": "前向传播", "backward": "反向传播", "update": "参数更新",
        "made": "{place} 中的 {op}",
        "loss": "损失", "optimizer": "优化器",
        "found": "数值", "rows": "行", "read": "读入", "cause": "原因", "try": "试试",
        "course": "各步", "weights": "权重",
        "value": "{index} 处为 {value}；{size} 个数中有 {count} 个不是有限数",
        "at_time": "，序列的第 {time} 个位置",
        "native": "，仅在编译的代码中出现：NumPy 舍入后为有限数",
        "own_rows": "数据的第 {rows} 行{more}",
        "heavy_rows": "此处合并了所有样本；数据的第 {rows} 行{more}所占最大",
        "more": "等（另有 {more} 行）",
        "of_numbers": "{of} 个数中最大的：",
        "row": "（第 {row} 行）",
        "columns": "步|损失|学习率|最大数值|梯度|权重",
        "then": "；",
        "comma": "、", "beside": "，",
        "none": "这里没有黑匣子记录",
    },
}  # fmt: skip

CAUSES: dict[str, tuple[str, str]] = {
    "log_zero": ("log of 0", "对 0 取对数"),
    "log_negative": ("log of a negative number, {argument:.6g}", "对负数 {argument:.6g} 取对数"),
    "zero_by_zero": ("0 divided by 0", "0 除以 0"),
    "division_by_zero": ("division by 0", "除以 0"),
    "sqrt_slope": (
        "division by 0: the slope of a square root at 0 is infinite", "除以 0：平方根在 0 处的斜率为无穷大"
    ),
    "sqrt_negative": ("square root of a negative number, {argument:.6g}", "对负数 {argument:.6g} 开平方"),
    "exp_overflow": (
        "exp overflow: the largest argument was {argument:.6g}, {limit:.4g} is the most",
        "exp 溢出：最大的自变量为 {argument:.6g}，上限为 {limit:.4g}",
    ),
    "power_of_zero": ("0 to the power of {exponent:.6g}", "0 的 {exponent:.6g} 次方"),
    "power_of_negative": (
        "a negative number, {base:.6g}, to the broken power of {exponent:.6g}",
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
        "overflow of a quotient: {above:.6g} / {below:.6g}", "商溢出：{above:.6g} / {below:.6g}"
    ),
    "cast": (
        "overflow of a conversion: {kind} holds at most {limit:.3g}",
        "类型转换溢出：{kind} 最大为 {limit:.3g}",
    ),
    "all_masked": (
        "softmax over nothing: every score is minus infinity, all places are masked",
        "softmax 无可归一：所有得分都是负无穷，全部位置都被遮蔽",
    ),
    "infinity_meant": (
        "an infinity that is written in the net reaches the result", "网络中写明的无穷大到达了结果"
    ),
    "zero_times_infinity": ("0 times infinity", "0 乘以无穷大"),
    "infinity_minus_infinity": ("infinity minus infinity", "无穷大减无穷大"),
    "weight_held": (
        "{name} held NaN or infinity before the step", "{name} 在这一步之前就含有 NaN 或无穷大"
    ),
    "state_held": (
        "the running value {name} held NaN or infinity before the step",
        "运行统计量 {name} 在这一步之前就含有 NaN 或无穷大",
    ),
    "slot_held": (
        "the optimizer's memory {name} held NaN or infinity before the step",
        "优化器状态 {name} 在这一步之前就含有 NaN 或无穷大",
    ),
    "data_held": ("the data, {name}, held NaN or infinity", "数据 {name} 含有 NaN 或无穷大"),
    "data_large": (
        "row {row} of {name} holds {value:.6g}, far more than the other numbers",
        "{name} 的第 {row} 行含有 {value:.6g}，远大于其他数",
    ),
    "loss_grew": (
        "the learning rate {rate:.4g} is too large: the loss grew {times:.3g} times (steps: {steps})",
        "学习率 {rate:.4g} 过大：损失在 {steps} 步内增大到 {times:.3g} 倍",
    ),
    "weights_grew": (
        "the learning rate {rate:.4g} is too large: the weights grew {times:.3g} times (steps: {steps})",
        "学习率 {rate:.4g} 过大：权重在 {steps} 步内增大到 {times:.3g} 倍",
    ),
    "rate_large": ("the learning rate {rate:.4g} is too large", "学习率 {rate:.4g} 过大"),
    "weight_large": (
        "{name} holds {value:.6g}, far more than a net that computes well",
        "{name} 含有 {value:.6g}，远大于正常网络的权重",
    ),
}  # fmt: skip

REMEDIES: dict[str, str] = {
    "log_zero": "cr.log(cr.maximum(x, 1e-7))",
    "log_negative": "cr.log(cr.maximum(x, 1e-7))",
    "zero_by_zero": "x / cr.maximum(d, 1e-7)",
    "division_by_zero": "x / cr.maximum(d, 1e-7)",
    "sqrt_slope": "cr.sqrt(x + 1e-12)",
    "sqrt_negative": "cr.sqrt(cr.maximum(x, 1e-12))",
    "exp_overflow": "cr.exp(cr.minimum(x, 80.0))",
    "power_of_zero": "cr.maximum(x, 1e-7) ** p",
    "power_of_negative": "cr.maximum(x, 1e-7) ** p",
    "overflow_power": "cr.minimum(x, 1e3) ** p",
    "overflow_product": "clip=cr.ClipGlobalNorm(1.0)",
    "overflow_sum": "clip=cr.ClipGlobalNorm(1.0)",
    "overflow_quotient": "x / cr.maximum(d, 1e-7)",
    "cast": 'dtype="float64"',
    "all_masked": "cr.where(mask, scores, -1e9), or leave no row without a place that counts",
    "infinity_meant": "cr.where(mask, scores, -1e9)",
    "zero_times_infinity": "cr.where(mask, x, 0.0) before the product",
    "infinity_minus_infinity": "cr.where(mask, scores, -1e9)",
    "weight_held": 'assert np.isfinite(values["{name}"]).all()  # what was given to load_parameters',
    "state_held": 'assert np.isfinite(model.states()["{name}"]).all()',
    "slot_held": "resume=False: the optimizer begins anew",
    "data_held": "keep = np.isfinite(x).all(axis=1); x, y = x[keep], y[keep]",
    "data_large": "x = (x - x.mean(0)) / x.std(0), after a look at row {row}",
    "loss_grew": "optimizer=cr.{optimizer}({rate}), or clip=cr.ClipGlobalNorm(1.0)",
    "weights_grew": "optimizer=cr.{optimizer}({rate}), or clip=cr.ClipGlobalNorm(1.0)",
    "rate_large": "optimizer=cr.{optimizer}({rate})",
    "weight_large": "penalty=cr.L2(1e-4), and a look at where {name} comes from",
}
