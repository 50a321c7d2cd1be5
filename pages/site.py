"""The site: all pages together, checked, written to a folder and made HTML."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from chainrule.catalog import KINDS
from pages.block_page import block_page, block_path
from pages.front import chinese_page, first_page, kind_page
from pages.guide import STARTS, guides, list_path, lists, shelves, starts
from pages.page import Page, broken_links

HERE = Path(__file__).parent
_APART = "---\norphan: true\n---\n\n"  # what Sphinx wants to hear of a page that is not in the menu


def block_paths() -> dict[str, tuple[str, str]]:
    """Kind and name of every block, by the path of its page."""
    return {block_path(kind, name): (kind.name, name) for kind in KINDS.values() for name in kind.entries}


def frame() -> list[Page]:
    """Every page that is not the page of a block."""
    texts, first_steps = guides(), starts()
    shelved = {
        "Start": [f"{STARTS[page.path]} <{page.path}>" for page in first_steps],
        **shelves([page for page in texts if page.in_menu]),
    }
    first = first_page(shelved, list_path("decisions"), list_path("errors"))
    kinds = map(kind_page, KINDS.values())
    return [first, *first_steps, chinese_page(), *kinds, *texts, *lists(texts)]


def all_pages() -> list[Page]:
    """Every page of the site; all examples are run."""
    return [*frame(), *(block_page(kind, name) for kind, name in block_paths().values())]


def write(pages: Iterable[Page], folder: Path) -> None:
    """Write pages and pictures into an empty folder, with what Sphinx needs beside them.

    Fails:
        ValueError: a link leads nowhere; all of them are named.
    """
    pages = list(pages)
    broken = broken_links(pages)
    if broken:
        raise ValueError("links that lead nowhere:\n" + "\n".join(broken))
    shutil.rmtree(folder, ignore_errors=True)
    for page in pages:
        place = folder / page.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(page.text if page.in_menu else _APART + page.text, encoding="utf-8")
        for name, picture in page.pictures.items():
            (place.parent / name).write_text(picture, encoding="utf-8")
    (folder / "_static").mkdir()
    shutil.copy(HERE / "style.css", folder / "_static")
    shutil.copy(HERE / "conf.py", folder)


def to_html(source: Path, html: Path) -> int:
    """HTML by Sphinx; every warning is an error. Gives Sphinx's exit code."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        str(source),
        str(html),
    ]
    return subprocess.run(command, check=False).returncode
