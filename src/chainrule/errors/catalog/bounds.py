"""E58x: bounds, certificates and properties of networks."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E580": Entry('the operation "{op}" has no rule for bounds', "运算“{op}”没有求界规则"),
    "E581": Entry(
        'the operation "{op}" combines samples, so none can be bounded on its own',
        "运算“{op}”把样本混在一起，无法对单个样本求界",
    ),
    "E582": Entry("this model cannot be certified", "无法为这个模型给出证明"),
}
