"""Facts of errors about private training."""

PHRASES: dict[str, str] = {
    "operations that treat each sample separately": "逐样本计算的运算",
    "an operation with a rule": "有规则的运算",
    "a number above 0": "大于 0 的数",
    "public ranges and levels of the columns of a table": "表格各列的公开范围和取值",
    "a table, for columns and target of cr.Privacy": "一个表格（用于 cr.Privacy 的 columns 和 target）",
    "the name of the target column": "目标列的名称",
    "--epsilon and --delta together": "同时给出 --epsilon 和 --delta",
    "{epochs}, for which the noise was calibrated": "{epochs}（噪声按此轮数校准）",
    "options that read no rows": "不读取数据行的选项",
    "TOML with target = [...] and [columns]": "含 target = [...] 和 [columns] 的 TOML",
    "put the columns below the line [columns]": "把各列写在 [columns] 一行之下",
    "a TOML file with what is public about the columns": "给出各列公开信息的 TOML 文件",
    "a template: replace each [0, 1] by a range, or by levels such as {levels}": (
        "模板：把每个 [0, 1] 换成范围，或换成取值，例如 {levels}"
    ),
    "arrays": "数组",
    "a data frame as x, or cr.Privacy(epsilon, delta)": "以数据框作为 x，或 cr.Privacy(epsilon, delta)",
    "the range or the levels of at least one column, by its name": "至少一列的范围或取值，以列名为键",
    "the range or the classes of the target": "目标的范围或类别",
    'a range of numbers [low, high], or levels as texts ["0", "1"]': (
        '数值范围 [low, high]，或以文本给出的取值 ["0", "1"]'
    ),
    "finite numbers, low < high": "有限的数，且 low < high",
    "2 to {limit} levels that are not empty": "2 到 {limit} 个非空取值",
    '"{level}" once': "“{level}”只写一次",
    "inputs other than the target": "目标以外的输入列",
    'leave "{name}" out of columns': "从 columns 中去掉“{name}”",
    "None, or (x, y) of public rows": "None，或公开数据行 (x, y)",
    "validation=(x_public, y_public): validation rows are not protected": (
        "validation=(x_public, y_public)：验证集的数据行不受保护"
    ),
    "an optimizer that uses gradients only": "只使用梯度的优化器",
    "a layer without values that are computed from the rows": "不含由数据行计算的值的层",
    "a layer without a penalty on activations": "不对激活值加惩罚的层",
    "a layer that normalizes each row separately": "逐行规范化的层",
    "random numbers that depend on a single row": "只取决于单独一行的随机数",
    "initial parameters from the seed, or from private trainings": "由种子产生、或来自差分隐私训练的初始参数",
    "the rows of a training without privacy, from whose parameters this one started": (
        "一次未使用差分隐私的训练的数据行（本次训练从其参数开始）"
    ),
    "the rows from which loaded parameters were computed, from which the training started": (
        "用来计算所载入参数的数据行（训练从这些参数开始）"
    ),
    "the rows from which the calibration was computed": "用来计算校准的数据行",
    "warm_start=False, or public_start=True in cr.Privacy if those rows are public": (
        "warm_start=False；若那些数据行是公开的，则在 cr.Privacy 中写 public_start=True"
    ),
    "1 to {limit}": "1 到 {limit}",
    "a loss without class_weight, which cancels in the loss of one row": (
        "不带 class_weight 的损失：类别权重在单独一行的损失中会约去"
    ),
    "a network without {kind}": "不含 {kind} 的网络",
    "a model that was trained without privacy": "没有使用差分隐私训练的模型",
    "a private model": "差分隐私模型",
    "model.explain(x, y), which explains the present parameters with chosen rows": (
        "model.explain(x, y)：用你自己的数据行解释当前参数"
    ),
    "model.attribute(x), which explains a prediction without training rows": (
        "model.attribute(x)：不用训练数据行解释一个预测"
    ),
    "more than {rows:,} rows": "超过 {rows:,} 行",
    "epsilon of at least {best:.2g} for these rows, batch size and epochs": (
        "对于这些数据行、批量大小和轮数，epsilon 至少为 {best:.2g}"
    ),
    "{rows:,} rows, {size:,} parameters": "{rows:,} 行，{size:,} 个参数",
    "the noise of all steps would be longer than the longest sum of their gradients": (
        "所有步的噪声之和会超过其梯度之和的最大长度"
    ),
    "this epsilon needs about {rows:,} rows with the same batch size and epochs": (
        "在批量大小和轮数不变时，这个 epsilon 大约需要 {rows:,} 行"
    ),
    "finite parameters": "有限的参数",
    "NaN or infinite values": "NaN 或无穷大",
    "the search for the first such value is withheld: it would read single rows": (
        "不提供第一个非有限值的查找：它会读取单个数据行"
    ),
    "a smaller learning rate, or a smaller max_norm": "更小的学习率或更小的 max_norm",
    "at least {steps} steps": "至少 {steps} 步",
    "no number of steps": "没有步数",
    "restore the file, or train again without resume": "恢复该文件，或去掉 resume 重新训练",
}
