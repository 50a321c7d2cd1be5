"""Files of a page: read once, named by a key."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from case_loops import loop_over
from chainrule.web import Asset, RequestError, asset_response, load_assets

NOWHERE = ("", "..", "../secret.css", "/etc/passwd", "a.css/", "A.CSS", "folder", "secret.py", "a.css\x00")


@pytest.fixture
def assets(tmp_path: Path) -> dict[str, Asset]:
    folder = tmp_path / "page"
    (folder / "folder").mkdir(parents=True)
    (folder / "a.css").write_text("a {}")
    (folder / "folder" / "b.js").write_text("1")
    (folder / "secret.py").write_text("1")
    (tmp_path / "secret.css").write_text("secret")
    return load_assets(folder)


def sent(response: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of a response."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(response({}, None, send))
    return messages[0]["status"], dict(messages[0]["headers"]), messages[1]["body"]


def test_a_file_is_sent_once_to_a_client_that_has_it(assets: dict[str, Asset]) -> None:
    assert set(assets) == {"a.css", "folder/b.js"}
    status, headers, body = sent(asset_response(assets, "a.css"))
    assert (status, body, headers[b"content-type"]) == (200, b"a {}", b"text/css; charset=utf-8")
    again = sent(asset_response(assets, "a.css", headers[b"etag"].decode()))
    assert (again[0], again[2]) == (304, b"")


@loop_over("name", NOWHERE)
def test_other_names_are_no_files(assets: dict[str, Asset], name: str) -> None:
    with pytest.raises(RequestError) as caught:
        asset_response(assets, name)
    assert caught.value.status == 404
