"""Texts of membership inference and of audits in one training: (English, Chinese) by key."""

from __future__ import annotations

AUDITING: dict[str, tuple[str, str]] = {
    "membership_title": ("Membership inference", "成员推断"),
    "membership_rows": (
        "{members} rows of the training against {others} rows that it did not use.",
        "{members} 行训练数据，对照 {others} 行未参与训练的数据。",
    ),
    "membership_replaced": (
        "The model was trained on all rows, so none is left to compare with. A model trained in the same way "
        "on a random half of the rows was attacked in its place.",
        "该模型用全部行训练，没有可供对照的行。因此改为攻击一个以相同方式、只用随机一半行训练的模型。",
    ),
    "membership_accuracy": (
        "Accuracy on rows of the training {inside}, on the others {outside}.",
        "训练行上的准确率 {inside}，其余行上 {outside}。",
    ),
    "membership_error": (
        "Mean squared error (standardized) on rows of the training {inside}, on the others {outside}.",
        "（标准化的）均方误差：训练行 {inside}，其余行 {outside}。",
    ),
    "membership_chance": (
        "No attack does better than chance: the area under the ROC curve of the best one, {attack}, is "
        "{area}; guessing has 0.5.",
        "没有攻击优于随机猜测：最好的攻击（{attack}）的 ROC 曲线下面积为 {area}；随机猜测为 0.5。",
    ),
    "membership_recognizable": (
        "Rows of the training can be recognized somewhat better than by chance: the area under the ROC curve "
        "of the best attack, {attack}, is {area}; guessing has 0.5.",
        "训练行能以略高于随机猜测的程度被识别：最好的攻击（{attack}）的 ROC 曲线下面积为 {area}；"
        "随机猜测为 0.5。",
    ),
    "membership_clear": (
        "Rows of the training are clearly recognizable: the area under the ROC curve of the best attack, "
        "{attack}, is {area}; guessing has 0.5. Regularization lowers this; differential privacy limits it.",
        "训练行可被清楚地识别：最好的攻击（{attack}）的 ROC 曲线下面积为 {area}；随机猜测为 0.5。"
        "正则化可降低它；差分隐私可限制它。",
    ),
    "membership_level": (
        "All intervals hold together with a probability of 95 %.",
        "所有区间同时成立的概率为 95 %。",
    ),
    "membership_limit": (
        "An attack that fails proves nothing: another one may succeed. The rows must be alike but for their "
        "part in the training.",
        "攻击失败不证明任何事：其他攻击可能成功。除是否参与训练外，两组行必须同分布。",
    ),
    "membership_attacks": ("Attacks", "各攻击的结果"),
    "membership_attack": ("attack", "攻击"),
    "membership_area": ("area under the ROC curve", "ROC 曲线下面积"),
    "membership_detected": ("detected at {limit} false alarms", "误报 {limit} 时识别出"),
    "membership_too_few": ("needs {count} other rows", "需要 {count} 行对照"),
    "membership_loss_threshold": ("loss threshold", "损失阈值"),
    "membership_likelihood_ratio": ("likelihood ratio (LiRA)", "似然比 (LiRA)"),
    "membership_exposed": ("The most exposed rows of the training", "最易被识别的训练行"),
    "membership_row": ("row", "行"),
    "membership_score": ("score", "得分"),
    "one_run_title": ("Lower bound of epsilon from one training", "由一次训练得到的 ε 下界"),
    "one_run_guesses": (
        "{canaries} canaries, each used in the training or left out by a coin; {right} of {guesses} guesses "
        "were right.",
        "{canaries} 个探针样本，各由一次抛硬币决定是否参与训练；{guesses} 次猜测中 {right} 次正确。",
    ),
    "one_run_bound": (
        "Epsilon is more than {bound} (delta {delta}), with a confidence of {confidence}.",
        "ε 大于 {bound}（δ = {delta}），置信度 {confidence}。",
    ),
    "one_run_no_bound": (
        "No lower bound of epsilon is shown (delta {delta}), with a confidence of {confidence}.",
        "没有得到 ε 的下界（δ = {delta}），置信度 {confidence}。",
    ),
    "one_run_refuted": (
        "The claim of epsilon {claim} is refuted: this training reveals more than it allows.",
        "声称的 ε = {claim} 被否定：这次训练泄露的信息超出其允许的范围。",
    ),
    "one_run_compatible": (
        "This is compatible with the claim of epsilon {claim}; it does not prove it.",
        "这与声称的 ε = {claim} 相容，但不能证明它。",
    ),
    "one_run_leaks": (
        "The training reveals its rows at least to this degree; without differential privacy there is no "
        "upper limit.",
        "训练至少在此程度上泄露其数据；没有差分隐私就没有上限。",
    ),
    "one_run_nothing": (
        "Nothing is shown: the guesses are not better than chance.",
        "没有发现泄露：猜测不优于随机。",
    ),
    "one_run_reachable": (
        "With this number of canaries a bound of at most {reachable} can be shown.",
        "用这么多探针样本，至多能得到 {reachable} 的下界。",
    ),
    "one_run_limit": (
        "A low bound is no proof of privacy: a stronger attack may show more.",
        "下界低并不证明隐私：更强的攻击可能得到更大的下界。",
    ),
}
