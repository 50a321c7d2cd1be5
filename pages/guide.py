"""The texts of docs/ as they stand, and the lists that lead to them."""

from __future__ import annotations

import re
from pathlib import Path

from chainrule.catalog import KINDS
from pages.block_page import block_path
from pages.page import Page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
STARTS = {"start.md": "First steps", "start.zh.md": "第一步"}  # the texts at the root, by title in the menu
_FILES = {"README.md": "start.md", "README.zh-CN.md": "start.zh.md"}
_SHELVES: dict[str, tuple[str, ...]] = {  # what the menu puts together, by names of pages or of their folder
    "Training": (
        "callbacks", "metrics", "sequences", "fine-tuning", "foreign-weights", "generation", "profile",
    ),
    "Data": ("data",),
    "Explaining": (
        "explaining", "attribution", "counterfactuals", "replay", "probes", "pictures", "doctor", "black-box",
    ),
    "Models": ("models", "fashion-mnist", "translation"),
    "Measured": ("results", "layers", "parity", "torch-database", "names"),
}  # fmt: skip
_REST = "More guides"
_LISTS = {
    "errors": (
        "Errors",
        "Every error has a code; its page says what it means and how to mend it. 每个错误代码一页。",
    ),
    "decisions": ("Decisions", "Why things are as they are. 设计决定及其理由。"),
}


def guides() -> list[Page]:
    """Every text of docs/."""
    found = []
    for file in sorted(DOCS.rglob("*.md")):
        path = file.relative_to(DOCS)
        in_menu = path.parts[0] not in (*_LISTS, "doctor")  # docs/doctor.md leads to the rules
        text = _linked(file.read_text(encoding="utf-8"), "../" * (len(path.parts) - 1))
        found.append(Page(path.as_posix(), text, in_menu=in_menu))
    return found


def starts() -> list[Page]:
    """The first steps in both languages: the texts that stand at the root."""
    texts = {path: (ROOT / file).read_text(encoding="utf-8") for file, path in _FILES.items()}
    linked = re.compile(r"(?<=\]\()[\w.-]+(?=\))")
    return [Page(path, linked.sub(lambda f: _FILES.get(f[0], f[0]), text)) for path, text in texts.items()]


def shelves(pages: list[Page]) -> dict[str, list[str]]:
    """The paths of the guides in the menu, by what they are about.

    Example:
        >>> shelves([Page("metrics.md", ""), Page("data/text.md", ""), Page("new.md", "")])
        {'Training': ['metrics.md'], 'Data': ['data/text.md'], 'More guides': ['new.md']}
    """
    found: dict[str, list[str]] = {title: [] for title in (*_SHELVES, _REST)}
    place = {name: (title, i) for title, names in _SHELVES.items() for i, name in enumerate(names)}
    keyed = [
        (place.get(page.path.split("/")[0].removesuffix(".md"), (_REST, 0)), page.path) for page in pages
    ]
    for (title, _), path in sorted(keyed, key=lambda key: (key[0][1], key[1])):
        found[title].append(path)
    return {title: paths for title, paths in found.items() if paths}


def list_path(folder: str) -> str:
    """Where the list of a folder lies."""
    return f"{folder}/index.md"


def lists(pages: list[Page]) -> list[Page]:
    """For errors and decisions a page that lists them by their titles."""
    made = []
    for folder, (title, says) in _LISTS.items():
        inside = [page for page in pages if page.folder == folder]
        lines = [f"- [{_title(page)}]({Path(page.path).name})" for page in inside]
        parts = [f"# {title}", says, "\n".join(lines)]
        made.append(Page(list_path(folder), "\n\n".join(parts) + "\n"))
    return made


def _linked(text: str, up: str) -> str:
    """Blocks that a text names as ``show`` does, such as `layer Dense`, as links to their pages."""

    def link(found: re.Match[str]) -> str:
        kind = KINDS[found[1]]
        return f"[{found[0]}]({up}{block_path(kind, found[2])})" if found[2] in kind.entries else found[0]

    return re.sub(rf"`({'|'.join(KINDS)}) (\w+)`", link, text)


def _title(page: Page) -> str:
    return page.text.lstrip().split("\n")[0].lstrip("# ")
