"""E3xx: tables, arrays and data files that cannot be used for training."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E301": Entry("the file cannot be opened", "无法打开文件"),
    "E302": Entry(
        '"{name}" is neither a table nor the name of a data set', "“{name}”既不是表格，也不是数据集名称"
    ),
    "E303": Entry("the file is empty", "文件为空"),
    "E304": Entry("the table has no rows", "表格没有数据行"),
    "E305": Entry("column names must be unique and not empty", "每一列都需要一个不重复的列名"),
    "E306": Entry("a row has more or fewer fields than the header", "某一行的字段数与表头不同"),
    "E307": Entry("the file is not text in a known encoding", "文件不是可识别编码的文本"),
    "E308": Entry("a part of the file is too large for a table", "文件的某一部分过大，不像是表格"),
    "E309": Entry("the quotes of a cell do not match", "单元格的引号不配对"),
    "E310": Entry("the first line contains data, not column names", "第一行是数据，不是列名"),
    "E311": Entry(
        '"{value}" is not a number, but the column is numeric', "“{value}”不是数字，而该列是数字列"
    ),
    "E312": Entry("a number is infinite", "数值为无穷大"),
    "E313": Entry('there is no column "{name}"', "没有名为“{name}”的列"),
    "E314": Entry("a column has an unsupported type", "某一列的类型不受支持"),
    "E315": Entry(
        'the data set "{name}" is not installed and cannot be downloaded',
        "本机没有数据集“{name}”，也无法下载",
    ),
    "E316": Entry("the file is damaged or has another format", "文件已损坏或类型不符"),
    "E317": Entry("the columns differ in length", "各列长度不同"),
    "E318": Entry('"{value}" is neither yes nor no', "“{value}”既不是“是”也不是“否”"),
    "E319": Entry("no target column is given", "没有指明要预测的列"),
    "E320": Entry('the target "{column}" is missing', "目标“{column}”缺失"),
    "E321": Entry("the target has only one class", "目标只有一个类别"),
    "E322": Entry("class {label} has only one row", "类别 {label} 只有一行"),
    "E323": Entry("the target is constant", "目标始终不变"),
    "E324": Entry('the target "{column}" does not match the task', "目标“{column}”的类型与任务不符"),
    "E325": Entry("no column can be used as an input", "没有可用作输入的列"),
    "E326": Entry("the table lacks columns that the model was trained on", "表格缺少模型训练时使用的列"),
    "E327": Entry("it is not clear which table of the file is meant", "不清楚要读取文件中的哪个表格"),
    "E328": Entry("the record of the preparation is not valid", "预处理记录无效"),
    "E329": Entry('class "{label}" did not occur in training', "类别“{label}”在训练中未出现过"),
    "E330": Entry("these fractions do not define a split", "这些比例无法划分数据行"),
    "E331": Entry("there are too few rows for this split", "数据行太少，无法这样划分"),
    "E332": Entry('"{value}" is not a date, time or duration', "“{value}”不是日期、时刻或时长"),
    "E333": Entry('column "{column}" cannot divide the rows', "列“{column}”不能用来划分数据行"),
    "E334": Entry('column "{column}" contains an invalid weight', "列“{column}”中有无效的权重"),
    "E338": Entry("the query cannot be run", "无法执行查询"),
    "E339": Entry(
        'the downloaded files of the data set "{name}" differ from the published ones',
        "下载的数据集“{name}”与发布的文件不同",
    ),
    "E340": Entry("an array contains values that are not real numbers", "数组中有非实数内容"),
    "E341": Entry("an array has the wrong shape", "数组形状不对"),
    "E342": Entry("an array contains an invalid number", "数组中有不可用的数值"),
    "E343": Entry("an array is empty", "数组为空"),
    "E344": Entry("arrays differ in their number of rows", "各数组的行数不同"),
    "E345": Entry(
        'the order of day and month in column "{column}" is not known, or not that of the training',
        "列“{column}”中日与月的先后无法确定，或与训练时不同",
    ),
    # E35x: images and their augmentation.
    "E350": Entry("the required library {library} is not installed", "需要安装 {library} 库"),
    "E351": Entry("the folder has no images where they are expected", "文件夹中应有图像的位置没有图像"),
    "E352": Entry("an image cannot be decoded", "图像无法解码"),
    "E353": Entry("the images differ in size", "图像尺寸不一致"),
    "E354": Entry("an array does not contain images", "数组中不是图像"),
    "E355": Entry("the record of the augmentation is not valid", "数据增广的记录无效"),
    "E356": Entry('"{part}" does not describe an image transform', "“{part}”没有描述任何图像变换"),
    # E36x: texts and sequences.
    "E360": Entry("there is no text to learn from", "没有可供学习的文本"),
    "E361": Entry("{number} is not the id of a token", "编号 {number} 不对应任何词元"),
    "E362": Entry("the record of the tokenizer is not valid", "分词器的记录无效"),
    "E363": Entry("a sequence is empty", "序列为空"),
    "E364": Entry("a sequence is too long", "序列过长"),
    "E365": Entry('"{token}" is not in the vocabulary', "词表中没有“{token}”"),
    "E367": Entry("the folder contains no sentence pairs", "文件夹中没有可用的句对"),
    "E368": Entry("the text contains nothing that can be pronounced", "文本中没有可以发音的内容"),
    # E37x: sounds and series.
    "E370": Entry("the file contains no readable sound", "文件中没有可读取的声音"),
    "E371": Entry("the sample rate does not match", "采样率与要求不符"),
    "E372": Entry("the sound is shorter than one frame", "声音短于一帧"),
    "E375": Entry("the series is shorter than one window", "序列短于一个窗口"),
    "E376": Entry("the rows are not in time order", "各行未按时间先后排列"),
    # E38x: data larger than memory.
    "E380": Entry(
        "the file contains no array that can be memory-mapped by rows", "文件中没有可逐行读取的数组"
    ),
    "E381": Entry("no process can be started that decodes the file", "无法启动解码文件的进程"),
    # E39x: molecules.
    "E390": Entry("the molecule cannot be read", "无法读取该分子"),
}
