"""Write the tables of docs/trust.zh.md from those of docs/trust.md, with translated words.

Run it as ``python -m pages.trust`` after a campaign that writes docs/trust.md. The tables of a section of the
English page replace what is between the marks with its heading in the Chinese page, so that no number is
typed twice.
"""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
ENGLISH, CHINESE = DOCS / "trust.md", DOCS / "trust.zh.md"
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
PLACE = re.compile(r'(<!-- tables of "(.+?)" -->\n)(.*?)(<!-- end of tables -->\n)', re.DOTALL)
WORDS = {
    "training": "训练",
    "seeds": "种子数",
    "accuracy, mean": "平均准确率",
    "lowest": "最低",
    "epsilon": "ε",
    "steps": "步数",
    "noise multiplier": "噪声倍数",
    "CPU time each": "每次的 CPU 时间",
    "scattering transform, linear, private": "散射变换，线性，隐私训练",
    "network": "网络",
    "library": "库",
    "private": "隐私训练",
    "ratio": "倍数",
    "convolutional": "卷积",
    "fully connected": "全连接",
    "chainrule": "chainrule",
    "PyTorch, Opacus": "PyTorch、Opacus",
    "epochs": "轮数",
    "accuracy": "准确率",
    "under attack": "攻击下",
    "proven": "已证明",
    "CPU time of the training": "训练的 CPU 时间",
    "plain": "普通",
    "adversarial (PGD, 7 steps)": "对抗（PGD，7 步）",
    "interval": "区间",
    "published, MNIST at 0.1: IBP (Gowal et al., 2018, arXiv; 2019, ICCV)": (
        "已发表，MNIST，0.1：IBP（Gowal 等，2018，arXiv；2019，ICCV）"
    ),
    "published, MNIST at 0.3: IBP (Gowal et al., 2018, arXiv; 2019, ICCV)": (
        "已发表，MNIST，0.3：IBP（Gowal 等，2018，arXiv；2019，ICCV）"
    ),
    "published": "已发表的结论",
    "instances": "实例数",
    "median time of decided (s)": "已判定者的中位时间（秒）",
    "verdict": "结论",
    "time (s)": "时间（秒）",
    "confirmed": "已确认",
    "yes": "是",
    "property": "性质",
    "holds": "成立",
    "violated": "违反",
    "unknown": "未知",
    "median time (s)": "中位时间（秒）",
    "longest decided (s)": "最长（秒）",
    "boxes": "盒数",
    "broken": "被攻破",
    "refuted by PGD": "被 PGD 推翻",
    "by square attack": "被方形攻击推翻",
    "by points": "被点推翻",
    "points": "点数",
    "relu": "relu",
    "tanh": "tanh",
    "gelu": "gelu",
    "leaky_relu": "leaky_relu",
    "images, max pooling": "图像，最大汇聚",
    "images, average pooling": "图像，平均汇聚",
    "radius": "半径",
    "correct": "预测正确",
    "linear bounds": "线性界",
    "and division of the box": "再划分区域",
    "and division by signs of relu": "再按 relu 的符号划分",
    "attack": "攻击",
    "accuracy here": "本库的准确率",
    "torchattacks": "torchattacks",
    "CPU time here": "本库的 CPU 时间",
    "adversarial": "对抗",
    "APGD, loss": "APGD，损失",
    "APGD, ratio of logits": "APGD，logit 差之比",
    "APGD, each class": "APGD，逐类",
    "square": "方形攻击",
    "all together": "全部合用",
    "gradients of": "梯度",
    "number": "个数",
    "dtype": "数值类型",
    "largest difference": "最大差别",
    "layers with parameters": "带参数的层",
    "convolutional network": "卷积网络",
    "fully connected network": "全连接网络",
    "float64": "float64",
    "float32": "float32",
    "audited": "审计对象",
    "claim": "声称的 ε",
    "canaries": "探针数",
    "median bound": "下界中位数",
    "largest bound": "最大下界",
    "trials above the claim": "超过声称值的次数",
    "Gaussian mechanism, simulated": "高斯机制（模拟）",
    "Gaussian mechanism with a tenth of the noise": "噪声只有十分之一的高斯机制",
    "network trained without privacy": "未作隐私训练的网络",
    "network trained with `cr.Privacy`": "用 `cr.Privacy` 训练的网络",
}


def translated(table: str) -> str:
    """The table with the words of its cells in Chinese; numbers stay.

    Raises:
        KeyError: a cell with words that ``WORDS`` lacks.
    """
    lines = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        lines.append(f"| {' | '.join(map(_cell, cells))} |" if not line.startswith("|---") else line)
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    text = re.sub(r"(?<=\d) ms$", " 毫秒", text)
    text = re.sub(r"(?<=\d) s$", " 秒", re.sub(r"^(\d+) of (\d+)$", r"\1 / \2", text))
    return WORDS[text] if re.search("[A-Za-z]{2}", text) else text


def tables_of(page: str) -> dict[str, list[str]]:
    """The tables of each section by its heading."""
    parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    return {heading: TABLE.findall(body) for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def text() -> str:
    """The Chinese page with the present tables.

    Raises:
        KeyError: a heading that the English page lacks, or a word without translation.
    """
    tables = tables_of(ENGLISH.read_text(encoding="utf-8"))

    def filled(match: re.Match[str]) -> str:
        return match[1] + "\n".join(map(translated, tables[match[2]])) + match[4]

    return PLACE.sub(filled, CHINESE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    CHINESE.write_text(text(), encoding="utf-8")
    print(f"wrote the tables of {CHINESE.name}")
