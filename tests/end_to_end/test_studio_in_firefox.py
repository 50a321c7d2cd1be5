"""The studio in Firefox, which Marionette drives: ``pip install marionette_driver``, and ``firefox-esr``."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from server_process import TOKEN, running_server

pytest.importorskip("starlette")
marionette: Any = pytest.importorskip("marionette_driver", reason="marionette_driver is not installed")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = [pytest.mark.skipif(FIREFOX is None, reason="there is no Firefox here"), pytest.mark.long]
VIEWS = ("data", "network", "training", "chain", "predict", "files")
TYPE = """
const [selector, text] = arguments;
const input = document.querySelector(selector);
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, text);
for (const name of ['input', 'change']) input.dispatchEvent(new Event(name, {bubbles: true}));
"""
TIME = "input[type=range][aria-label='Rewind to a step']"
CLICK = "document.querySelector(arguments[0]).dispatchEvent(new MouseEvent('click', {bubbles: true}))"


class Firefox:
    """A page of the studio in Firefox.

    Args:
        client: of Marionette, with a session.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def open(self, view: str) -> None:
        self.client.execute_script("location.hash = arguments[0]", [view])
        self.find(f'.tabs a[aria-current="page"][href="#{view}"]')

    def find(self, selector: str) -> Any:
        return self.client.find_element(marionette.By.CSS_SELECTOR, selector)

    def click(self, name: str) -> None:
        path = f"//button[normalize-space()='{name}' or @aria-label='{name}']"
        self.client.find_element(marionette.By.XPATH, path).click()

    def text(self, selector: str = "main") -> str:
        return str(self.find(selector).text)

    def type(self, selector: str, text: str) -> None:
        self.find(selector)
        self.client.execute_script(TYPE, [selector, text])

    def wait_for(self, selector: str, condition: Callable[[str], bool]) -> str:
        """Return the text of an element when it fulfills a condition."""
        end = time.monotonic() + 90
        while not condition(text := self.text(selector)):
            assert time.monotonic() < end, text
            time.sleep(0.1)
        return text

    def step(self) -> int:
        lines = self.text(".reading").split("\n")
        return int(lines[lines.index("Step") + 1].replace(",", ""))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    folder = tmp_path_factory.mktemp("firefox")
    (folder / "token").write_text(TOKEN)
    words = ["circle", "--no-browser", "--token-file", folder / "token"]
    options = {"headless": True, "startup_timeout": 240, "gecko_log": str(folder / "gecko.log")}
    client = marionette.marionette.Marionette(bin=FIREFOX, **options)
    with running_server(*words, command="studio", folder=folder) as server:
        try:
            client.start_session()
            client.timeout.implicit = 60
            client.navigate(f"http://127.0.0.1:{server.port}/?token={TOKEN}")
            yield Firefox(client)
        finally:
            client.quit()


def test_a_step_and_its_derivation_in_firefox(page: Firefox) -> None:
    page.click("One step")
    page.wait_for(".reading", lambda text: "paused" in text)
    for view in VIEWS:
        page.open(view)
    page.open("chain")
    page.find(".wire-group")
    page.client.execute_script(CLICK, [".wire-group"])
    page.find(".inspector math")
    assert len(page.client.find_elements(marionette.By.CSS_SELECTOR, ".inspector .result")) > 3


def test_a_training_is_paused_rewound_and_continued_in_firefox(page: Firefox) -> None:
    page.open("network")
    page.type("input.mono:not(.wide)", "16 relu, 16 relu")
    page.wait_for(".program", lambda text: "16 relu, 16 relu" in text)
    page.open("training")
    page.type(".columns input[type=range]", "0.05")  # seconds between two steps
    page.click("Train")
    page.wait_for(".reading", lambda text: "running" in text)
    page.click("Pause")
    page.wait_for(".reading", lambda text: "paused" in text)
    step = page.step()
    assert step > 0
    page.type(TIME, "0")
    page.wait_for(".reading", lambda text: "Step\n0\n" in text)
    page.type(TIME, str(step))
    page.wait_for(".reading", lambda text: f"Step\n{step:,}\n" in text)
    page.click("One step")
    page.wait_for(".reading", lambda text: f"Step\n{step + 1:,}\n" in text)


def test_a_prediction_follows_its_inputs_in_firefox(page: Firefox) -> None:
    page.open("predict")
    page.wait_for("main", lambda text: "%" in text)
    before = page.text()
    page.type("main input[type=number]", "4.5")
    page.wait_for("main", lambda text: text != before and "%" in text)


def test_a_lesson_is_done_in_firefox(page: Firefox) -> None:
    page.open("data")
    page.click("Lessons")
    assert len(page.client.find_elements(marionette.By.CSS_SELECTOR, ".lesson")) == 10
    page.open("chain")
    page.find(".unit")
    page.client.execute_script(CLICK, [".unit"])
    page.find(".lesson .done")
