"""Texts of ledgers, error signals by layer, replays and what-if branches: (English, Chinese) by key."""

from __future__ import annotations

LEDGER: dict[str, tuple[str, str]] = {
    "paths_cut": (
        (
            "In a network of this size, paths are followed from the weight only as far as every value can "
            "be inspected; from there they begin at the stored error signals."
        ),
        "网络很大时，只从这个权重出发追踪到仍能逐个查看的地方；路径从那里存储的误差信号开始。",
    ),
    "replay_title": ("Update {step} of the training. {title}", "训练的第 {step} 次更新。{title}"),
    "replay_about": ("The replayed update", "这是哪一次更新"),
    "replay_place": (
        (
            "Update {step}: epoch {epoch}, batch {batch}, {n} samples (rows {rows}). The training "
            "computed the loss {loss} and used the learning rate {rate}."
        ),
        "第 {step} 次更新：第 {epoch} 轮，第 {batch} 批，{n} 个样本（第 {rows} 行）。"
        "训练时算得的损失为 {loss}，学习率为 {rate}。",
    ),
    "replay_exact": (
        (
            "The training was replayed bit for bit up to this update. Below, the update is computed in "
            "float64 with the masks and batch statistics of that time; its loss differs by a relative "
            "{gap}."
        ),
        (
            "训练已逐位重放到此处。以下用 float64 重新计算这次更新，使用当时的随机遮蔽和批统计量；损失的"
            "相对差为 {gap}。"
        ),
    ),
    "rounding_learns": (
        (
            "All values are computed in full precision (float64) and rounded only for display: to 6 "
            "decimal places, very small values to 6 significant digits. A product of displayed values may "
            "therefore differ from the displayed result in the last digit. ŷ and all derivatives are "
            "those of the network in training mode in this update: with its dropout mask and the "
            "statistics of this batch."
        ),
        "所有数字都按全精度（float64）计算，只在显示时四舍五入到小数点后 6 位，"
        "极小的数保留 6 位有效数字；因此用显示的数字相乘，"
        "末位可能与显示的结果略有出入。"
        "ŷ 和所有导数都取自这次更新中训练模式下的网络：使用当时的暂退法遮蔽和本批的统计量。",
    ),
    "ladder_intro": (
        (
            "From the loss to the first layer: the norm of the error signal at each layer, and the "
            "factors contributed by the weights (with all other operations between the layers) and by the "
            "derivatives of the activation function. The product of the factors is exactly the last "
            "column."
        ),
        "下表从损失到第一层：每层误差信号的范数，以及权重（连同两层之间的其他运算）"
        "和激活函数的导数各自的倍数。各倍数之积恰为最后一列。",
    ),
    "ladder_from": ("from", "从"),
    "ladder_to": ("to", "到"),
    "ladder_sent": ("signal", "信号"),
    "ladder_weights": ("weights", "权重"),
    "ladder_slopes": ("derivatives", "导数"),
    "ladder_left": ("remaining", "剩下"),
    "ladder_all": ("of the initial", "占最初的"),
    "letters_time": (
        (
            "h is the hidden state of a layer after a time step, c the cell state; the t in a superscript "
            "is the time step."
        ),
        "h 是某一时间步之后的隐状态，c 是其后的记忆元；上标 t 为时间步。",
    ),
    "letters_calls": (
        (
            "The u in a superscript is the call of a layer that is called several times; all its calls "
            "share the weights, and the derivative of the loss with respect to the weights is the sum "
            "over the calls."
        ),
        "上标 u 表示同一层的第几次调用；各次调用共用同一组权重，损失对这些权重的导数是各次调用之和。",
    ),
    "letters_lstm": (
        "i, f and o are the input, forget and output gates; m is the candidate value of the cell.",
        "i、f、o 是输入门、遗忘门和输出门；m 是记忆元的候选值。",
    ),
    "letters_gru": (
        "r and u are the reset and update gates; m is the candidate value of h.",
        "r、u 是重置门和更新门；m 是 h 的候选值。",
    ),
    "letters_attention": (
        (
            "q, k and v are queries, keys and values; s are the scores, and a with four indices are the "
            "attention weights, both with the number of the layer of the queries."
        ),
        "q、k、v 是查询、键、值；s 是得分，带四个下标的 a 是注意力权重，两者都带查询层的层号。",
    ),
    "letters_norm": (
        "μ and var are the mean and variance used by a normalization layer; its z is its output.",
        "μ 与 var 是规范化层所用的均值与方差；该层的 z 是它的输出。",
    ),
    "letters_scale": (
        "γ and β are the scale and shift of a normalization layer.",
        "γ 与 β 是规范化层的拉伸参数与偏移参数。",
    ),
    "letters_between": (
        "h with the number of a layer is the input of this layer.",
        "带层号的 h 是该层的输入。",
    ),
    "letters_rate": (
        "η is the learning rate, t the number of the update.",
        "η 是学习率，t 是更新的次数。",
    ),
    "letters_noun": ("{letter} is {noun}.", "{letter} 是{noun}。"),
    "letters_parameter": (
        "{letters}: the parameters of that name in their layer.",
        "{letters}：所在层的同名参数。",
    ),
    "letters_input": ("{letters}: given numbers.", "{letters}：给定的数。"),
    "letters_memory": (
        "{letters}: stored by the optimizer for each weight; ′ marks the value after this update.",
        "{letters}：优化器为每个权重保存的量；′ 表示这次更新之后的值。",
    ),
    "letters_hidden": (
        "{letters}: further intermediate values.",
        "{letters}：其他中间值。",
    ),
    "feature_whole": (
        "x is {raw} ({column}): {shape} values, from {low} to {high} as the network receives them",
        "x 是 {raw}（{column}）：{shape} 个数，网络收到的值从 {low} 到 {high}",
    ),
    "path_penalty": ("the penalty", "惩罚项"),
    "paths_nothing": ("All other paths contribute nothing.", "其余路径没有贡献。"),
    "if_title": ("What if: the same samples with other weights", "如果改动权重：同样的样本，换上别的权重"),
    "if_edits": ("Changed weights", "改动的权重"),
    "if_change": ("change", "变化"),
    "if_value": ("value", "数值"),
    "if_loss": ("The loss goes from {old} to {new}: {change}.", "损失由 {old} 变为 {new}：{change}。"),
    "if_same": ("The loss remains {loss}.", "损失仍为 {loss}。"),
    "if_promise": (
        "The gradient predicts {promise}: the derivative at the old weights times the change.",
        "按梯度估计应为 {promise}：旧权重处的导数乘以变化量。",
    ),
    "if_downstream": ("All changes downstream, old and new", "下游的所有变化：旧值与新值"),
    "if_nothing": ("No named value changes.", "没有任何命名的数值发生变化。"),
    "if_prediction": ("prediction", "预测"),
    "if_loss_value": ("loss", "损失"),
    "if_effect": ("Effect on the loss", "损失"),
    "if_all": ("{name} ({layer}):", "{name}（{layer}）："),
    "if_many": (
        "{name} ({layer}): {n} values changed; the {k} with the largest change:",
        "{name}（{layer}）：{n} 个数发生变化，变化最大的 {k} 个：",
    ),
}
