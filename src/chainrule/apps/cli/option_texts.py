"""Help texts of the arguments and options of all commands, in English and Chinese."""

from __future__ import annotations

OPTION: dict[str, tuple[str, str]] = {
    "words": ("argument", "参数"),
    "predict_certify": (
        "prove each prediction for all changes of the inputs by at most RADIUS: proven, broken (with the "
        "prediction that a change leads to) or unknown",
        "证明输入改变不超过 RADIUS 时预测不变：proven（已证明）、broken（被攻破，并给出改变后的预测）"
        "或 unknown（未知）",
    ),
    "verify_network": ("ONNX file of a feed-forward network", "前馈网络的 ONNX 文件"),
    "verify_property": (
        "property in the VNN-LIB format, which describes its violations",
        "VNN-LIB 格式的性质，描述什么算违反",
    ),
    "verify_timeout": ("seconds after which the result is unknown", "超过这一秒数后结果为 unknown"),
    "verify_out": (
        "file for the counterexample, in the format of VNN-COMP",
        "保存反例的文件，采用 VNN-COMP 的格式",
    ),
    "rows_file": (
        "file (CSV, .xlsx, JSON, Parquet, Arrow, SQLite, DuckDB, .npz, also compressed), "
        "- for standard input, folder of images, or name of a data set",
        "文件（CSV、.xlsx、JSON、Parquet、Arrow、SQLite、DuckDB、.npz，可压缩）、"
        "-（标准输入）、图像文件夹或数据集名称",
    ),
    "read_delimiter": (
        "text file: delimiter, or its name: tab, space, semicolon, ...; detected by default",
        "文本文件的分隔符，或其名称：tab、space、semicolon 等；默认自动识别",
    ),
    "read_skip": (
        "lines above the header that are not read",
        "表头之上不读取的行数",
    ),
    "read_encoding": (
        "text file: encoding, such as utf-8, gb18030, windows-1252; detected by default",
        "文本文件的编码，例如 utf-8、gb18030、windows-1252；默认自动识别",
    ),
    "read_header": (
        "auto: detected; first: the first line contains the names; none: the columns are named x1, x2, ...",
        "auto；first：第一行是列名；none：没有列名，命名为 x1、x2……",
    ),
    "read_table": (
        "sheet of a workbook, table of a database, or file in an archive",
        "工作簿的工作表、数据库的表或压缩包中的文件",
    ),
    "read_query": ("SQL query of a database", "数据库的 SQL 查询"),
    "read_decimal": (
        'decimal mark, "." or ",", of numbers that could be read in two ways (1.234); detected by default',
        "可有两种读法的数字（如 1.234）的小数点，“.”或“,”；默认自动识别",
    ),
    "read_day_first": (
        "05/11/2020 is in November; the order is detected by default",
        "05/11/2020 是 11 月；日与月的先后默认自动识别",
    ),
    "read_month_first": (
        "05/11/2020 is in May; the order is detected by default",
        "05/11/2020 是 5 月；日与月的先后默认自动识别",
    ),
    "run": ("run folder of a training, or its model file", "训练结果文件夹，或其中的模型文件"),
    "target": ("column to predict", "要预测的列"),
    "net": (
        "ensemble: networks over folds, averaged; or the hidden layers of one network, such as "
        '"64 relu, dropout 0.2"; "" is a linear model',
        "ensemble：各折的网络的集成；或一个网络的隐藏层，如“64 relu, dropout 0.2”；留空为线性模型",
    ),
    "quick": ("one small network instead of an ensemble", "只训练一个小网络，不用集成"),
    "epochs": ("maximum number of epochs", "最大训练轮数"),
    "more_epochs": (
        "maximum number of epochs, at least those that are complete; by default as before",
        "最大训练轮数，不少于已完成的轮数；默认与原来相同",
    ),
    "tune_trials": ("number of trials, each of which is a training", "试验次数，每次做一次训练"),
    "tune_workers": ("number of processes; the result does not depend on it", "进程数；结果与它无关"),
    "tune_sampler": ("how settings are proposed: tpe or random", "如何选取设置：tpe 或 random"),
    "tune_resume": ("continue the search in --out with the same options", "以相同的选项继续 --out 中的搜索"),
    "resumed_run": ("run folder of a training", "训练结果文件夹"),
    "seed": (
        "seed of the split, the initial weights and the order of rows",
        "种子：决定数据划分、初始权重和行的次序",
    ),
    "engine": ("engine that runs the graphs", "计算引擎"),
    "task": (
        "classification or regression; inferred from the target by default",
        "classification 或 regression；默认由目标列推断",
    ),
    "batch_size": ("rows per update", "批量大小"),
    "learning_rate": ("learning rate", "学习率"),
    "optimizer": (
        "optimizer: sgd, adam, lion, ... (chainrule show optimizers)",
        "优化器：sgd、adam、lion 等，见 chainrule show optimizers",
    ),
    "penalty": ("strength of the L2 penalty on weights; 0 for none", "权重的 L2 惩罚强度；0 表示不用"),
    "patience": (
        "epochs without improvement before early stopping; 0 disables it",
        "早停前允许没有改进的轮数；0 表示不早停",
    ),
    "units": ("ensemble: units of each hidden layer", "集成：每个隐藏层的单元数"),
    "dropout": ("ensemble: dropout rate after each hidden layer", "集成：每个隐藏层后的 dropout 概率"),
    "weight_decay": ("ensemble: decoupled weight decay of the optimizer", "集成：优化器的解耦权重衰减"),
    "intervals": ("ensemble: intervals in which each number is encoded", "集成：给每个数编码的区间数"),
    "metric": ("additional metric: mcc, log_loss, fbeta_2, ...", "另外计算的指标：mcc、log_loss、fbeta_2 等"),
    "histograms": (
        "record distributions for the report every N epochs; 0 for never",
        "每隔 N 轮记录一次分布供报告使用；0 表示不记录",
    ),
    "class_weight": (
        "balanced: weight classes by their inverse frequency",
        "balanced：按频率的倒数给类别加权",
    ),
    "predict_interval": (
        "regression: add the columns lower and upper, which contain a new value with this probability (0.5, "
        "0.8, 0.9 or 0.95)",
        "回归：增加 lower 和 upper 两列，新值以此概率（0.5、0.8、0.9 或 0.95）落在其间",
    ),
    "predict_threshold": (
        "probability from which the second of two classes is predicted; by default that of the training",
        "两类时，概率达到多少预测为第二类；默认用训练时选定的阈值",
    ),
    "threshold": (
        "choose the threshold of two classes by f1 or youden (recall + specificity - 1); default 0.5",
        "两类时选择阈值的方法：f1 或 youden（召回率 + 特异度 - 1）；默认阈值为 0.5",
    ),
    "robust": (
        "train against changes of the inputs: adversarial (PGD), trades, interval (provable) or noise; with "
        "--radius; interval trains all epochs",
        "针对输入的改变进行训练：adversarial（PGD）、trades、interval（可证明）或 noise；"
        "需同时给出 --radius；interval 训练全部轮次",
    ),
    "radius": (
        "largest change of --robust: of images in pixels from 0 to 1 (8/255), of tables in standard "
        "deviations",
        "--robust 的最大改变：图像以 0 到 1 的像素值计（如 8/255），表格以标准差计",
    ),
    "epsilon": (
        "train with differential privacy: a bound of what the model reveals about a row; with --delta and "
        "--public",
        "使用差分隐私训练：限制模型泄露单行信息的程度；需同时给出 --delta 和 --public",
    ),
    "delta": (
        "probability with which the bound of --epsilon may fail, well below 1 / rows",
        "--epsilon 的界限可能失效的概率，应远小于 1 / 行数",
    ),
    "public_file": (
        'TOML file: what is public about the columns, age = [0, 120] or city = ["Ulm", "Bonn"] below '
        "[columns], and target = [...]",
        'TOML 文件：各列的公开信息，在 [columns] 下写 age = [0, 120] 或 city = ["Ulm", "Bonn"]，'
        "并给出 target = [...]",
    ),
    "interval_method": (
        "regression: prediction intervals as wide as the row requires (quantile) or of constant width "
        "(constant)",
        "回归：预测区间的宽度随行而变（quantile）或固定（constant）",
    ),
    "cost": (
        "costs of a false positive and a false negative, FP:FN; the threshold is FP / (FP + FN)",
        "假阳性与假阴性的代价，FP:FN；阈值为 FP / (FP + FN)",
    ),
    "learning_curve": (
        "train on 1/8, 1/4 and 1/2 of the rows, too, to see whether more rows would help",
        "另外用 1/8、1/4、1/2 的数据训练，看更多数据是否有帮助",
    ),
    "robustness": (
        "classes: attack the model within this radius and report its accuracy (standard deviations of each "
        "column, or pixels from 0 to 1)",
        "分类：在此半径内攻击模型并报告其准确率（以各列的标准差计，或以 0 到 1 的像素值计）",
    ),
    "size": (
        "image folder: height and width in pixels to which all images are resized",
        "图像文件夹：把所有图像缩放到这一高和宽（像素）",
    ),
    "augment": (
        "image folder: random transforms in every epoch: flip, crop 4, rotate 10",
        "图像文件夹：每轮随机变换图像，例如 flip, crop 4, rotate 10",
    ),
    "damaged": (
        "image folder: refuse or skip images that cannot be decoded",
        "图像文件夹：遇到无法解码的图像时拒绝（refuse）或略去（skip）",
    ),
    "category": ("column to treat as a category", "当作类别的列"),
    "number": ("column to treat as a number", "当作数值的列"),
    "date": ("column to treat as a date", "当作日期的列"),
    "text": ("column to treat as free text", "当作自由文本的列"),
    "test_file": (
        "file of the test rows; by default cross-validation scores an ensemble, and a fifth of DATA tests "
        "one network",
        "测试数据的文件；默认情况下集成由交叉验证评估，单个网络用 DATA 的五分之一测试",
    ),
    "division": (
        "how DATA is divided: random, time:COLUMN (latest rows are test rows) or group:COLUMN "
        "(all rows of a group in one part); by default random folds for an ensemble, a random fifth as test "
        "rows for one network",
        "划分方式：random（随机）、time:列名（最晚的行用于测试）或 group:列名（同组的行不分开）；"
        "默认：集成随机分折，单个网络随机取五分之一测试",
    ),
    "row_weight": ("column with the weight of each row", "各行权重所在的列"),
    "row_id": (
        "column that identifies rows: not an input, but part of the output of predict",
        "标识行的列：不作为输入，但写入 predict 的输出",
    ),
    "drop": ("column to leave out", "不使用的列"),
    "out": (
        "run folder for the result; by default a new one under runs/",
        "保存结果的文件夹；默认在 runs/ 下新建",
    ),
    "resume_out": ("continue the interrupted training in --out", "继续 --out 中被中断的训练"),
    "lang": ("language: en or zh", "语言：en 或 zh"),
    "csv": ("file for the predictions; by default they are printed", "保存预测的文件；默认输出到屏幕"),
    "only_predictions": (
        "only ids and predictions, without the other columns of DATA",
        "只输出编号列与预测，不含 DATA 的其他列",
    ),
    "damaged_cells": (
        "cells that are not what their column requires: refuse the table, skip their rows (no prediction), "
        "or missing (count them as missing); the reason is in a column of its own",
        "不符合列要求的单元格：refuse 拒绝整个表，skip 略去该行（无预测），missing 按缺失处理；"
        "原因写在单独一列",
    ),
    "proba": ("also the probability of each class", "同时给出每个类别的概率"),
    "raw": (
        "labels exactly as in the data, without the apostrophe before text that a "
        "spreadsheet reads as a formula",
        "按原样输出标签，不在电子表格可能当作公式的内容前加撇号",
    ),
    "row": ("row to explain, counted from 1", "要解释的行，从 1 开始计数"),
    "weight": ("a single weight, such as dense1.weight[0,1]", "某个权重，如 dense1.weight[0,1]"),
    "explain_step": (
        "replay an update of the training instead of a row; 1 is the first",
        "不解释某一行，而是重放训练中的某次更新：1 为第一次",
    ),
    "explain_set": (
        "effect of another value of a weight, such as dense1.weight[0,1]=0.7",
        "如果某个权重取别的值会怎样，如 dense1.weight[0,1]=0.7",
    ),
    "depth": (
        "0: why this prediction, 1: one line for each step, 2: the derivation on a page, 3: every number",
        "0 为什么是这个结果，1 每步一行，2 一页推导，3 所有数字",
    ),
    "explain_member": (
        "network of an ensemble to derive, from 1; all: the ensemble as one network",
        "要推导的集成成员，从 1 开始；all 表示把整个集成当作一个网络",
    ),
    "html": ("write an HTML page to this file", "写成网页文件"),
    "what": (
        "run folder, saved plan, weights file, building block by kind and name, error code, "
        "or network as text",
        "训练结果文件夹、保存的计划、其他库的权重文件、构件的类别和名称、错误代码，或网络描述",
    ),
    "profile": ("time of each part of a training step", "一个训练步各部分的时间"),
    "plan": (
        "execution plan of a training step: tasks, memory, cost",
        "一个训练步的执行计划：任务、内存、开销",
    ),
    "show_out": (
        "also write the profile as an image (.svg) or the plan as .json",
        "同时写出性能图（.svg）或计划（.json）",
    ),
    "inputs": ("number of input features", "输入特征数"),
    "example_name": ("name of the example", "示例名称"),
    "example_words": ("options of the example; NAME --help lists them", "该示例的选项；NAME --help 查看"),
    "attribute_data": (
        "rows, as for predict; not needed with --text",
        "数据，同 predict；用 --text 时不需要",
    ),
    "attribute_row": ("row to attribute, counted from 1; 1 by default", "要分析的行，从 1 开始；默认为 1"),
    "attribute_method": (
        "integrated_gradients, shapley, occlusion, ...",
        "方法：integrated_gradients、shapley 等",
    ),
    "attribute_target": (
        "class to attribute, or position,class; by default that of the prediction",
        "要解释的类别，或用半角逗号相连的位置与类别；默认为预测结果",
    ),
    "attribute_text": ("text model: input text", "文本模型：输入的文字"),
    "attribute_samples": ("number of samples of a sampling method", "抽样方法的抽样次数"),
    "attribute_exact": ("exact Shapley values, at most 12 columns", "精确的 Shapley 值，至多 12 列"),
    "attribute_baseline": ("number of rows of DATA used as the baseline", "用作基线的 DATA 行数"),
    "attribute_importance": (
        "permutation importance: loss of accuracy when a column is shuffled",
        "置换重要性：打乱某列后效果变差多少",
    ),
    "attribute_metric": ("metric of the importance", "重要性所用的指标"),
    "attribute_repeats": ("shuffles per column", "每列打乱多少次"),
    "attribute_counterfactual": (
        'smallest changes that lead to this prediction: a class, a number, LOW..HIGH, or "*" for any other',
        "得到该预测所需的最小改变：类别、数值、下限..上限，或 * 表示任何其他预测",
    ),
    "attribute_fixed": ("column that must not change", "不可改变的列"),
    "attribute_max_changes": ("maximum number of changed columns", "至多改变多少列"),
    "labels_folds": (
        "folds of the cross-validation, 5 by default; the network is trained once for each",
        "交叉验证的折数，默认 5；每折训练一次网络",
    ),
    "labels_epochs": ("epochs of each training; by default as in RUN", "每次训练的轮数；默认与 RUN 相同"),
    "labels_seed": ("seed of folds and trainings", "分折和训练的种子"),
    "labels_out": ("also write all rows with their suggestions", "同时写出全部行及其建议"),
    "drift_reference": ("file of training rows", "训练数据文件"),
    "drift_method": (
        "also measure how strange the rows are: mahalanobis, energy or distance",
        "另外衡量各行有多陌生：mahalanobis、energy 或 distance",
    ),
    "drift_level": ("probability of a false alarm, 0.05 by default", "误报的概率，默认 0.05"),
    "drift_seed": ("seed of folds and permutations", "分折与置换的种子"),
    "drift_json": ("write the result as JSON", "将结果写为 JSON"),
    "drift_csv": ("write each test of a column as CSV", "将各列的检验写为 CSV"),
    "attack_radius": (
        "largest change: of images in pixels from 0 to 1 (8/255), of tables in standard deviations, of texts "
        "in elements of the embedding vectors",
        "最大改变：图像以 0 到 1 的像素值计（如 8/255），表格以标准差计，文本以嵌入向量的元素计",
    ),
    "attack_norm": (
        "inf: largest change of an element; 2: Euclidean length",
        "inf：单个元素的最大改变；2：欧几里得长度",
    ),
    "attack_method": (
        "ensemble (default), pgd, fgsm, apgd, apgd_dlr, apgd_targeted, square",
        "ensemble（默认）、pgd、fgsm、apgd、apgd_dlr、apgd_targeted、square",
    ),
    "attack_target_class": (
        "count only changes to this prediction; rows of the class are left out",
        "只计变为该预测的情形；该类别的行不参与",
    ),
    "attack_columns": (
        "columns of a table that may change; all numbers and categories by default",
        "表格中可以改变的列；默认为全部数值列和类别列",
    ),
    "attack_change": (
        "column that may change, with its limit in its own units (income:1000), or a category",
        "可以改变的列及其以原单位计的限度（income:1000），或一个类别列",
    ),
    "attack_rows": ("maximum number of rows, 500 by default", "最多使用多少行，默认 500"),
    "attack_steps": ("steps of an attack", "攻击的步数"),
    "attack_restarts": ("random starting points of an attack", "攻击的随机起点个数"),
    "attack_seed": ("seed of all random numbers", "随机数的种子"),
    "attack_sweep": (
        "noise, blur, contrast, missing cells, shifted columns at increasing severity",
        "逐渐加重的噪声、模糊、低对比度、缺失单元格、整列偏移",
    ),
    "attack_html": (
        "file for the page; by default attack.html or corruptions.html in RUN",
        "页面文件；默认为 RUN 中的 attack.html 或 corruptions.html",
    ),
    "attack_out": ("also write the rows of a table with changed cells", "同时写出改变了单元格的表格行"),
    "generate_text": ("prompt; empty to generate from scratch", "要续写的文字；留空则从头生成"),
    "generate_max_new_tokens": ("maximum number of new tokens", "最多生成多少个新词元"),
    "generate_temperature": (
        "sampling temperature, above 0: below 1 more predictable, above 1 more varied",
        "抽样温度，大于 0：小于 1 更确定，大于 1 更多样",
    ),
    "generate_top_k": ("sample from the k most likely tokens", "只在最可能的 k 个词元中抽样"),
    "generate_top_p": (
        "nucleus sampling: most likely tokens up to this cumulative probability",
        "核采样：只在累计概率达到此值的最可能词元中抽样",
    ),
    "generate_min_p": (
        "only tokens whose probability is at least this fraction of the highest",
        "只取概率不低于最大概率此倍数的词元",
    ),
    "generate_repetition_penalty": (
        "above 1: penalize tokens that have occurred",
        "大于 1：抑制已出现的词元",
    ),
    "generate_greedy": ("always take the most likely token", "总选最可能的词元"),
    "generate_num_beams": ("number of beams of a beam search", "束搜索的束宽"),
    "generate_samples": ("number of texts", "生成几段文本"),
    "generate_seed": ("seed of the sampling", "抽样的种子"),
    "plot_kind": (
        "kind of plot: graph, learning_curves, confusion_matrix, ...",
        "图的种类：graph、learning_curves、confusion_matrix 等",
    ),
    "plot_data": ("rows, for plots that need data", "数据，部分图需要"),
    "plot_out": (
        "file: .svg, .png or .pdf; without it the plot is printed as text",
        "图片文件：.svg、.png 或 .pdf；省略则以文字显示",
    ),
    "plot_of": (
        "two features of a decision boundary (a,b), or the path of a layer",
        "决策边界的两个特征（a,b），或层的路径",
    ),
}
