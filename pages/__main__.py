"""``python -m pages``: write the site into a folder."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from pages.site import all_pages, to_html, write


def main() -> int:
    """Write the Markdown of every page, then its HTML; gives the exit code."""
    asked = argparse.ArgumentParser(prog="python -m pages", description=main.__doc__)
    asked.add_argument(
        "--out", type=Path, default=Path("build/pages"), help="the folder (default: build/pages)"
    )
    asked.add_argument("--source", action="store_true", help="write the Markdown only")
    words = asked.parse_args()
    if not words.source and importlib.util.find_spec("sphinx") is None:
        asked.error("Sphinx is not installed: python -m pip install -e '.[docs]' (or --source)")
    pages = all_pages()
    try:
        write(pages, words.out / "source")
    except ValueError as error:  # links that lead nowhere
        asked.exit(1, f"{error}\n")
    print(f"{len(pages)} pages in {words.out / 'source'}")
    if words.source:
        return 0
    code = to_html(words.out / "source", words.out / "html")
    print(f"open {words.out / 'html' / 'index.html'}" if code == 0 else f"Sphinx ended with {code}")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
