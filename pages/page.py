"""A page: Markdown text at a path, with its images, and the check for broken links."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
_CODE = re.compile(r"^(`{3,}).*?^\1$|``.*?``|`[^`\n]*`", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Args:
        path: its path in the site, such as ``blocks/layer/Dense.md``.
        text: Markdown in the MyST dialect.
        images: SVG documents or the bytes of images, by file name relative to the page.
        in_menu: whether the menu lists it. The menu is part of every page, so it must not list hundreds.
    """

    path: str
    text: str
    images: Mapping[str, str | bytes] = field(default_factory=dict)
    in_menu: bool = True

    @property
    def folder(self) -> str:
        """The folder of the page, ``""`` at the top level."""
        return posixpath.dirname(self.path)

    @property
    def links(self) -> list[str]:
        """The site paths of all links and images; text in code is not a link."""
        targets = _LINK.findall(_CODE.sub("", self.text))
        return [
            self.site_path(target)
            for target in targets
            if "://" not in target and not target.startswith("mailto:")
        ]

    def site_path(self, target: str) -> str:
        """The path in the site of a file that is named relative to the page."""
        return posixpath.normpath(posixpath.join(self.folder, target))


def broken_links(pages: Iterable[Page]) -> list[str]:
    """The links without a target, each as ``page -> target``.

    Example:
        >>> broken_links([Page("a.md", "[b](b.md) and [c](c.md)"), Page("b.md", "[a](a.md)")])
        ['a.md -> c.md']
    """
    all_pages = list(pages)
    paths = {page.path for page in all_pages}
    paths |= {page.site_path(name) for page in all_pages for name in page.images}
    return [f"{page.path} -> {target}" for page in all_pages for target in page.links if target not in paths]


def plain(text: str) -> str:
    """Escape a text for Markdown: text in double backquotes becomes code, everything else is literal.

    Example:
        >>> plain("(B, *space) with ``axis`` < 2")
        '(B, \\\\*space) with `axis` &lt; 2'
    """
    parts = re.split(r"``(.*?)``", text.replace("\n", " "))
    escaped = [re.sub(r"([\\*_\[\]|$`~#])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    codes = [f"`{code}`" for code in parts[1::2]]
    return "".join(a + b for a, b in zip(escaped, [*codes, ""], strict=True))
