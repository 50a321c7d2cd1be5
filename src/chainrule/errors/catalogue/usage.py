"""E1xx: a name, an option or an argument that cannot be used."""

from chainrule.errors.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E101": Entry('"{name}" is not known', "未知的名称“{name}”"),
    "E102": Entry("{name} is out of its range", "{name} 超出了允许范围"),
    "E103": Entry('two parameters are called "{name}" and differ in shape', "两个参数同名“{name}”，但形状不同"),
    "E104": Entry("something that is no layer stands where a layer must", "此处需要一个层"),
    "E107": Entry("a callback is a stopping rule or a function of events", "回调必须是停止规则或接收事件的函数"),
    "E108": Entry("class weights need one output with classes", "类别权重需要一个分类输出"),
    "E106": Entry("there is nothing to train", "没有可以训练的参数"),
    "E105": Entry("{loss} takes {wants}, but the net ends in {activation}", "{loss} 需要 {wants}，但网络以 {activation} 结尾"),
}
