"""The public names that programs use most, with a Chinese sentence each: a page, and lines of the reference.

The English sentence is the first one of the docstring, so it is written in one place.
"""

from __future__ import annotations

import inspect
from functools import reduce

import chainrule
from pages.block_page import prose_table
from pages.page import Page, plain

CHINESE: dict[str, dict[str, str]] = {  # by the area of the reference, see ``pages.reference``
    "models": {
        "Model": "带有损失和优化器的网络。",
        "Model.fit": "训练模型。",
        "Model.predict": "返回预测：分类器返回标签，回归器返回数值（用训练表格的单位）。",
        "Model.predict_proba": "返回每个类别的概率，顺序与 ``labels`` 相同：(N, K)。",
        "Model.evaluate": "返回损失和各项指标，在有标签的样本上计算。",
        "Model.explain": "推导这些样本上的一步训练：每个值、每个梯度、更新及其效果。",
        "Model.attribute": "把一个预测归因到各个输入，并检查总和是否相符；结果可以打印。",
        "Model.attack": "寻找使分类器改变预测的微小改动。",
        "Model.certify": "证明在一个半径之内，样本的任何改动都不会改变预测的类别。",
        "Model.calibrate": "用未参与训练的样本校准分类器的概率。",
        "Model.save": "写入一个只含数据的文件：权重、网络、预处理、标签、单位、训练信息和校验和。",
        "Model.export": "写入供其他程序使用的文件，包含预处理、网络和标签；后缀决定格式。",
        "Model.summary": "返回网络的表格：每层的输出形状和参数个数。",
        "Model.initialize": "为这些输入建立计算图并采样初始参数，不训练。",
        "Model.parameters": '按路径返回参数的副本，例如 ``"dense1.weight"``。',
        "Model.load_parameters": "按路径设置参数，未提到的保持不变；下一次 ``fit`` 从它们开始。",
        "Model.trainer": "返回逐步更新的训练器（``step(x, y)``）；调用 ``commit()`` 后模型才改变。",
        "Model.studio": "在笔记本中显示模型：每个权重的推导，以及预测。",
        "load": "从文件载入模型；不执行其中的任何内容。",
        "load_keras": "载入 Keras 3 的模型，来自 ``.keras`` 或 ``.h5`` 文件。",
        "load_onnx": "载入 ONNX 文件中的网络。",
        "load_transformers": "从本地文件夹载入 transformers 库的 GPT-2、BERT 或 ViT。",
        "load_weights": "把其他库的权重文件载入模型，或为一个网络转换它。",
        "recompute": "训练时重新计算网络中的某些块，不必保存它们的激活值。",
        "replace": "替换某个路径上的层；其他部分的名称不变。",
        "replay": "重放 RUN 的训练中的一步及其全部数值。",
        "settings": "``cr.settings`` 中的设置。",
    },
    "training": {
        "train_table": "在表格上训练网络，并与基线比较。",
        "TableRun": "训练好的模型，以及它与基线的分数和由此得出的结论。",
        "Trainer": "逐步更新模型的训练器，由 ``Model.trainer`` 创建。",
        "Callback": "回调的基类；子类定义 ``start``，如需历史中的列再定义 ``watches``。",
        "Privacy": "训练的差分隐私（DP-SGD）：``fit(privacy=...)`` 的值。",
        "compare_seeds": "判断两种训练设置的分数之差是否小于种子之间的波动。",
    },
    "estimators": {
        "TabularClassifier": "对表格的行分类的神经网络，具有 scikit-learn 的接口。",
        "TabularRegressor": "由表格的行预测数值的神经网络，具有 scikit-learn 的接口。",
    },
    "graphs": {
        "input": "返回计算图的一个有名称的输入。",
        "constant": "把固定的数组作为节点返回。",
        "grad": "返回一个标量对各输入的梯度，梯度也是节点。",
        "jvp": "返回雅可比向量积：``inputs`` 按 ``tangents`` 变化时 ``output`` 的导数。",
        "vmap": "返回一个函数，它把 ``function`` 应用于参数某个轴上的每个元素。",
        "scan": "对序列的每一格重复一步，每次使用上一步的状态。",
        "evaluate": "返回节点的值。",
        "formula": "返回节点的公式。",
        "compile": "编译计算图。",
        "check_gradient": "把节点函数的梯度与中心差分比较，用 float64 计算。",
        "parity": "逐个节点比较参考实现、解释执行的内核源码和机器码。",
        "Graph": "有名称的输出，以及它们需要的全部节点。",
        "Node": "计算图中的一个值：运算（``op``）、输入和规格。",
    },
    "data": {
        "read_table": "读取表格：来自文件、图像文件夹、数据框、数组或内置数据集的名称。",
        "read_images": "把图像文件夹或一个有名称的图像集读成表格。",
        "read_sounds": "读取声音文件夹（每类一个子文件夹），得到频谱图。",
        "check": "检查数据中的常见问题；返回发现，最严重的在前。",
        "stream": "返回一轮的各个批量，由线程预先读取，与内存中的数据相同。",
        "map_array": "把 ``.npy`` 文件映射为只读数组。",
        "pad_sequences": "把不同长度的序列填充成一个数组。",
        "windows": "把一个序列切成窗口。",
        "text_rows": "返回语言模型的行，每行属于一篇文本。",
        "Tokenizer": "分词器及其词表，由 ``Tokenizer.learn`` 创建。",
    },
    "generation": {
        "generate": "接着提示生成：采样、贪心或束搜索。",
        "Greedy": "选择概率最大的词元；有几个时选编号最小的。",
        "Temperature": "分数除以温度，使分布更尖或更平。",
        "TopK": "只保留概率最大的 k 个词元。",
        "TopP": "核采样：总概率不小于 p 的最小词元集合。",
    },
    "explanations": {
        "Attribution": "每个输入对预测的贡献。打印得到文本；笔记本显示 HTML。",
        "metric": "按名称取得一个指标，用目标和预测调用。",
        "sanity": "检验权重或训练标签随机时，归因是否改变。",
    },
}
WIDTH = 60  # characters of arguments
PATH = "reference/common.md"
_INTRO = """# The names used most

The public names that programs use most, in both languages, with their arguments. The name links to its full
description; each [layer](../blocks/layer/index.md) and each other block has a page.

常用的公开名称，中英文对照，附参数。点击名称查看完整说明；
[层](../blocks/layer/index.md)等构件各有自己的页面。"""


def summary(name: str) -> str:
    """The first sentence of the docstring of a public name."""
    text = (inspect.getdoc(_entry(name)) or "").partition("\n\n")[0]
    return " ".join(text.split())


def signature(name: str) -> str:
    """The arguments of a public name without their types; of many, those without a default.

    Example:
        >>> signature("grad")
        "(output, inputs, unused='error')"
        >>> signature("train_table")
        '(data, …)'
    """
    entry = _entry(name)
    if not callable(entry):
        return ""
    parameters = inspect.signature(entry).parameters.values()
    plain_ones = [p.replace(annotation=inspect.Parameter.empty) for p in parameters if p.name != "self"]
    if len(text := str(inspect.Signature(plain_ones))) <= WIDTH:
        return text
    needed = [
        p.name
        for p in plain_ones
        if p.default is inspect.Parameter.empty and p.kind <= p.POSITIONAL_OR_KEYWORD
    ]
    return f"({', '.join([*needed, '…'])})"


def _entry(name: str) -> object:
    return reduce(getattr, name.split("."), chainrule)


def common_page(titles: dict[str, str]) -> Page:
    """The page of the names.

    Args:
        titles: the title of each area.
    """
    parts = [_INTRO]
    for area, names in CHINESE.items():
        rows = [
            (
                f"[{plain(name)}]({area}.md#{name.partition('.')[0].lower()})",
                f"`{signature(name)}`" if signature(name) else "",
                f"{plain(summary(name))} {plain(text)}",
            )
            for name, text in names.items()
        ]
        parts += [f"## {titles[area]}", prose_table(("name 名称", "arguments 参数", "meaning 含义"), rows)]
    return Page(PATH, "\n\n".join(parts) + "\n")
