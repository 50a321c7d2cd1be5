"""The start page, the Chinese index, and one list page per kind of block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chainrule.catalog import KINDS, Kind, block
from chainrule.messages import translated
from pages.block_page import block_path, prose_table
from pages.page import Page, plain

_INDEX = """# chainrule

chainrule (链式法则) trains, explains and ships neural networks. The network you describe, the gradient that
trains it, the program that runs and the explanation that is printed are four views of one graph.

```
python -m pip install -e . && chainrule train breast-cancer
```

::::{{container}} entries
:::{{container}} entry
**[Learn](course.md)**

How a network learns, step by step with real numbers: the [course](course.md), the
[terms](terms.md) and the [derivation of a training step](explaining.md).
:::
:::{{container}} entry
**[Use on a table](training-tables.md)**

A CSV file in, a model, its scores and a report out: [first steps](start.md), [training](training-tables.md),
[predicting](predicting.md), [applications](applications.md).
:::
:::{{container}} entry
**[Build networks](custom-loops.md)**

Custom layers, losses and loops: [coming from PyTorch](coming-from-pytorch.md),
[classes](custom-classes.md), [sequences](sequences.md), [GPUs and clusters](xla.md).
:::
:::{{container}} entry
**[Reference](reference/common.md)**

The [names used most](reference/common.md), every public [class and function](reference/models.md),
every [layer](blocks/layer/index.md), every [error](errors/index.md); [questions](faq.md) that users ask.
:::
::::

## Building blocks

Each has its formula, shapes, a plot where one applies, and an executed example. The terminal shows the same:
`chainrule show layer Dense`. [PyTorch and Keras](names.md) lists the equivalents of the names of these
libraries.

{kinds}
"""
_ZH = """# 链式法则：中文索引

chainrule 用于训练、解释和导出神经网络。

下表列出全部构件的中文名称和一句话说明，链接指向各自的页面：公式、形状、图像、参数、运行过的示例、出处。

在终端中查看：`chainrule show layer Dense --lang zh`。
"""


def toctree(paths: Iterable[str], caption: str = "", hidden: bool = True) -> str:
    """A table of contents of these pages."""
    options = [f":caption: {caption}"] if caption else []
    options += [":hidden:"] if hidden else []
    return "\n".join(["```{toctree}", ":maxdepth: 1", *options, "", *paths, "```"])


def kind_path(kind: Kind) -> str:
    """The path of the list page of a kind."""
    return f"blocks/{kind.name}/index.md"


def kind_page(kind: Kind) -> Page:
    """All blocks of a kind, one line each."""
    rows = []
    for name in kind.entries:
        entry = block(kind.name, name)
        rows.append((f"[{plain(name)}]({name}.md)", plain(entry.chinese[0]), plain(entry.summary)))
    title = kind.plural.capitalize() if kind.name != "op" else "Operations"
    summary = f"{kind.summary} {kind.title('zh')}：{translated(kind.summary, 'zh')}"
    parts = [f"# {title}", summary, prose_table(("name", kind.title("zh"), ""), rows)]
    return Page(kind_path(kind), "\n\n".join(parts) + "\n")


def chinese_page() -> Page:
    """The Chinese index: every block with its Chinese name and a one-sentence summary."""
    parts = [_ZH.rstrip()]
    for kind in KINDS.values():
        rows = []
        for name in kind.entries:
            chinese_name, summary = block(kind.name, name).chinese
            rows.append((f"[{plain(name)}]({block_path(kind, name)})", plain(chinese_name), plain(summary)))
        parts += [
            f"## {kind.title('zh')}",
            translated(kind.summary, "zh"),
            prose_table(("名称", "中文名称", "说明"), rows),
        ]
    return Page("zh.md", "\n\n".join(parts) + "\n")


def first_page(guides: Mapping[str, list[str]], reference: Iterable[str], more: Iterable[str]) -> Page:
    """The start page: four ways in, the kinds of blocks, and the menu of all other pages.

    Args:
        guides: the paths of the guides, by section of the menu.
        reference: the paths of the pages of public names.
        more: the paths of further pages.
    """
    rows = []
    for kind in KINDS.values():
        rows.append(
            (f"[{kind.plural}]({kind_path(kind)})", kind.title("zh"), str(len(kind.entries)), kind.summary)
        )
    kinds = prose_table(("kind", "中文", "count", ""), rows)
    trees = [
        *(toctree(paths, title) for title, paths in guides.items()),
        toctree(map(kind_path, KINDS.values()), "Building blocks"),
        toctree(reference, "Reference"),
        toctree(more, "More"),
    ]
    return Page("index.md", "\n\n".join([_INDEX.format(kinds=kinds).rstrip(), *trees]) + "\n")
