"""The first page, in both languages, and a list of the blocks of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chainrule.catalog import KINDS, Kind, block
from pages.block_page import block_path, listed
from pages.page import Page, plain

_INDEX = """# chainrule

Neural networks that train, explain and ship, with nothing hidden and nothing slow. Every layer, loss,
optimizer and operation has a page here with its formula, its shapes, a picture where there is something to
draw, and an example that was run when the page was written. The same stands in the terminal:
`chainrule show layer Dense`.

[First steps](start.md) · [第一步](start.zh.md) · [中文索引](zh.md)

```
python -m pip install -e . && chainrule train breast-cancer
```

A person who comes from another library finds its names under [PyTorch and Keras](names.md).

{kinds}
"""
_ZH = """# 链式法则：中文索引

训练、解释、交付神经网络；没有隐藏，也不慢。

下表列出全部构件的中文名称和一句话说明，链接指向各自的页面：公式、形状、图像、参数、运行过的示例、出处。

在终端中查看：`chainrule show layer Dense --lang zh`。
"""


def toctree(paths: Iterable[str], caption: str = "", hidden: bool = True) -> str:
    """The tree of contents that leads to these pages."""
    options = [f":caption: {caption}"] if caption else []
    options += [":hidden:"] if hidden else []
    return "\n".join(["```{toctree}", ":maxdepth: 1", *options, "", *paths, "```"])


def kind_path(kind: Kind) -> str:
    """Where the list of a kind lies."""
    return f"blocks/{kind.name}/index.md"


def kind_page(kind: Kind) -> Page:
    """All blocks of a kind, a line each."""
    rows = []
    for name in kind.entries:
        found = block(kind.name, name)
        rows.append((f"[{plain(name)}]({name}.md)", plain(found.chinese[0]), plain(found.summary)))
    title = kind.plural.capitalize() if kind.name != "op" else "Operations"
    says = f"{kind.says[0]} {kind.chinese}：{kind.says[1]}"
    parts = [f"# {title}", says, listed(("name", kind.chinese, ""), rows)]
    return Page(kind_path(kind), "\n\n".join(parts) + "\n")


def chinese_page() -> Page:
    """The index in Chinese: every block with its name and one sentence."""
    parts = [_ZH.rstrip()]
    for kind in KINDS.values():
        rows = []
        for name in kind.entries:
            own, said = block(kind.name, name).chinese
            rows.append((f"[{plain(name)}]({block_path(kind, name)})", plain(own), plain(said)))
        parts += [f"## {kind.chinese}", kind.says[1], listed(("名称", "中文名称", "说明"), rows)]
    return Page("zh.md", "\n\n".join(parts) + "\n")


def first_page(guides: Mapping[str, list[str]], decisions: str, errors: str) -> Page:
    """The first page: the kinds, and the way to everything else.

    Args:
        guides: the paths of the guides, by what they are about.
        decisions, errors: the paths of their lists.
    """
    rows = []
    for kind in KINDS.values():
        rows.append(
            (f"[{kind.plural}]({kind_path(kind)})", kind.chinese, str(len(kind.entries)), kind.says[0])
        )
    kinds = listed(("kind", "中文", "how many", ""), rows)
    trees = [
        *(toctree(paths, title) for title, paths in guides.items()),
        toctree(map(kind_path, KINDS.values()), "Building blocks"),
        toctree(["zh.md", errors, decisions], "More"),
    ]  # fmt: skip
    return Page("index.md", "\n\n".join([_INDEX.format(kinds=kinds).rstrip(), *trees]) + "\n")
