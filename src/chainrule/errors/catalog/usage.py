"""E1xx: invalid names, options and arguments."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E101": Entry('"{name}" is not known', "未知的名称“{name}”"),
    "E102": Entry("{name} is out of its range", "{name} 超出了允许范围"),
    "E103": Entry(
        'two parameters are called "{name}" and differ in shape', "两个参数同名“{name}”，但形状不同"
    ),
    "E104": Entry("a layer is required here", "此处需要一个层"),
    "E105": Entry(
        "{loss} expects {inputs}, but the network ends in {activation}",
        "{loss} 需要{inputs_zh}，但网络以 {activation} 结尾",
    ),
    "E106": Entry("there is nothing to train", "没有可以训练的参数"),
    "E107": Entry(
        "a callback must be a stopping rule, a callback object or a function of events",
        "回调必须是停止规则或接收事件的函数",
    ),
    "E108": Entry("class weights need one output with classes", "类别权重需要一个分类输出"),
    "E109": Entry('two stopping rules are both called "{name}"', "有两条停止规则同名“{name}”"),
    "E118": Entry('the name "{name}" is taken', "名称“{name}”已被占用"),
    "E110": Entry('"{name}" is not a known {family}', "未知的{family_zh}：“{name}”"),
    "E111": Entry("this is not a record of a {family}", "这不是{family_zh}的记录"),
    "E112": Entry("the record of {name} has invalid settings", "{name} 的记录中设置项不符"),
    "E113": Entry("{name} has the wrong type", "{name} 的类型不符"),
    "E114": Entry("a record is nested too deep or too large", "记录嵌套过深或过大"),
    "E115": Entry("a record cannot hold this value", "记录无法保存这个值"),
    "E116": Entry("{name} cannot be a kind of record", "{name} 不能作为记录的种类"),
    "E117": Entry('"{part}" does not describe a layer', "“{part}”没有描述任何层"),
    "E119": Entry("a layer returned something that is not a node", "层的输出不是节点"),
    # E12x: explanations.
    "E120": Entry('there is no parameter "{name}"', "没有名为“{name}”的参数"),
    "E121": Entry(
        'the index does not select a single number of "{name}"', "该索引不对应“{name}”中的某一个数"
    ),
    "E122": Entry("the target of the sample is missing", "缺少样本的期望输出"),
    "E123": Entry("the engine {name} cannot be profiled", "无法剖析 {name} 引擎的性能"),
    # E124 to E126: text generation.
    "E124": Entry("{first} and {second} exclude each other", "{first} 与 {second} 不能同时使用"),
    "E125": Entry("no token is left to sample from", "没有可选的词元"),
    "E126": Entry("this model cannot generate text", "此模型不能生成文本"),
    "E128": Entry("{option} does not apply to {kind}", "{option} 不适用于{kind}"),
    "E131": Entry("the arguments do not match the signature of {name}", "参数与 {name} 的签名不符"),
    "E134": Entry("a node has no value while the graph is built", "构建计算图时节点还没有数值"),
    "E132": Entry("{loss} takes no targets", "{loss} 不需要目标 y"),
    "E133": Entry("{loss} needs targets", "{loss} 需要目标 y"),
    "E127": Entry("the network has no blocks to recompute", "网络中没有可以重计算的块"),
    # E140 to E142: custom classes.
    "E140": Entry("{kind}.{name} is set, but it is not a field", "设置了 {kind}.{name}，但它不是字段"),
    "E141": Entry("the class {kind} cannot be a record of its fields", "类 {kind} 不能成为由字段构成的记录"),
    "E142": Entry("{kind} would change if it were saved and loaded", "{kind} 保存后再加载会发生变化"),
    "E143": Entry(
        "the network has {outputs} outputs, and there are {classes} classes",
        "网络有 {outputs} 个输出，但只有 {classes} 个类别",
    ),
    "E144": Entry("the weights of {name} are not finite", "{name} 的权重不是有限数"),
    # E130: processes.
    "E130": Entry("polars hangs in a forked process", "在 fork 出的子进程中，polars 会一直等待"),
}
