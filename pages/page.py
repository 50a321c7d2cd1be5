"""A page: Markdown at a path, with the pictures it shows."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
_CODE = re.compile(r"^(`{3,}).*?^\1$|``.*?``|`[^`\n]*`", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """A page.

    Args:
        path: where it lies in the site, such as ``blocks/layer/Dense.md``.
        text: Markdown as MyST reads it.
        pictures: SVG texts by file name, beside the page.
        in_menu: whether it stands in the menu; several hundred that did would be written into every page.
    """

    path: str
    text: str
    pictures: Mapping[str, str] = field(default_factory=dict)
    in_menu: bool = True

    @property
    def folder(self) -> str:
        """The folder it lies in, ``""`` for the top."""
        return posixpath.dirname(self.path)

    @property
    def links(self) -> list[str]:
        """The paths within the site that it links to or shows; what stands in code is no link."""
        found = _LINK.findall(_CODE.sub("", self.text))
        return [
            self._path(target) for target in found if "://" not in target and not target.startswith("mailto:")
        ]

    def _path(self, target: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, target))


def broken_links(pages: Iterable[Page]) -> list[str]:
    """What links to nothing: ``page -> target``, for each.

    Example:
        >>> broken_links([Page("a.md", "[b](b.md) and [c](c.md)"), Page("b.md", "[a](a.md)")])
        ['a.md -> c.md']
    """
    known = list(pages)
    there = {page.path for page in known}
    there |= {posixpath.join(page.folder, name) for page in known for name in page.pictures}
    return [f"{page.path} -> {target}" for page in known for target in page.links if target not in there]


def plain(text: str) -> str:
    """A text as Markdown that shows it as it is: what stands in backquotes is code, all else is no markup.

    Example:
        >>> plain("(B, *space) with ``axis`` < 2")
        '(B, \\\\*space) with `axis` &lt; 2'
    """
    parts = re.split(r"``(.*?)``", text.replace("\n", " "))
    shown = [re.sub(r"([\\*_\[\]|$`~#])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    codes = [f"`{code}`" for code in parts[1::2]]
    return "".join(a + b for a, b in zip(shown, [*codes, ""], strict=True))
