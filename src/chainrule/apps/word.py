"""Every text of the command line, in English and Chinese, side by side.

A text is named by its key; ``say`` gives it in the language of ``settings.lang``. Words in braces are filled
in by the place that shows the text.
"""

from __future__ import annotations

from chainrule.apps.report.word import REPORT
from chainrule.settings import settings

WORDS: dict[str, tuple[str, str]] = {
    # commands
    "usage": (
        "chainrule COMMAND ...: neural networks that train, explain and ship",
        "chainrule 命令 ...：训练、解释、交付神经网络",
    ),
    "usage_end": (
        "chainrule COMMAND --help says more. --lang zh|en sets the language, --debug shows tracebacks.",
        "chainrule 命令 --help 查看详情。--lang zh|en 选择语言，--debug 显示出错位置。",
    ),
    "train": (
        "train a network on a table and judge it beside simple rivals",
        "用表格训练网络，并与简单的方法比较",
    ),
    "predict": ("answer for every row of a table", "对表格的每一行给出预测"),
    "evaluate": ("say how good a model is on a table with known answers", "在已知答案的表格上评估模型"),
    "explain": ("derive one answer and its gradients, number by number", "逐个数字推导一个预测及其梯度"),
    "show": (
        "show a RUN, a building block (layer NAME, ...), all of a kind (layers, models) or a net (net WORDS)",
        "显示训练结果、构件（layer、model 名称等）、某类全部构件（layers）或网络（net 描述）",
    ),
    "attribute": (
        "say what an answer comes from, what a model needs, or what would change an answer",
        "说明预测由哪些输入而来、模型依赖什么，或怎样改变才会得到另一个答案",
    ),
    "generate": ("let a model that learned from texts go on with yours", "让学过文本的模型续写你的文字"),
    "plot": ("draw a picture of a network, its training or its answers", "画出网络、训练过程或预测结果的图"),
    "check": (
        "look for what commonly goes wrong with data, and with --net in the first steps of a training",
        "检查数据中的常见问题；加 --net 时也检查训练的最初几步",
    ),
    "doctor": ("say what was wrong with a training, and what to try", "诊断一次训练的问题并给出建议"),
    "example": ("list the examples, or run one", "列出或运行示例"),
    # arguments and options
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
    # train
    "classification": (
        '{data}: {rows} rows; target "{target}", {classes} classes',
        "{data}：{rows} 行；目标“{target}”，{classes} 个类别",
    ),
    "regression": (
        '{data}: {rows} rows; target "{target}", a number',
        "{data}：{rows} 行；目标“{target}”，数值",
    ),
    "columns": ("Columns", "列"),
    "name": ("name", "列名"),
    "kind": ("kind", "类型"),
    "missing": ("missing", "缺失"),
    "summary": ("summary", "概要"),
    "why": ("why", "原因"),
    "mean": ("mean", "均值"),
    "kind_number": ("number", "数字"),
    "kind_category": ("category", "类别"),
    "kind_yes_no": ("yes/no", "是/否"),
    "kind_image": ("image", "图像"),
    "kind_date": ("date, left out", "日期，未使用"),
    "kind_text": ("text, left out", "文本，未使用"),
    "kind_constant": ("constant, left out", "常数，未使用"),
    "kind_id": ("id, left out", "编号，未使用"),
    "kind_empty": ("empty, left out", "空列，未使用"),
    "is_target": ("target", "目标"),
    "more_columns": ("... and {count} more; report.html shows all", "……另有 {count} 列，见 report.html"),
    "split": (
        "{training} rows train, {validation} say when to stop, {test} are held out (seed {seed})",
        "{training} 行用于训练，{validation} 行决定何时停止，{test} 行留作最后评估（种子 {seed}）",
    ),
    "net_heading": ("Network", "网络"),
    "tensor": ("tensor", "张量"),
    "shape": ("shape", "形状"),
    "number_kind": ("numbers", "数值类型"),
    "tensor_count": ("{tensors} tensors, {numbers} numbers", "{tensors} 个张量，共 {numbers} 个数"),
    "tensors_next": (
        'Into a model: cr.load_weights(model, "{file}", x)',
        '载入模型：cr.load_weights(model, "{file}", x)',
    ),
    "layer": ("layer", "层"),
    "what_layer": ("what", "内容"),
    "output": ("output", "输出"),
    "parameters": ("parameters", "参数"),
    "parameter_count": ("{count} parameters", "共 {count} 个参数"),
    "how_trained": (
        "loss {loss}; {optimizer}; penalty {penalty}",
        "损失 {loss}；{optimizer}；惩罚 {penalty}",
    ),
    "none": ("none", "无"),
    "end_epochs": (
        "All {epochs} epochs done; kept are the weights of epoch {best}.",
        "{epochs} 轮全部完成，保留第 {best} 轮的权重。",
    ),
    "end_early_stopping": (
        "Stopped after epoch {epochs}: no improvement any more; kept are the weights of epoch {best}.",
        "第 {epochs} 轮后停止：不再改进；保留第 {best} 轮的权重。",
    ),
    "end_converged": (
        "Stopped after epoch {epochs}: the loss has converged.",
        "第 {epochs} 轮后停止：损失已收敛。",
    ),
    "end_callback": ("Stopped after epoch {epochs}, as asked.", "按要求在第 {epochs} 轮后停止。"),
    "interrupted": (
        "Interrupted; everything is saved. To go on:\n  {command}",
        "已中断，进度已保存。继续训练：\n  {command}",
    ),
    "finished_already": (
        "The training in {run} is finished; nothing to do.",
        "{run} 中的训练已经完成，无事可做。",
    ),
    "result_heading": ("Result on the {test} held-out rows", "在 {test} 行留出数据上的结果"),
    "written": ("Written to {run}: {files}", "已写入 {run}：{files}"),
    "next": ("Next: chainrule predict {run} {data}", "下一步：chainrule predict {run} {data}"),
    "net_classification": ("the net", "网络"),
    "net_regression": ("the net", "网络"),
    "linear_classification": ("linear model (logistic regression)", "线性模型（逻辑回归）"),
    "linear_regression": ("linear model (ridge regression)", "线性模型（岭回归）"),
    "trivial_classification": ("always the most frequent class", "总是最常见的类别"),
    "trivial_regression": ("always the mean", "总是均值"),
    "metric_accuracy": ("accuracy", "准确率"),
    "metric_balanced_accuracy": ("balanced accuracy", "平衡准确率"),
    "metric_precision": ("precision", "精确率"),
    "metric_recall": ("recall", "召回率"),
    "metric_f1": ("F1", "F1"),
    "metric_roc_auc": ("ROC-AUC", "ROC-AUC"),
    "metric_pr_auc": ("PR-AUC", "PR-AUC"),
    "metric_r2": ("R2", "R2"),
    "metric_rmse": ("RMSE", "RMSE"),
    "metric_mae": ("MAE", "MAE"),
    **REPORT,
    # evaluate, check, show, explain, example
    "evaluated": ("{rows} rows of {data}", "{data}，{rows} 行"),
    "trivial_classification_is": (
        "The most frequent class of the training rows: {label}",
        "训练数据中最常见的类别：{label}",
    ),
    "trivial_regression_is": ("The mean of the training rows: {mean}", "训练数据的均值：{mean}"),
    "gravity": ("gravity", "程度"),
    "finding": ("finding", "发现"),
    "rules": ("rules: problems of trainings that numbers can show", "规则：可由数值判断的训练问题"),
    "rule": ("rule", "规则"),
    "rule_when": ("looks", "时机"),
    "rule_threshold": ("speaks when", "阈值"),
    "rule_source": ("source", "来源"),
    "rule_why": ("why", "原因"),
    "rule_try": ("try", "尝试"),
    "rule_page": ("page", "页面"),
    "rule_evidence": ("evidence", "证据"),
    "report_doctor": ("Diagnosis", "诊断"),
    "report_well": (
        "The doctor looked before the training, while it ran and at its end: nothing found.",
        "训练前、训练中和结束时的检查都未发现问题。",
    ),
    "check_net": (
        'the hidden layers of a net whose first steps are looked at too: "64 relu"',
        "同时检查以此为隐藏层的网络的最初几步，如“64 relu”",
    ),
    "check_heading": ("A net on this data", "此数据上的网络"),
    "net_well": ("Before training and in the first steps: nothing found.", "训练前和最初几步：未发现问题。"),
    "nothing_found": ("{rows} rows looked at; nothing found.", "检查了 {rows} 行，没有发现问题。"),
    "severity_error": ("error", "错误"),
    "severity_warning": ("warning", "警告"),
    "severity_info": ("note", "提示"),
    "fact": ("fact", "事实"),
    "value": ("value", "值"),
    "fact_data": ("data", "数据"),
    "fact_steps": ("updates", "更新次数"),
    "fact_batch_size": ("batch size", "批量大小"),
    "history_end": ("The last epochs", "最后几轮"),
    "black_box": ("What ended the training", "训练因何中断"),
    "formula": ("Formula", "公式"),
    "block_Shapes": ("Shapes", "形状"),
    "block_Numerics": ("Numerics", "数值特性"),
    "block_Cost": ("Cost", "开销"),
    "block_Fails": ("Fails", "错误"),
    "block_Reference": ("Reference", "出处"),
    "block_example": ("Example", "示例"),
    "models": ("models: the named networks of the field", "模型：各著名网络"),
    "figure": ("The net", "网络结构"),
    "model_count": ("{count} parameters", "{count} 个参数"),
    "arguments": ("Arguments", "参数"),
    "argument": ("argument", "参数"),
    "default": ("default", "默认值"),
    "meaning": ("meaning", "含义"),
    "elsewhere": ("In other libraries", "其他库中的名称"),
    "series_f": ("f", "f"),
    "series_f′": ("f′", "f′"),
    "series_rate": ("rate", "学习率"),
    "backward": ("Backward (dy: the gradient that arrives)", "反向（dy 为传来的梯度）"),
    "constraints": ("Constraints", "约束"),
    "batch": ("Samples", "样本"),
    "no_gradient": ("no gradient", "无梯度"),
    "batch_apart": ("stay apart", "各自独立"),
    "batch_reduced": ("are joined into one result", "合并为一个结果"),
    "batch_shared": ("do not matter: the result is the same for all", "与样本无关，结果对所有样本相同"),
    "batch_whole": ("must all be there at once", "必须同时给出全部样本"),
    "page_written": ("Written to {file}", "已写入 {file}"),
    "profile_without_data": (
        "The rows of {data} cannot be had ({reason}); random rows instead.",
        "无法读取 {data}（{reason}）；改用随机数据。",
    ),
    "example_article": (
        "the article's 2-3-1 network: every partial derivative, derived",
        "文章中的 2-3-1 网络：推导每一个偏导数",
    ),
    "example_moons": (
        "two interleaved half circles, told apart by a small net",
        "用小网络区分两个交错的半圆",
    ),
    "example_digits": ("handwritten digits of 8 x 8 pixels, read by a net", "用网络识别 8×8 像素的手写数字"),
    "example_fashion-mnist": (
        "pictures of clothes told apart by four nets, each deeper than the last",
        "用四个由浅入深的网络识别服装图片",
    ),
    "example_alexnet": (
        "AlexNet, 57 million parameters, learns enlarged pictures of clothes: some hundred updates",
        "AlexNet（5700 万个参数）学习放大后的服装图片：几百次更新",
    ),
    "example_translate": (
        "a Transformer that translates menus and messages into Chinese",
        "把菜单和消息译成中文的 Transformer",
    ),
    "example_poems": (
        "a small GPT learns Tang poems, is judged beside n-grams, and writes its own (--acrostic 春夏秋冬)",
        "小型 GPT 学写唐诗，与 n 元模型比较，并写出自己的诗（--acrostic 春夏秋冬）",
    ),
    "stopped": ("Stopped.", "已停止。"),
    "unexpected": (
        "unexpected {kind}: {text} (a fault of chainrule; --debug shows the traceback)",
        "意外错误 {kind}：{text}（chainrule 的缺陷；--debug 显示出错位置）",
    ),
}


def say(key: str) -> str:
    """The text of a key in the user's language.

    Example:
        >>> with settings.using(lang="zh"):
        ...     say("metric_accuracy")
        '准确率'
    """
    return WORDS[key][1 if settings.lang == "zh" else 0]
