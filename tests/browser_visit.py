"""A page in a browser that reaches no other host, with what it printed and requested."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from server_process import TOKEN, ServerProcess

playwright: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
ARGUMENTS = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Chromium without access to a network."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page of a server.

    Args:
        browser: as ``chromium`` returns it.
        server: whose first page is opened.
        options: of the context of Playwright: ``locale``, ``color_scheme``.
    """

    def __init__(self, browser: Any, server: ServerProcess, width: int = 1280, **options: Any) -> None:
        options = {"locale": "en-US", **options}
        self.context = browser.new_context(viewport={"width": width, "height": 860}, **options)
        self.page, self.home = self.context.new_page(), f"http://127.0.0.1:{server.port}"
        self.messages: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.page.goto(f"{self.home}/?token={TOKEN}")
        self.page.wait_for_selector("main h1")

    def open(self, view: str) -> None:
        """Open a view of the studio."""
        self.page.evaluate(f'location.hash = "{view}"')
        self.page.wait_for_selector(f'.tabs a[aria-current="page"][href="#{view}"]')

    def wait_for(self, selector: str, text: str) -> None:
        """Wait for a text in an element."""
        self.page.locator(selector, has_text=text).first.wait_for(timeout=90_000)

    def click(self, name: str) -> None:
        """Click a button by its name."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def text(self, selector: str = "main") -> str:
        """Return the text of an element."""
        return str(self.page.locator(selector).first.inner_text())

    def close(self) -> None:
        """Close the page."""
        self.context.close()
