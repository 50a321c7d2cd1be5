"""Files of a page, such as its script and its style sheet.

They are read once, when the server starts, and a request names one of them: its path is a key, never a path
in the file system.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.web.responses import BytesResponse, RequestError

CONTENT_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".mjs": b"text/javascript; charset=utf-8",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
    ".woff2": b"font/woff2",
}


@frozen(eq=False)
class Asset:
    """A file of a page.

    Args:
        content: its bytes.
        content_type: of HTTP.
        tag: changes with the content (ETag).
    """

    content: bytes
    content_type: bytes
    tag: str


def load_assets(folder: Path) -> dict[str, Asset]:
    """Return the files of a folder of the package, by their paths in it; other kinds of files are left out.

    Args:
        folder: for example ``Path(__file__).parent / "page"``.

    Example:
        >>> from chainrule import serve
        >>> sorted(load_assets(Path(serve.__file__).parent / "page"))
        ['icon.svg', 'server.css', 'server.js']
    """
    assets = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix in CONTENT_TYPES and file.is_file():
            content = file.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            assets[file.relative_to(folder).as_posix()] = Asset(content, CONTENT_TYPES[file.suffix], tag)
    return assets


def asset_response(assets: Mapping[str, Asset], name: str, known_tag: str | None = None) -> BytesResponse:
    """Return the response with a file.

    Args:
        assets: the files of a page.
        name: of one of them.
        known_tag: the header If-None-Match of the request: with the same tag, the response is empty (304).

    Raises:
        RequestError 404: there is no such file.
    """
    asset = assets.get(name)
    if asset is None:
        raise RequestError(404, fact("the page has no such file"))
    headers = {"etag": asset.tag, "cache-control": "no-cache"}
    if known_tag == asset.tag:
        return BytesResponse(b"", asset.content_type, headers, 304)
    return BytesResponse(asset.content, asset.content_type, headers)
