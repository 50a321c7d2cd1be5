"""Names of columns, classes and files, and cells, that are programs: in the studio and a server none runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

import chainrule as cr
from browser_visit import Visit, chromium, needs_chromium
from server_process import TOKEN, running_server

pytestmark = [needs_chromium, pytest.mark.long]
FORMS = (
    "<script>alert({0})</script>",
    "<img src=x onerror=alert({0})>",
    '"><svg onload=alert({0})>',
    "javascript:alert({0})",
    "</title><script>alert({0})</script>",
    "'-alert({0})-'",
    "${{alert({0})}}",
    "{{{{constructor.constructor('alert({0})')()}}}}",
    "<iframe srcdoc='<script>parent.alert({0})</script>'></iframe>",
    "<a href=javascript:alert({0})>x</a>",
    "<math><mtext><img src=x onerror=alert({0})></mtext></math>",
    "<details open ontoggle=alert({0})>x</details>",
    "<body onload=alert({0})>",
    "<style onload=alert({0})></style>",
    "&lt;script&gt;alert({0})&lt;/script&gt;",
    "\\u003cscript\\u003ealert({0})\\u003c/script\\u003e",
    "<svg><animate onbegin=alert({0}) attributeName=x dur=1s></svg>",
    "<input autofocus onfocus=alert({0})>",
    "<video><source onerror=alert({0})></video>",
    "--><script>alert({0})</script>",
)
PAYLOADS = [form.format(number) for number in range(5) for form in FORMS]
GROUPS = [PAYLOADS[i : i + 10] for i in range(0, len(PAYLOADS), 10)]
VIEWS = ("network", "training", "chain", "predict", "files", "data")


def table(texts: list[str]) -> str:
    """Return a table with four of ten texts as columns, three as classes and three as cells."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(texts[:4])
    writer.writerows([i % 7, texts[7 + i % 3], i * 37 % 11, texts[4 + i % 3]] for i in range(60))
    return file.getvalue()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def watched(page: Any) -> list[str]:
    """Return a list that receives the text of each dialog that a page opens."""
    opened: list[str] = []
    page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    return opened


def test_a_payload_that_runs_is_noticed(browser: Any) -> None:
    page = browser.new_page()
    opened = watched(page)
    page.set_content(FORMS[1].format(7))
    page.wait_for_timeout(500)
    page.close()
    assert opened == ["7"]


def test_no_payload_runs_in_the_studio(tmp_path: Path, browser: Any) -> None:
    (tmp_path / "token").write_text(TOKEN)
    words = ["--no-browser", "--token-file", tmp_path / "token"]
    with running_server(*words, command="studio", folder=tmp_path) as studio:
        visit = Visit(browser, studio)
        opened = watched(visit.page)
        for number, texts in enumerate(GROUPS):
            name = f"{texts[number].replace('/', ' ')}.csv"
            (tmp_path / name).write_text(table(texts))
            visit.open("data")
            visit.page.set_input_files("input[type=file]", tmp_path / name)
            visit.page.locator("td", has_text=texts[0]).first.wait_for()
            studio.request("POST", "/api/train", {"until": 2, "until_epoch": 0})
            for view in VIEWS:
                visit.open(view)
                visit.page.wait_for_timeout(400)
        assert len(PAYLOADS) == len(set(PAYLOADS)) == 100
        assert opened == []
        assert visit.messages == []  # also no script that the policy of the page refused
        for kind in ("page", "explanation"):
            (tmp_path / "export.html").write_bytes(studio.request("GET", f"/api/export/{kind}").body)
            visit.page.goto((tmp_path / "export.html").as_uri())
            visit.page.wait_for_timeout(500)
        visit.close()
    assert opened == []


def test_no_payload_runs_in_the_page_of_a_server(tmp_path: Path, browser: Any) -> None:
    (tmp_path / "token").write_text(TOKEN)
    runs = []
    for number, texts in enumerate(GROUPS[:3]):
        (tmp_path / "rows.csv").write_text(table(texts))
        runs.append(f"m{number}={tmp_path / str(number)}")
        cr.train_table(
            tmp_path / "rows.csv", texts[3], net="2", epochs=1, out=tmp_path / str(number), verbose=False
        )
    with running_server(*runs, "--token-file", tmp_path / "token") as server:
        visit = Visit(browser, server)
        opened = watched(visit.page)
        visit.page.wait_for_timeout(500)
        assert GROUPS[0][0] in visit.text("body")
        for button in visit.page.get_by_role("button").all():
            if button.is_visible() and button.is_enabled():
                button.click()
                visit.page.wait_for_timeout(200)
        assert opened == []
        assert [text for text in visit.messages if "400" not in text] == []
        assert json.loads(server.request("GET", "/openapi.json").body)["openapi"]
        visit.close()
