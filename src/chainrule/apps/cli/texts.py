"""Every text of the command line, in English and Chinese, side by side.

A text is named by its key; ``say`` gives it in the language of ``settings.lang``. Words in braces are filled
in by the place that shows the text.
"""

from __future__ import annotations

from chainrule.apps.cli.option_texts import OPTION
from chainrule.apps.report.texts import REPORT
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
    **OPTION,
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
    "still_there": (
        "saved up to step {step} is whole; to go on once that is mended: {command}",
        "到第 {step} 步为止的进度完好；解决后继续：{command}",
    ),
    "finished_already": (
        "The training in {run} is finished; nothing to do.",
        "{run} 中的训练已经完成，无事可做。",
    ),
    "result_heading": ("Result on the {test} held-out rows", "在 {test} 行留出数据上的结果"),
    "written": ("Written to {run}: {files}", "已写入 {run}：{files}"),
    "next": ("Next: chainrule predict {run} {data}", "下一步：chainrule predict {run} {data}"),
    "going_on": (
        "Going on after step {step}, in epoch {epoch}.",
        "从第 {step} 步（第 {epoch} 轮）之后继续。",
    ),
    "positive": ("F1 is that of the class {label}.", "F1 是类别 {label} 的 F1。"),
    "comma": (", ", "、"),
    "aside": (" ({})", "（{}）"),
    "net_classification": ("the net", "网络"),
    "net_regression": ("the net", "网络"),
    "linear_classification": ("linear model (logistic regression)", "线性模型（逻辑回归）"),
    "linear_regression": ("linear model (ridge regression)", "线性模型（岭回归）"),
    "trivial_classification": ("always the most frequent class", "总是最常见的类别"),
    "trivial_regression": ("always the mean", "总是均值"),
    "loss": ("loss", "损失"),
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
    "evaluated_known": (
        "These are the rows the model was trained on ({training} training, {validation} validation rows): it "
        "looks better here than it is. For its results on the {test} test rows: chainrule show {run}",
        "这些正是该模型训练时所用的数据（{training} 行训练、{validation} 行验证）：此处的成绩高于实际水平。"
        "它在 {test} 行测试数据上的成绩见：chainrule show {run}",
    ),
    "trivial_regression_is": ("The mean of the training rows: {mean}", "训练数据的均值：{mean}"),
    "gravity": ("gravity", "程度"),
    "finding": ("finding", "发现"),
    "rules": ("rules: problems of trainings that numbers can show", "规则：可由数值判断的训练问题"),
    "errors": ("errors: codes of messages", "错误：消息的代码"),
    "error_codes": ("a code, E101 to E610", "代码，E101 到 E610"),
    "error_title": ("{code}: {clause}", "{code}：{clause}"),
    "rule": ("rule", "规则"),
    "rule_when": ("looks", "时机"),
    "rule_threshold": ("speaks when", "阈值"),
    "rule_source": ("source", "来源"),
    "rule_why": ("why", "原因"),
    "rule_try": ("try", "尝试"),
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
    "standardised": (
        "Training standardises the numbers of a table by itself; in arrays of your own you do it.",
        "训练时会自动标准化表格中的数字；自己准备的数组则需要先标准化。",
    ),
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
    # what the reader of the command line writes around our texts in --help
    "help_usage": ("Usage: ", "用法："),
    "help_arguments": ("Arguments:", "参数："),
    "help_options": ("Options:", "选项："),
    "help_required": ("[required]", "[必填]"),
    "help_default": ("[default: ", "[默认："),
    "help_help": ("Show this message and exit.", "显示这段说明"),
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
