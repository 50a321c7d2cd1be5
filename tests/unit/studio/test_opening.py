"""The start of a studio: its page is shown while its data are opened, and an error of opening is reported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest

import chainrule
import in_process
from chainrule.apps.cli.main import main
from chainrule.errors import DataError
from chainrule.studio.application import Application
from chainrule.studio.workbench import Workbench
from chainrule.web.bodies import Limits
from chainrule.web.token_host_and_origin import Access

STATIC = Path(chainrule.__file__).parent / "studio" / "static"
ACCESS = Access(None, frozenset({"localhost"}), "cookie")


def test_the_files_of_the_page_do_not_wait_for_the_data() -> None:
    is_allowed = threading.Event()

    def open_later() -> Workbench:
        assert is_allowed.wait(60)
        return Workbench()

    application = Application(open_later)
    guard = application.guarded(ACCESS, Limits())
    for path in ("/", "/static/app.js", "/api/texts"):
        assert in_process.exchange(guard, "GET", path)[0] == 200
    assert not application.opened.done()
    responses: list[tuple[int, bytes]] = []
    page = threading.Thread(
        target=lambda: responses.append(in_process.exchange(guard, "GET", "/api/project"))
    )
    page.start()
    page.join(0.05)
    assert page.is_alive()
    is_allowed.set()
    page.join(60)
    status, content = responses[0]
    assert (status, json.loads(content)["is_open"]) == (200, False)
    application.close()


@pytest.mark.parametrize("path", ["project", "training", "frame?step=1", "rows"])
def test_an_error_of_opening_is_the_response_to_every_request_about_the_data(path: str) -> None:
    def fail() -> Workbench:
        raise DataError("E301", where="a.csv", expected="a file", received="a.csv")

    application = Application(fail)
    status, content = in_process.exchange(application.guarded(ACCESS, Limits()), "GET", f"/api/{path}")
    assert (status, json.loads(content)["code"]) == (400, "E301")
    application.close()


@pytest.mark.long
def test_a_damaged_file_ends_the_command_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("damaged.csv").write_bytes(b"")
    assert main(["studio", "damaged.csv", "--no-browser", "--port", "0"]) == 2
    printed = capsys.readouterr().err
    assert "http://127.0.0.1" in printed
    assert "damaged.csv" in printed
    assert "Traceback" not in printed


def test_the_address_is_printed_before_the_libraries_of_trainings_are_imported() -> None:
    code = """
import sys
from chainrule.apps.cli.main import main
from chainrule.web import listener
from chainrule.apps.cli.commands import studio
def announce(*_):
    print(*sys.modules)
    raise KeyboardInterrupt
studio._announce = announce
main(["studio", "--no-browser", "--port", "0"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "chainrule.studio.service" in loaded
    heavy = {"numpy", "polars", "filelock", "starlette", "uvicorn"}
    heavy |= {"chainrule.model", "chainrule.nn", "chainrule.ops"}
    assert loaded & heavy == set()


def test_a_project_is_opened_without_the_libraries_of_statistics(tmp_path: Path) -> None:
    code = """
import sys
from chainrule.studio.workbench import Workbench
workbench = Workbench("circle")
assert workbench.project.table.rows
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "polars" in loaded
    assert loaded & {"scipy", "sklearn", "matplotlib", "llvmlite", "pandas"} == set()


class Links(HTMLParser):
    """The modules that a page loads before they are imported."""

    def __init__(self) -> None:
        super().__init__()
        self.modules: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = dict(attrs)
        if fields.get("rel") == "modulepreload":
            self.modules.add(str(fields["href"]).removeprefix("/static/"))


def test_the_page_loads_all_its_modules_at_once() -> None:
    imported, pending = set[str](), ["app.js"]
    while pending:
        text = (STATIC / pending.pop()).read_text(encoding="utf-8")
        names = set(re.findall(r'from "\./([^"]+)"', text)) - imported
        imported |= names
        pending += [name for name in names if not name.startswith("vendor/")]
    links = Links()
    links.feed((STATIC / "index.html").read_text(encoding="utf-8"))
    assert len(imported) > 10
    assert links.modules == imported
