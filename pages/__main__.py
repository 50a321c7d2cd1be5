"""``python -m pages``: write the site into a folder."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from pages.site import all_pages, to_html, write


def main() -> int:
    """Write the Markdown of every page, then convert it to HTML in both languages; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pages", description=main.__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("build/pages"), help="the output folder (default: build/pages)"
    )
    parser.add_argument("--source", action="store_true", help="write the Markdown only")
    options = parser.parse_args()
    if not options.source and importlib.util.find_spec("sphinx") is None:
        parser.error("Sphinx is not installed: python -m pip install -e '.[docs]' (or --source)")
    pages = all_pages()
    try:
        write(pages, options.out / "source")
    except ValueError as error:  # broken links
        parser.exit(1, f"{error}\n")
    print(f"{len(pages)} pages in {options.out / 'source'}")
    if options.source:
        return 0
    source, html = options.out / "source", options.out / "html"
    for language, folder in (("en", html), ("zh_CN", html / "zh")):
        code = to_html(source, folder, language)
        if code:
            print(f"Sphinx failed: exit code {code}")
            return code
        print(f"open {folder / 'index.html'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
