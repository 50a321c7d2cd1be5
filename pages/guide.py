"""The texts of docs/, and the list pages of the errors and decisions."""

from __future__ import annotations

import re
from pathlib import Path

from chainrule.catalog import KINDS
from pages.block_page import block_path
from pages.page import Page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
STARTS = {"start.md": "First steps", "start.zh.md": "第一步"}  # the READMEs, with their titles in the menu
_FILES = {"README.md": "start.md", "README.zh-CN.md": "start.zh.md"}
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
_SECTIONS: dict[str, tuple[str, ...]] = {  # sections of the menu: names of pages or of their folders
    "Course": ("course",),
    "Training": (
        "training-tables",
        "tuning",
        "scikit-learn",
        "callbacks",
        "trackers",
        "metrics",
        "sequences",
        "fine-tuning",
        "pretrained-weights",
        "onnx",
        "generation",
        "custom-classes",
        "batches",
        "custom-loops",
        "coming-from-pytorch",
        "probes",
        "nonfinite-values",
        "doctor",
        "profile",
        "precision",
        "xla",
    ),
    "Data": ("data", "predicting", "exporting", "serve"),
    "Explaining": ("explaining", "attribution", "counterfactuals", "replay", "plotting"),
    "Trust": (
        "attacks",
        "certificates",
        "uncertainty",
        "anomalies",
        "label-noise",
        "auditing",
        "privacy",
        "federated",
        "trust",
    ),
    "Models": ("models", "fashion-mnist", "translation", "examples"),
    "Measurements": (
        "results",
        "tables",
        "applications",
        "published-scores",
        "layer-benchmarks",
        "pytorch-comparison",
        "parity",
        "reproducibility",
        "hostile-input",
        "dirty-tables",
        "names",
        "onnx-operators",
    ),
}
_OTHER = "More guides"
_INDEXED = {
    "errors": (
        "Errors",
        "Every error has a code and a page that describes its cause and how to fix it. 每个错误代码一页。",
    ),
    "decisions": ("Decisions", "Design decisions and their reasons."),
}


def guides() -> list[Page]:
    """All texts of docs/, with their images."""
    pages = []
    for file in sorted(DOCS.rglob("*.md")):
        path = file.relative_to(DOCS)
        in_menu = path.parts[0] not in (*_INDEXED, "doctor")  # docs/doctor.md links to the rules
        text = _linked(file.read_text(encoding="utf-8"), "../" * (len(path.parts) - 1))
        pages.append(Page(path.as_posix(), text, _images(text, file.parent), in_menu))
    return pages


def starts() -> list[Page]:
    """The READMEs as pages of the site, with their images."""
    pages = []
    for file, path in _FILES.items():
        text = _LINK.sub(_site_link, (ROOT / file).read_text(encoding="utf-8"))
        pages.append(Page(path, text, _images(text, DOCS)))
    return pages


def _images(text: str, folder: Path) -> dict[str, str | bytes]:
    """The images of a text, whose names are relative to a folder."""
    return {
        name: (folder / name).read_bytes() for name in re.findall(r"\]\(((?:\.\./)*images/[^)]+)\)", text)
    }


def _site_link(link: re.Match[str]) -> str:
    """A link of a README as the site has it; files that are no page are named, not linked."""
    text, target = link.groups()
    if target in _FILES:
        return f"[{text}]({_FILES[target]})"
    if target.startswith("docs/"):
        return f"[{text}]({target.removeprefix('docs/')})"
    return link[0] if "://" in target else f"{text} (`{target}`)"


def sections(pages: list[Page]) -> dict[str, list[str]]:
    """The paths of the guides, by section of the menu.

    Example:
        >>> sections([Page("metrics.md", ""), Page("data/text.md", ""), Page("new.md", "")])
        {'Training': ['metrics.md'], 'Data': ['data/text.md'], 'More guides': ['new.md']}
    """
    paths: dict[str, list[str]] = {title: [] for title in (*_SECTIONS, _OTHER)}
    position = {name: (title, i) for title, names in _SECTIONS.items() for i, name in enumerate(names)}
    keyed = [
        (position.get(page.path.split("/")[0].removesuffix(".md"), (_OTHER, 0)), page.path) for page in pages
    ]
    for (title, _), path in sorted(keyed, key=lambda key: (key[0][1], key[1])):
        paths[title].append(path)
    return {title: inside for title, inside in paths.items() if inside}


def list_path(folder: str) -> str:
    """The path of the list page of a folder."""
    return f"{folder}/index.md"


def lists(pages: list[Page]) -> list[Page]:
    """One page for the errors and one for the decisions, listing their titles."""
    indexes = []
    for folder, (title, summary) in _INDEXED.items():
        inside = [page for page in pages if page.folder == folder]
        lines = [f"- [{_title(page)}]({Path(page.path).name})" for page in inside]
        parts = [f"# {title}", summary, "\n".join(lines)]
        indexes.append(Page(list_path(folder), "\n\n".join(parts) + "\n"))
    return indexes


def _linked(text: str, up: str) -> str:
    """Link references to blocks, such as `layer Dense`, to the pages of the blocks."""

    def link(reference: re.Match[str]) -> str:
        text, kind, name = reference[0], KINDS[reference[1]], reference[2]
        return f"[{text}]({up}{block_path(kind, name)})" if name in kind.entries else text

    return re.sub(rf"`({'|'.join(KINDS)}) (\w+)`", link, text)


def _title(page: Page) -> str:
    return page.text.lstrip().split("\n")[0].lstrip("# ")
