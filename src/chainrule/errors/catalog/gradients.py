"""E27x: derivatives that do not exist, or that disagree with finite differences."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E271": Entry("{op} has no gradient: {reason}", "梯度无法通过 {op}：{reason}"),
    "E272": Entry("the output does not depend on this input", "输出与这个输入无关"),
    "E273": Entry("a gradient requires a scalar floating-point output", "梯度必须从一个浮点数（标量）开始"),
    "E274": Entry("the gradient disagrees with finite differences", "解析梯度与数值梯度不一致"),
    "E275": Entry(
        "a sample has no gradient of its own: {op} combines the samples of a batch",
        "单个样本没有自己的梯度：{op} 把一批中的样本合在一起",
    ),
    "E276": Entry(
        "the gradient of each sample cannot be computed through {op}",
        "无法通过 {op} 计算每个样本的梯度",
    ),
}
