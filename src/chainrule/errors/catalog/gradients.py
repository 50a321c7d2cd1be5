"""E27x: a derivative that does not exist, or that does not agree with a small step."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E271": Entry("no gradient passes {op}: {reason}", "梯度无法通过 {op}：{reason}"),
    "E272": Entry("the output does not depend on this input", "输出与这个输入无关"),
    "E273": Entry("a gradient starts from one floating-point number", "梯度必须从一个浮点数（标量）开始"),
    "E274": Entry("the gradient disagrees with a small step", "解析梯度与数值梯度不一致"),
}
