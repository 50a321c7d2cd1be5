"""What is said of the ways to a weight, of the signal on its way, and of a net with other weights.

By key, English and Chinese side by side.
"""

from __future__ import annotations

LEDGER: dict[str, tuple[str, str]] = {
    "ways_cut": (
        "In so large a net the ways are followed from the weight only as far as every value can still be "
        "looked at; there they begin at the stored signals.",
        "网络很大时，只从这个权重出发追踪到仍能逐个查看的地方；路径从那里存储的误差信号开始。",
    ),
    "replay_title": ("Update {step} of the training. {title}", "训练的第 {step} 次更新。{title}"),
    "replay_about": ("Which update", "这是哪一次更新"),
    "replay_place": (
        "Update {step}: epoch {epoch}, batch {batch}, {n} samples (rows {rows}). The training computed the "
        "loss {loss} and used the learning rate {rate}.",
        "第 {step} 次更新：第 {epoch} 轮，第 {batch} 批，{n} 个样本（第 {rows} 行）。"
        "训练时算得的损失为 {loss}，学习率为 {rate}。",
    ),
    "replay_exact": (
        "The training was made again up to here, to the last bit. Below the update is computed in float64, "
        "with the masks and the batch statistics it had; its loss differs by {gap} of its size.",
        "训练已逐位重演到此处。以下用 float64 重新计算这次更新，使用当时的随机掩码和批统计量；"
        "损失的相对差为 {gap}。",
    ),
    "rounding_learns": (
        "Every number is computed in full (float64) and only shown rounded, to 6 places "
        "after the point, very small ones to 6 digits; so the product of "
        "the shown numbers may differ from the shown result in the last digit. ŷ and all slopes are those of "
        "the net as it learned in this update: with what its dropout dropped and the statistics of this "
        "batch.",
        "所有数字都按全精度（float64）计算，只在显示时四舍五入到小数点后 6 位，"
        "极小的数保留 6 位有效数字；因此用显示的数字相乘，"
        "末位可能与显示的结果略有出入。"
        "ŷ 与各处的斜率取自网络在这次更新中学习时的样子：使用当时暂退法的掩码和本批的统计量。",
    ),
    "ladder_intro": (
        "Below, from the loss to the first layer: the length of the signal at each layer, what the weights "
        "(with all else that lies between) and what the slopes of the activation make of it. The factors "
        "multiply exactly to the last column.",
        "下表从损失到第一层：每层误差信号的长度，以及权重（连同两层之间的其他运算）"
        "和激活函数的斜率各自的倍数。各倍数之积恰为最后一列。",
    ),
    "ladder_from": ("from", "从"),
    "ladder_to": ("to", "到"),
    "ladder_sent": ("signal", "信号"),
    "ladder_weights": ("weights", "权重"),
    "ladder_slopes": ("slopes", "斜率"),
    "ladder_left": ("is left", "剩下"),
    "ladder_all": ("of the first", "占最初的"),
    "letters_time": (
        "h is what a layer remembers after a step of time, c the cell behind it; t above is the step.",
        "h 是某一时间步之后的隐藏状态，c 是其后的记忆元；上标 t 为时间步。",
    ),
    "letters_calls": (
        "u above is the call of a layer that is called several times; all its calls share the weights, and "
        "the derivative of the loss with respect to them is the sum over the calls.",
        "上标 u 表示同一层的第几次调用；各次调用共用同一组权重，损失对这些权重的导数是各次调用之和。",
    ),
    "letters_lstm": (
        "i, f and o are the gates that let in, keep and let out; m is what is offered to the cell.",
        "i、f、o 是输入门、遗忘门和输出门；m 是记忆元的候选值。",
    ),
    "letters_gru": (
        "r and u are the gates that reset and renew; m is what is offered to h.",
        "r、u 是重置门和更新门；m 是 h 的候选值。",
    ),
    "letters_attention": (
        "q, k and v are queries, keys and values; s are the scores, a of four indices the attention weights.",
        "q、k、v 是查询、键、值；s 是得分，带四个下标的 a 是注意力权重。",
    ),
    "letters_norm": (
        "μ and var are the mean and the variance that a normalising layer takes; its z is what it gives.",
        "μ 与 var 是规范化层所用的均值与方差；该层的 z 是它的输出。",
    ),
    "letters_scale": (
        "γ is the scale and β the shift of a normalising layer.",
        "γ 与 β 是规范化层的拉伸参数与偏移参数。",
    ),
    "letters_between": (
        "h with the number of a layer is what reaches the layer after it.",
        "带层号的 h 是传到后一层的值。",
    ),
    "letters_rate": (
        "η is the learning rate, t the number of the update.", "η 是学习率，t 是更新的次数。",
    ),
    "letters_noun": ("{letter} is {noun}.", "{letter} 是{noun}。"),
    "letters_parameter": (
        "{letters}: parameters of that name in their layer.", "{letters}：所在层的同名参数。",
    ),
    "letters_input": ("{letters}: inputs of the network.", "{letters}：网络的输入。"),
    "letters_memory": (
        "{letters}: kept by the optimizer for each weight; ′ marks the value after this update.",
        "{letters}：优化器为每个权重保存的量；′ 表示这次更新之后的值。",
    ),
    "letters_hidden": ("{letters}: values between the layers.", "{letters}：层与层之间的中间值。"),
    "feature_whole": (
        "x is {raw} ({column}): {shape} numbers, from {low} to {high} as the network sees them",
        "x 是 {raw}（{column}）：{shape} 个数，网络看到的值从 {low} 到 {high}",
    ),
    "way_penalty": ("the penalty", "惩罚项"),
    "ways_nothing": ("All others contribute nothing.", "其余路径没有贡献。"),
    "if_title": ("What if: the same samples with other weights", "如果改动权重：同样的样本，换上别的权重"),
    "if_edits": ("What was set", "改动的权重"),
    "if_change": ("change", "变化"),
    "if_value": ("value", "数值"),
    "if_loss": ("The loss goes from {old} to {new}: {change}.", "损失由 {old} 变为 {new}：{change}。"),
    "if_same": ("The loss stays {loss}.", "损失仍为 {loss}。"),
    "if_promise": (
        "The gradient had promised {promise}: the slope at the old weights times the change.",
        "按梯度估计应为 {promise}：旧权重处的斜率乘以改动量。",
    ),
    "if_downstream": ("Everything downstream, old beside new", "下游的所有变化：旧值与新值"),
    "if_nothing": ("No named value changes.", "没有任何命名的数值发生变化。"),
    "if_effect": ("The loss", "损失"),
    "if_all": ("{name} ({layer}):", "{name}（{layer}）："),
    "if_many": (
        "{name} ({layer}): {n} numbers changed; the {k} that changed most:",
        "{name}（{layer}）：{n} 个数发生变化，变化最大的 {k} 个：",
    ),
}  # fmt: skip
