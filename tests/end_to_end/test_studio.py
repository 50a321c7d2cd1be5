"""``chainrule studio`` in a browser: from data to a derivative, with no request to another host."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server_process import TOKEN, ServerProcess, running_server

pytest.importorskip("starlette")
playwright: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")

ROWS = "height,weight,species\n" + "".join(
    f"{i % 7 + 0.5 * (i % 3)},{i % 5 - (i % 3)},{'ABC'[i % 3]}\n" for i in range(90)
)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("studio")
    (folder / "token").write_text(TOKEN)
    words = ["circle", "--no-browser", "--token-file", folder / "token"]
    with running_server(*words, command="studio", folder=folder) as running:
        yield running


class Visit:
    """The page in a browser, with what it printed and requested."""

    def __init__(self, browser: Any, studio: ServerProcess, width: int = 1280, lang: str = "en-US") -> None:
        context = browser.new_context(viewport={"width": width, "height": 860}, locale=lang)
        self.page, self.home = context.new_page(), f"http://127.0.0.1:{studio.port}"
        self.messages: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.page.goto(f"{self.home}/?token={TOKEN}")
        self.page.wait_for_selector("main h1")

    def open(self, view: str) -> None:
        self.page.goto(f"{self.home}/#{view}")
        self.page.wait_for_selector(f'.tabs a[aria-current="page"][href="#{view}"]')

    def wait_for(self, selector: str, text: str) -> None:
        self.page.locator(selector, has_text=text).first.wait_for(timeout=60_000)

    def click(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()


@pytest.fixture(scope="module")
def visit(studio: ServerProcess) -> Iterator[Visit]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Visit(browser, studio)
        browser.close()


def test_a_step_is_trained_and_its_weight_derived(visit: Visit) -> None:
    visit.open("training")
    visit.click("One step")
    visit.wait_for(".reading", "paused")
    visit.open("chain")
    visit.page.wait_for_selector(".wire-group")
    visit.page.locator(".wire-group").first.focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector(".inspector math")
    assert visit.page.locator(".inspector .result").count() > 3
    assert "dense1.weight[0,0]" in visit.page.locator(".inspector").inner_text()


def test_own_rows_with_three_classes_become_the_project(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "my plants.csv").write_text(ROWS)
    visit.open("data")
    visit.page.set_input_files("input[type=file]", tmp_path / "my plants.csv")
    visit.wait_for("main", "my-plants")
    assert "one of 3 classes" in visit.page.locator("main").inner_text()


def test_a_wrong_activation_has_a_button_with_its_fix(visit: Visit) -> None:
    visit.open("network")
    visit.page.locator("input.mono").fill("6 tanhh, 4 relu")
    visit.page.keyboard.press("Tab")
    visit.page.get_by_role("button", name="Use 6 tanh, 4 relu").click()
    visit.wait_for(".program", "6 tanh, 4 relu")
    assert visit.page.locator(".unit").count() > 10


def test_files_are_taken_away(visit: Visit) -> None:
    visit.open("files")
    with visit.page.expect_download() as waiting:
        visit.page.locator(".file", has_text="Python program").click()
    program = Path(waiting.value.path()).read_text()
    assert "cr.train_table(" in program
    compile(program, "train.py", "exec")


def test_nothing_else_was_requested_and_nothing_failed(visit: Visit) -> None:
    assert visit.hosts == {visit.home.split("/")[2]}
    assert [text for text in visit.messages if "400" not in text] == []


def test_without_a_token_nothing_responds(studio: ServerProcess) -> None:
    paths = ("/", "/static/app.js", "/api/project", "/api/export/model")
    statuses = {path: studio.request("GET", path, token=None).status for path in paths}
    assert set(statuses.values()) == {401}
    page = studio.request("GET", "/")
    assert page.status == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert json.loads(studio.request("GET", "/api/texts?lang=zh").body)["tab_chain"] == "链式法则"
