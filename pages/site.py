"""The site: collect all pages, check their links, write them to a folder and convert them to HTML."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from chainrule.catalog import KINDS
from pages.block_page import block_page, block_path
from pages.common_names import PATH
from pages.front import chinese_page, first_page, kind_page
from pages.guide import DOCS, STARTS, guides, list_path, lists, sections, starts
from pages.page import Page, broken_links
from pages.reference import AREAS, reference_pages, reference_path
from pages.term_pages import questions_page, terms_page

HERE = Path(__file__).parent
_ORPHAN = "---\norphan: true\n---\n\n"  # required by Sphinx for a page that is in no menu


def block_paths() -> dict[str, tuple[str, str]]:
    """Kind and name of every block, by the path of its page."""
    return {block_path(kind, name): (kind.name, name) for kind in KINDS.values() for name in kind.entries}


def frame() -> list[Page]:
    """All pages except those of the blocks and of the public names."""
    texts, start_pages = guides(), starts()
    menu = {
        "Start": [f"{STARTS[page.path]} <{page.path}>" for page in start_pages],
        **sections([page for page in texts if page.in_menu]),
    }
    more = ("zh.md", "terms.md", "faq.md", list_path("errors"), list_path("decisions"))
    first = first_page(menu, [PATH, *map(reference_path, AREAS)], more)
    kinds = map(kind_page, KINDS.values())
    tables = (chinese_page(), terms_page(), questions_page())
    return [first, *start_pages, *tables, *kinds, *texts, *lists(texts)]


def all_pages() -> list[Page]:
    """All pages of the site; the examples are executed."""
    return [*frame(), *reference_pages(), *(block_page(kind, name) for kind, name in block_paths().values())]


def write(pages: Iterable[Page], folder: Path) -> None:
    """Write pages, images and catalogs into an empty folder, with the Sphinx configuration.

    Raises:
        ValueError: some links are broken; the message lists all of them.
    """
    pages = list(pages)
    broken = broken_links(pages)
    if broken:
        raise ValueError("broken links:\n" + "\n".join(broken))
    shutil.rmtree(folder, ignore_errors=True)
    write_source(pages, folder)
    shutil.copytree(DOCS / "locale", folder / "locale")  # Sphinx compiles catalogs beside them
    for page in pages:
        if page.path in map(reference_path, AREAS):  # one catalog is that of each of these pages
            catalog = (folder / "locale/zh_CN/LC_MESSAGES" / page.path).with_suffix(".po")
            catalog.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(DOCS / "locale" / "zh_CN" / "docstrings.po", catalog)


def write_source(pages: Iterable[Page], folder: Path) -> None:
    """Write pages and images into a folder, with the Sphinx configuration."""
    for page in pages:
        file = folder / page.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page.text if page.in_menu else _ORPHAN + page.text, encoding="utf-8")
        for name, content in page.images.items():
            image = file.parent / name
            image.parent.mkdir(parents=True, exist_ok=True)
            image.write_bytes(content if isinstance(content, bytes) else content.encode())
    shutil.copytree(HERE / "sphinx_project", folder, dirs_exist_ok=True)


def to_html(source: Path, html: Path, language: str = "en") -> int:
    """Convert Markdown to HTML with Sphinx, treating warnings as errors; return the exit code."""
    options = ["-q", "-W", "--keep-going", "-b", "html", "-D", f"language={language}"]
    command = [sys.executable, "-m", "sphinx", *options, str(source), str(html)]
    return subprocess.run(command, check=False).returncode
