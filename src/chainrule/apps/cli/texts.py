"""The texts of the command line in English and Chinese, by key.

``text_of`` returns a text in the language of ``settings.lang``; its fields in braces are filled by the
caller.
"""

from __future__ import annotations

from typing import Any

from chainrule.apps.cli.audit_texts import AUDIT
from chainrule.apps.cli.example_texts import EXAMPLE
from chainrule.apps.cli.option_texts import OPTION
from chainrule.apps.cli.prediction_texts import PREDICTIONS
from chainrule.apps.cli.privacy_texts import PRIVATE
from chainrule.apps.cli.question_texts import QUESTIONS
from chainrule.apps.cli.robustness_texts import ROBUSTNESS
from chainrule.apps.cli.score_texts import SCORES
from chainrule.apps.cli.tuning_texts import TUNING
from chainrule.apps.cli.uncertainty_texts import UNCERTAINTY
from chainrule.apps.cli.verification_texts import VERIFICATION
from chainrule.apps.report.texts import REPORT
from chainrule.plural import English
from chainrule.settings import settings
from chainrule.spacing import Chinese

WORDS: dict[str, tuple[str, str]] = {
    # commands
    "usage": (
        "chainrule COMMAND ...: neural networks that train, explain and ship",
        "chainrule 命令 ...：训练、解释、交付神经网络",
    ),
    "usage_end": (
        "Run `chainrule COMMAND --help` for details. --lang zh|en sets the language, --debug "
        "shows tracebacks.",
        "chainrule 命令 --help 查看详情。--lang zh|en 选择语言，--debug 显示出错位置。",
    ),
    "train": ("train a network on a table and compare it with baselines", "用表格训练网络，并与基线方法比较"),
    "predict": ("predict every row of a table", "对表格的每一行给出预测"),
    "resume": (
        "resume a training, also one that is complete, with more epochs",
        "继续训练；已完成的训练也可增加轮数后继续",
    ),
    "evaluate": ("evaluate a model on a table with known labels", "在有标签的表格上评估模型"),
    "explain": ("derive one prediction and its gradients, number by number", "逐个数字推导一个预测及其梯度"),
    "show": (
        "show a RUN, a building block (layer NAME, ...), all of a kind (layers, models), an "
        "error code (error E203) or a network (net WORDS)",
        "显示训练结果、构件（layer 名称等）、某类构件（layers）、错误代码（error E203）或网络（net 描述）",
    ),
    "attribute": (
        "attribute a prediction to its inputs, measure importance, or find counterfactuals",
        "说明预测由哪些输入而来、哪些列重要，或怎样改变才会得到另一预测",
    ),
    "generate": ("generate text with a language model", "用语言模型续写文字"),
    "plot": ("plot a network, its training or its predictions", "画出网络、训练过程或预测结果的图"),
    **VERIFICATION,
    **PRIVATE,
    **UNCERTAINTY,
    "check": (
        "check data for common problems; with --net also the first steps of a training",
        "检查数据中的常见问题；加 --net 时也检查训练的最初几步",
    ),
    "doctor": ("diagnose a training and suggest fixes", "诊断一次训练的问题并给出建议"),
    "data": (
        "list the data sets of the examples, download one (get NAME), or print its path (where NAME)",
        "列出示例的数据集，下载其中一个（get 名称），或显示其路径（where 名称）",
    ),
    "data_action": ("list, get or where", "list（列出）、get（下载）或 where（路径）"),
    "data_name": ("name of a data set", "数据集名称"),
    "data_set": ("data set", "数据集"),
    "data_contents": ("contents", "内容"),
    "data_copy": ("copy", "副本"),
    "data_here": ("yes", "已有"),
    "data_credit": ("Source: {credit}. License: {license}.", "来源：{credit}。许可：{license}。"),
    "data_checksum": (
        "SHA-256 of the names and contents of these files: {digest}",
        "这些文件的名称与内容的 SHA-256：{digest}",
    ),
    "data_md5": ("MD5 of the download, as published: {digest}", "下载文件的 MD5（由发布者给出）：{digest}"),
    "data_unchecked": (
        "No checksum: the address names a commit, but the files are not compared.",
        "没有校验和：地址指定了一次提交，但文件内容不作核对。",
    ),
    "data_source": ("Downloaded from {source}; files {members}", "下载自 {source}；所用文件：{members}"),
    "example": ("list the examples, or run one", "列出或运行示例"),
    **OPTION,
    **TUNING,
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
    "range_and_mean": ("{low} … {high}, mean {mean}", "{low} … {high}，均值 {mean}"),
    "as_features": ("; features: {features}", "；特征：{features}"),
    "kind_number": ("number", "数字"),
    "kind_category": ("category", "类别"),
    "kind_yes_no": ("yes/no", "是/否"),
    "kind_image": ("image", "图像"),
    "kind_date": ("date", "日期"),
    "kind_time": ("time", "时刻"),
    "kind_duration": ("duration", "时长"),
    "kind_text": ("text", "文本"),
    "kind_constant": ("constant, ignored", "常数，未使用"),
    "kind_id": ("id, ignored", "编号，未使用"),
    "kind_empty": ("empty, ignored", "空列，未使用"),
    "is_target": ("target", "目标"),
    "more_columns": ("... and {count} more; report.html lists all", "……另有 {count} 列，见 report.html"),
    "split": (
        "{training} training, {validation} validation (early stopping), {test} test rows (seed {seed})",
        "{training} 行训练，{validation} 行验证（用于早停），{test} 行测试（种子 {seed}）",
    ),
    "split_time": (", divided by time: {column}", "，按时间“{column}”划分"),
    "split_group": (", divided by group: {column}", "，按组“{column}”划分"),
    "split_scored": ("; {scored} of the rows are scored", "；其中 {scored} 行参与评估"),
    "split_test": ("; the test rows are those of {file}", "；测试数据来自 {file}"),
    "comparing": (
        "Training the baselines for comparison, on {rows:,} rows of {features:,} features.",
        "正在训练用于比较的基线：{rows:,} 行、{features:,} 个特征。",
    ),
    "test_again": (
        "These test rows have been used before. Choosing among trainings by their score makes it "
        "too optimistic.",
        "这些测试数据已经用过。若据此在多次训练中挑选，结果会偏于乐观。",
    ),
    "split_folds": (
        "{rows} rows in {folds} folds: each of the {networks} networks is trained on {trained} folds, "
        "stopped on one and scored on one (seed {seed})",
        "{rows} 行分为 {folds} 折：{networks} 个网络各用 {trained} 折训练，一折用于早停，一折用于评估"
        "（种子 {seed}）",
    ),
    "split_folds_and_test": (
        "{rows} training rows in {folds} folds: each of the {networks} networks is trained on all folds but "
        "two and stopped on one; {test} test rows (seed {seed})",
        "{rows} 行训练数据分为 {folds} 折：{networks} 个网络各用除两折以外的数据训练，一折用于早停；"
        "{test} 行测试（种子 {seed}）",
    ),
    "net_heading": ("Network", "网络"),
    "tensor": ("tensor", "张量"),
    "shape": ("shape", "形状"),
    "dtype": ("dtype", "数据类型"),
    "tensor_count": ("{tensors} tensors, {numbers} values", "{tensors} 个张量，共 {numbers} 个数"),
    "tensors_next": (
        'Load into a model: cr.load_weights(model, "{file}", x)',
        '载入模型：cr.load_weights(model, "{file}", x)',
    ),
    "layer": ("layer", "层"),
    "what_layer": ("type", "类型"),
    "output": ("output", "输出"),
    "parameters": ("parameters", "参数"),
    "parameter_count": ("{count} parameters", "共 {count} 个参数"),
    "how_trained": (
        "loss {loss}; {optimizer}; penalty {penalty}",
        "损失 {loss}；{optimizer}；惩罚 {penalty}",
    ),
    "none": ("none", "无"),
    "end_epochs": ("Completed all {epochs} epochs", "{epochs} 轮全部完成"),
    "end_early_stopping": ("Early stopping at epoch {epochs}", "第 {epochs} 轮早停"),
    "kept_all": (".", "。"),
    "kept_last": (
        "; the last one has the best weights, so that more epochs may help.",
        "，最后一轮的权重最好，增加轮数可能更好。",
    ),
    "kept_epoch": ("; restored the best weights (epoch {best}).", "；已恢复最佳权重（第 {best} 轮）。"),
    "kept_members": ("; restored the best weights of each network.", "；已恢复每个网络的最佳权重。"),
    "weights_of_epoch": ("{low}, the best", "第 {low} 轮（最佳）"),
    "weights_of_last": ("{low}, the last", "第 {low} 轮（最后）"),
    "weights_of_members": (
        "{low} to {high}, the best of each network",
        "第 {low} 到 {high} 轮，每个网络各取最佳",
    ),
    "weights_of_all_members": ("{low}, the best of each network", "第 {low} 轮，对每个网络都是最佳"),
    "all_rows": ("all rows", "全部"),
    "kinds": ("Weights of the kinds of networks: {kinds}.", "各类网络的权重：{kinds}。"),
    "kinds_joined": (", ", "、"),
    "kind_plain": ("plain", "普通"),
    "kind_intervals": ("with intervals", "分区间"),
    "kind_linear": ("linear", "线性"),
    "interrupted": (
        "Interrupted; all progress is saved. To continue:\n  {command}",
        "已中断，进度已保存。继续训练：\n  {command}",
    ),
    "progress_saved": (
        "progress up to step {step} is saved; continue after the fix: {command}",
        "到第 {step} 步为止的进度已保存；解决后继续：{command}",
    ),
    "finished_already": (
        "The training in {run} is complete. To continue with more epochs:\n  {command}",
        "{run} 中的训练已经完成。增加轮数继续训练：\n  {command}",
    ),
    "result_heading": ("Result on the {test} test rows", "在 {test} 行测试数据上的结果"),
    "result_heading_folds": (
        "Result of cross-validation on {test} rows, each predicted by networks that it did not influence",
        "{test} 行的交叉验证结果，每行由未受其影响的网络预测",
    ),
    "written": ("Written to {run}: {files}", "已写入 {run}：{files}"),
    "next": ("Next: chainrule predict {run} {data}", "下一步：chainrule predict {run} {data}"),
    "stopped_early": (
        "Early stopping ended the training in {run} after epoch {epochs}, and with more epochs it ends "
        "there, too. To train longer, start a training without early stopping:\n  {command}",
        "{run} 中的训练已在第 {epochs} 轮早停，增加轮数也会在那里结束。"
        "若要训练更久，请重新训练且不用早停：\n  {command}",
    ),
    "resuming": (
        "Resuming after step {step}, in epoch {epoch}.",
        "从第 {step} 步（第 {epoch} 轮）之后继续。",
    ),
    "positive": ("F1 of the class {label}.", "F1 是类别 {label} 的 F1。"),
    "aside": (" ({})", "（{}）"),
    "net_classification": ("network", "网络"),
    "net_regression": ("network", "网络"),
    "linear_classification": ("linear model (logistic regression)", "线性模型（逻辑回归）"),
    "linear_regression": ("linear model (ridge regression)", "线性模型（岭回归）"),
    "boosting_classification": ("gradient boosting (scikit-learn)", "梯度提升（scikit-learn）"),
    "boosting_regression": ("gradient boosting (scikit-learn)", "梯度提升（scikit-learn）"),
    "no_boosting": (
        "Gradient boosting is left out: {rows} x {columns} inputs would take longer than a minute.",
        "未与梯度提升比较：{rows} x {columns} 个输入需要一分钟以上。",
    ),
    "trivial_classification": ("most frequent class", "最常见的类别"),
    "trivial_regression": ("training mean", "训练均值"),
    "loss": ("loss", "损失"),
    "history_epoch": ("epoch", "轮"),
    "history_loss": ("loss", "损失"),
    "history_data_loss": ("data loss", "不含惩罚的损失"),
    "history_validation": ("validation ", "验证"),
    "metric_accuracy": ("accuracy", "准确率"),
    "metric_balanced_accuracy": ("balanced accuracy", "平衡准确率"),
    "metric_precision": ("precision", "精确率"),
    "metric_recall": ("recall", "召回率"),
    "metric_f1": ("F1", "F1"),
    "metric_roc_auc": ("ROC-AUC", "ROC-AUC"),
    "metric_log_loss": ("log-loss", "对数损失"),
    "metric_pr_auc": ("PR-AUC", "PR-AUC"),
    "metric_r2": ("R2", "R2"),
    "metric_rmse": ("RMSE", "RMSE"),
    "metric_mae": ("MAE", "MAE"),
    **REPORT,
    **ROBUSTNESS,
    **AUDIT,
    **SCORES,
    **PREDICTIONS,
    **QUESTIONS,
    # evaluate, check, show, explain, example
    "evaluated": ("{rows} rows of {data}", "{data}，{rows} 行"),
    "trivial_classification_is": (
        "Most frequent class of the training rows: {label}",
        "训练数据中最常见的类别：{label}",
    ),
    "weighted_by": ('Rows are weighted by "{column}".', "各行按“{column}”加权。"),
    "drift_title": (
        "Differences from the training rows",
        "与训练数据的差异",
    ),
    "drift_column": ("column", "列"),
    "drift_what": ("difference", "差异"),
    "drift_values": ("values", "数量"),
    "drift_example": ("example", "示例"),
    "drift_training": ("in training", "训练时"),
    "drift_is_missing": ("missing", "缺失"),
    "drift_is_below": ("below the range", "低于范围"),
    "drift_is_above": ("above the range", "高于范围"),
    "drift_is_unseen": ("did not occur", "未出现过"),
    "drift_range": ("{low} to {high}", "{low} 到 {high}"),
    "drift_levels": ("{count} levels", "{count} 种值"),
    "drift_more": ("and {count} more", "另有 {count} 项"),
    "evaluated_known": (
        "The model was trained on these rows ({training} training, {validation} validation "
        "rows), so these results are too optimistic. Results on the {test} test rows: "
        "chainrule show {run}",
        "该模型正是用这些数据训练的（{training} 行训练、{validation} 行验证），因此结果偏于乐观。它在 {test} "
        "行测试数据上的结果见：chainrule show {run}",
    ),
    "evaluated_known_folds": (
        "The model was trained on these rows, so these results are too optimistic. Results of "
        "cross-validation: chainrule show {run}",
        "该模型正是用这些数据训练的，因此结果偏于乐观。交叉验证的结果见：chainrule show {run}",
    ),
    "trivial_regression_is": ("Mean of the training rows: {mean}", "训练数据的均值：{mean}"),
    "severity": ("severity", "严重程度"),
    "finding": ("finding", "发现"),
    "rule_times": ("Checked", "检查的时间"),
    "rules": ("rules: problems of a training that can be measured", "规则：可由数值判断的训练问题"),
    "on_command_line": ("On the command line", "在命令行中尝试"),
    "errors": ("errors: codes of error messages", "错误：错误信息的代码"),
    "error_codes": ("a code, {first} to {last}", "代码，{first} 到 {last}"),
    "error_title": ("{code}: {clause}", "{code}：{clause}"),
    "rule": ("rule", "规则"),
    "rule_when": ("checked", "时机"),
    "rule_threshold": ("condition", "条件"),
    "rule_source": ("source", "来源"),
    "rule_why": ("cause", "原因"),
    "rule_try": ("fix", "修正"),
    "rule_end": ("at the end", "结束时"),
    "rule_evidence": ("evidence", "证据"),
    "report_doctor": ("Diagnosis", "诊断"),
    "doctor_scope": (
        "The rules check how the training ran. The scores beside the baselines: chainrule show {run}",
        "规则检查的是训练过程。与基线方法比较的分数见：chainrule show {run}",
    ),
    "report_ok": (
        "Checks before, during and after the training found nothing.",
        "训练前、训练中和结束时的检查都未发现问题。",
    ),
    "check_net": (
        'hidden layers of a network whose first steps are checked too: "64 relu"',
        "同时检查以此为隐藏层的网络的最初几步，如“64 relu”",
    ),
    "check_heading": ("Network on this data", "此数据上的网络"),
    "net_ok": (
        "Checks before training and of the first steps found nothing.",
        "训练前和最初几步的检查未发现问题。",
    ),
    "standardized": (
        "`chainrule train` standardizes the numbers of a table; standardize your own arrays yourself.",
        "chainrule train 会自动标准化表格中的数值；自己准备的数组则需要先标准化。",
    ),
    "nothing_found": ("Checked {rows} rows; found nothing.", "检查了 {rows} 行，没有发现问题。"),
    "severity_error": ("error", "错误"),
    "severity_warning": ("warning", "警告"),
    "severity_info": ("note", "提示"),
    "fact": ("fact", "事实"),
    "value": ("value", "值"),
    "fact_data": ("data", "数据"),
    "fact_training_rows": ("training rows", "训练行数"),
    "fact_kinds": ("weights of the kinds of networks", "各类网络的权重"),
    "fact_privacy": ("privacy", "隐私"),
    "fact_steps": ("updates", "更新次数"),
    "fact_batch_size": ("batch size", "批量大小"),
    "history_end": ("Last epochs", "最后几轮"),
    "nonfinite": ("Why the training stopped", "训练因何停止"),
    "formula": ("Formula", "公式"),
    "block_Shapes": ("Shapes", "形状"),
    "block_Tasks": ("Tasks", "任务"),
    "task_classification": ("classification", "分类"),
    "task_multilabel": ("multilabel", "多标签"),
    "task_distribution": ("distribution", "分布"),
    "task_regression": ("regression", "回归"),
    "reads_classes": ("classes", "类别"),
    "reads_probabilities": ("probabilities", "概率"),
    "reads_values": ("values", "数值"),
    "block_Numerics": ("Numerics", "数值特性"),
    "block_Cost": ("Cost", "开销"),
    "block_Raises": ("Raises", "错误"),
    "block_Reference": ("Reference", "出处"),
    "block_example": ("Example", "示例"),
    "models": ("models: published architectures", "模型：已发表的网络结构"),
    "figure": ("Diagram", "结构图"),
    "model_count": ("{count} parameters", "{count} 个参数"),
    "arguments": ("Arguments", "参数"),
    "argument": ("argument", "参数"),
    "default": ("default", "默认值"),
    "meaning": ("description", "含义"),
    "elsewhere": ("In other libraries", "其他库中的名称"),
    "series_f": ("f", "f"),
    "series_f′": ("f′", "f′"),
    "series_rate": ("rate", "学习率"),
    "backward": ("Backward (dy: incoming gradient)", "反向（dy 为传来的梯度）"),
    "constraints": ("Constraints", "约束"),
    "batch": ("Batch", "批"),
    "no_gradient": ("no gradient", "无梯度"),
    "batch_apart": ("samples are independent", "各样本独立"),
    "batch_reduced": ("samples are reduced to one result", "各样本归约为一个结果"),
    "batch_shared": ("the result is the same for all samples", "结果对所有样本相同"),
    "batch_whole": ("needs the whole batch at once", "需要整个批"),
    "explain_next": (
        "More:\n  {command} --depth 2\n      the derivation: every value and derivative of this row\n"
        "  {attribute}\n      all inputs, and other methods",
        "更多：\n  {command} --depth 2\n      推导：这一行的每个值和导数\n"
        "  {attribute}\n      全部输入与其他方法",
    ),
    "explain_next_member": (
        "More:\n  {command} --member 1\n      the derivation of network 1 of {count}\n"
        "  {command} --member all\n      the derivation of all networks as one\n"
        "  {attribute}\n      all inputs, and other methods",
        "更多：\n  {command} --member 1\n      {count} 个网络中第 1 个的推导\n"
        "  {command} --member all\n      把全部网络当作一个来推导\n"
        "  {attribute}\n      全部输入与其他方法",
    ),
    "page_written": ("Written to {file}", "已写入 {file}"),
    "profile_without_data": (
        "Cannot read the rows of {data} ({reason}); using random rows.",
        "无法读取 {data} 的数据（{reason}）；改用随机数据。",
    ),
    **EXAMPLE,
    # words of typer in --help
    "with_default": (" (default: {default})", "（默认：{default}）"),
    "by_rows": (" by the rows of the table", "（由表格行数决定）"),
    "default_of_ensemble": ("{values}", "{values}"),
    "default_of_both": ("ensemble {values}, one network {single}", "集成 {values}，单个网络 {single}"),
    "help_usage": ("Usage: ", "用法："),
    "help_arguments": ("Arguments:", "参数："),
    "help_options": ("Options:", "选项："),
    "help_required": ("[required]", "[必填]"),
    "help_default": ("[default: ", "[默认："),
    "help_help": ("Show this message and exit.", "显示这段说明"),
    "stopped": ("Stopped.", "已停止。"),
    "unexpected": (
        "unexpected {kind}: {text} (a bug in chainrule; --debug shows the traceback)",
        "意外错误 {kind}：{text}（chainrule 的缺陷；--debug 显示出错位置）",
    ),
}

WORDS = {key: (English(english), Chinese(chinese)) for key, (english, chinese) in WORDS.items()}


def sentence(key: str, **facts: Any) -> tuple[str, str]:
    """The text with this key in English and Chinese; a fact that is a pair has a text for each."""
    values = [
        {name: fact[i] if isinstance(fact, tuple) else fact for name, fact in facts.items()} for i in (0, 1)
    ]
    english, chinese = WORDS[key]
    return english.format(**values[0]), chinese.format(**values[1])


def text_of(key: str) -> str:
    """The text with this key in the language of the settings.

    Example:
        >>> with settings.using(lang="zh"):
        ...     text_of("metric_accuracy")
        '准确率'
    """
    return WORDS[key][1 if settings.lang == "zh" else 0]
