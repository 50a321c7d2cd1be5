"""What every argument and option of the commands is for, in English and Chinese, side by side."""

from __future__ import annotations

OPTION: dict[str, tuple[str, str]] = {
    "words": ("an argument", "参数"),
    "data": (
        "a file (CSV, TSV, Parquet, Arrow, .npz) or the name of a set",
        "文件（CSV、TSV、Parquet、Arrow、.npz）或数据集名称",
    ),
    "run": ("the folder of a training, or its model file", "训练结果文件夹，或其中的模型文件"),
    "target": ("the column to predict", "要预测的列"),
    "net": (
        'the hidden layers: "64 relu, dropout 0.2"; "" is a linear model',
        "隐藏层，如“64 relu, dropout 0.2”；留空为线性模型",
    ),
    "epochs": ("passes over the training rows at most", "最多训练多少轮"),
    "seed": (
        "decides the split, the first weights and the order of rows",
        "决定数据划分、初始权重和行的次序",
    ),
    "engine": ("what runs the graphs", "计算引擎"),
    "task": (
        "classification or regression; decided from the target by default",
        "classification 或 regression；默认由目标列决定",
    ),
    "batch_size": ("rows for one update", "批量大小"),
    "rate": ("the learning rate", "学习率"),
    "optimizer": (
        "sgd, adam, lion, ...: chainrule show optimizers",
        "优化器：sgd、adam、lion 等，见 chainrule show optimizers",
    ),
    "penalty": ("strength of the L2 penalty on weights; 0 for none", "权重的 L2 惩罚强度；0 表示不用"),
    "patience": (
        "epochs without improvement before the training ends; 0: never",
        "多少轮没有改进就停止；0 表示不提前停止",
    ),
    "metric": (
        "also measure this, by name: mcc, log_loss, fbeta_2, ...",
        "另外计算的指标：mcc、log_loss、fbeta_2 等",
    ),
    "histograms": (
        "after how many epochs distributions are counted for the report; 0: never",
        "每隔多少轮记录一次分布供报告使用；0 表示不记录",
    ),
    "class_weight": ("balanced: rare classes weigh more", "balanced：稀有类别权重更大"),
    "size": (
        "of a folder of images: bring all to this height and width in pixels",
        "图像文件夹：把所有图像缩放到这一高和宽（像素）",
    ),
    "augment": (
        "of a folder of images: change them at random: flip, crop 4, rotate 10",
        "图像文件夹：每轮随机变换图像，例如 flip, crop 4, rotate 10",
    ),
    "damaged": (
        "of a folder of images: refuse one that cannot be decoded, or skip it",
        "图像文件夹：遇到无法解码的图像时拒绝（refuse）或略去（skip）",
    ),
    "category": ("a column to be taken as a category", "当作类别的列"),
    "number": ("a column to be taken as a number", "当作数字的列"),
    "drop": ("a column to be left out", "不使用的列"),
    "out": (
        "the folder for the result; a new one under runs/ by default",
        "保存结果的文件夹；默认在 runs/ 下新建",
    ),
    "resume": ("go on with the interrupted training in --out", "继续 --out 中被中断的训练"),
    "lang": ("language: en or zh", "语言：en 或 zh"),
    "csv": ("the file for the answers; the screen by default", "保存预测的文件；默认输出到屏幕"),
    "proba": ("also the probability of each class", "同时给出每个类别的概率"),
    "raw": (
        "labels exactly as in the data, without the apostrophe before what a spreadsheet takes for a formula",
        "按原样输出标签，不在电子表格可能当作公式的内容前加撇号",
    ),
    "row": ("the row to explain, counted from 1", "要解释的行，从 1 开始计数"),
    "weight": ("one weight, such as dense1.weight[0,1]", "某个权重，如 dense1.weight[0,1]"),
    "explain_step": (
        "instead of a row, an update of the training, made again: 1 is the first",
        "不解释某一行，而是重演训练中的某次更新：1 为第一次",
    ),
    "explain_set": (
        "what would change if a weight were another number, such as dense1.weight[0,1]=0.7",
        "如果某个权重取别的值会怎样，如 dense1.weight[0,1]=0.7",
    ),
    "depth": ("1 one line, 2 a page, 3 every number", "1 一句话，2 一页，3 所有数字"),
    "html": ("write a page instead of a text", "写成网页文件"),
    "what": (
        "a RUN, a saved plan, foreign weights, a building block by kind and name, or a net in words",
        "训练结果文件夹、保存的计划、其他库的权重文件、构件的类别和名称，或网络描述",
    ),
    "profile": ("where the time of a training step goes", "一个训练步的时间花在哪里"),
    "plan": ("how a training step is run: tasks, memory, cost", "一个训练步如何运行：任务、内存、开销"),
    "show_out": (
        "also write the picture of a profile (.svg), or the plan (.json)",
        "同时写出性能图（.svg）或计划（.json）",
    ),
    "inputs": ("how many numbers a sample has", "每个样本有多少个数"),
    "example_name": ("which example", "示例名称"),
    "example_words": ("options of this example; NAME --help lists them", "该示例的选项；NAME --help 查看"),
    "attribute_data": (
        "the rows, as for predict; not needed with --text",
        "数据，同 predict；用 --text 时不需要",
    ),
    "attribute_row": (
        "the row that is looked at, counted from 1; 1 by default",
        "要分析的行，从 1 开始；默认为 1",
    ),
    "attribute_method": (
        "integrated_gradients, shapley, occlusion, ...",
        "方法：integrated_gradients、shapley 等",
    ),
    "attribute_target": (
        "the class that is explained; the answer by default",
        "要解释的类别；默认为预测结果",
    ),
    "attribute_text": ("of a model of texts: the text it reads", "文本模型：所读的文字"),
    "attribute_samples": ("how many are drawn, where the method draws", "抽样的方法：抽样多少次"),
    "attribute_exact": ("exact Shapley values, of at most 12 columns", "精确的 Shapley 值，至多 12 列"),
    "attribute_baseline": ("compare with so many rows of DATA", "与 DATA 中这么多行比较"),
    "attribute_importance": (
        "how much worse the model judges without each column",
        "置换重要性：失去每列后差多少",
    ),
    "attribute_metric": ("what the importance is measured by", "重要性所用的指标"),
    "attribute_repeats": ("how often each column is shuffled", "每列打乱多少次"),
    "attribute_counterfactual": (
        'the nearest changes that bring this answer: a class, a number, LOW..HIGH, or "*" for any other',
        "得到该答案所需的最小改变：类别、数值、下限..上限，或 * 表示任何其他答案",
    ),
    "attribute_fixed": ("a column that may not change", "不可改变的列"),
    "attribute_most": ("how many columns may change", "至多改变多少列"),
    "generate_text": ("what it goes on with; nothing: it begins by itself", "要续写的文字；留空则自行开头"),
    "generate_length": ("how many new tokens at most", "最多生成多少个新词元"),
    "generate_temperature": (
        "above 0: below 1 more careful, above 1 bolder",
        "温度，大于 0：小于 1 更谨慎，大于 1 更大胆",
    ),
    "generate_top_k": ("only the k likeliest tokens", "只在最可能的 k 个词元中选"),
    "generate_top_p": (
        "only the likeliest tokens that reach this probability together",
        "核采样：只在累计概率达到此值的最可能词元中选",
    ),
    "generate_min_p": (
        "only tokens at least this part as likely as the likeliest",
        "只在概率不低于最大概率此倍数的词元中选",
    ),
    "generate_repetition_penalty": ("above 1: hold back what came before", "大于 1：抑制已出现的词元"),
    "generate_greedy": ("always the likeliest token", "总选最可能的词元"),
    "generate_beams": ("search for the likeliest text with so many beams", "束搜索的束宽"),
    "generate_samples": ("how many texts", "生成几段文本"),
    "generate_seed": ("decides what is drawn", "决定抽样结果"),
    "plot_kind": ("kind of picture: graph, curves, confusion, ...", "图的种类：graph、curves、confusion 等"),
    "plot_data": ("rows, for pictures that need some", "数据，部分图需要"),
    "plot_out": (
        "a file: .svg, .png or .pdf; without it the picture is told in letters",
        "图片文件：.svg、.png 或 .pdf；省略则以文字显示",
    ),
    "plot_of": (
        "two features of a decision boundary (a,b), or the path of a layer",
        "决策边界的两个特征（a,b），或层的路径",
    ),
}
