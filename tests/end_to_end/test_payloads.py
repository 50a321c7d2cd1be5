"""Texts that attack terminals, pages, spreadsheets and parsers, in every place a text can come from.

The short form of ``python -m campaigns.hostile --only payloads_into_outputs``.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaigns.hostile_cases import output_checks, payload_folder, payloads_into_outputs
from campaigns.hostile_cases.payloads import PAYLOADS, raw_controls
from campaigns.hostile_cases.section import Section

import chainrule as cr
from chainrule.escaping import spreadsheet_text

NAMES = sorted(PAYLOADS)
GROUPS = [NAMES[i::4] for i in range(4)]
AS_ARGUMENTS = ("window title", "bidi override", "forged line", "braces", "path traversal", "NUL")
CHROMIUM = shutil.which("chromium")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "inside"
    place.mkdir()
    with payload_folder.inside(place):
        yield place


@pytest.mark.long
@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_payloads_in_a_table_reach_no_output(folder: Path, group: int) -> None:
    section = Section("table")
    texts = payloads_into_outputs.accepted({name: PAYLOADS[name] for name in GROUPS[group]}, section)
    assert len(texts) >= len(GROUPS[group]) - 1
    with cr.settings.using(lang=("en", "zh")[group % 2]):
        run = payloads_into_outputs.over_a_training(texts, group, section)
        payloads_into_outputs.from_foreign_files(texts, run, section)
    assert section.events == []
    assert section.cases > 60


@pytest.mark.parametrize("name", AS_ARGUMENTS)
def test_payloads_as_arguments_reach_no_output(folder: Path, name: str) -> None:
    section = Section("arguments")
    payloads_into_outputs.with_arguments({name: PAYLOADS[name]}, section)
    assert section.events == []
    assert list(folder.parent.iterdir()) == [folder], "written outside the folder"


def test_predictions_on_a_terminal_and_in_a_pipe(folder: Path) -> None:
    names = ("clipboard", "newline", "spreadsheet", "carriage return", "script")
    labels = {name: PAYLOADS[name] for name in names}
    payload_folder.write_table(Path("t.csv"), labels, 0)
    words = ("train", "t.csv", "--target", "label", "--epochs", "1", "--net", "2", "--out", "run")
    assert payload_folder.run_command(*words).code == 0
    seen = payload_folder.run_command("predict", "run", "t.csv", "--proba")
    assert raw_controls(seen.out) == set()
    only = ("predict", "run", "t.csv", "--only-predictions")
    seen = payload_folder.run_command(*only, "--proba")
    assert raw_controls(seen.out) == set()
    assert len(seen.out.splitlines()) == 41
    assert "\\x1b]52;c;" in seen.out.splitlines()[0]
    raw = payload_folder.run_command(*only, "--raw", is_terminal=False)
    rows = list(csv.reader(io.StringIO(raw.out, newline=""), strict=True))
    assert len(rows) == 41
    assert {row[0] for row in rows[1:]} <= set(payload_folder.labels_of(Path("run")))
    assert {row[0] for row in rows[1:]} <= {text.strip() for text in labels.values()}
    piped = payload_folder.run_command("predict", "run", "t.csv", "--proba", is_terminal=False)
    assert payload_folder.run_command("predict", "run", "t.csv", "--proba", "--out", "p.csv").code == 0
    assert Path("p.csv").read_bytes() == piped.out.encode(), "a file and a pipe are equal"
    assert output_checks.csv_problems(piped.out) == []
    cells = list(csv.DictReader(io.StringIO(piped.out, newline=""), strict=True))
    assert {spreadsheet_text(row["label"]) for row in cells} == {text.strip() for text in labels.values()}
    header = next(
        csv.reader(io.StringIO(payload_folder.run_command(*only, "--proba", is_terminal=False).out))
    )
    assert {f"probability of {label}" for label in payload_folder.labels_of(Path("run"))} == set(header[1:])


def test_a_label_that_is_a_formula_is_quoted_unless_raw(folder: Path) -> None:
    Path("t.csv").write_text("x,y\n" + "".join(f"{i},{'=1+1' if i % 2 else 'b'}\n" for i in range(60)))
    train = "train t.csv --epochs 60 --net 4 --target y --out run --category x"
    assert payload_folder.run_command(*train.split()).code == 0
    labels = {}
    for option in ("", "--raw"):
        words = ("predict", "run", "t.csv", "--only-predictions", *option.split())
        printed = payload_folder.run_command(*words, is_terminal=False)
        labels[option] = set(printed.out.splitlines()[1:])
    assert "'=1+1" in labels[""] or "b" in labels[""]
    assert labels["--raw"] == {text.removeprefix("'") for text in labels[""]}


ACTIVE_TEXTS = [
    (output_checks.html_problems, "<p onclick='x'>"),
    (output_checks.html_problems, "<a href='javascript:x'>"),
    (output_checks.html_problems, "a\u202eb"),
    (output_checks.html_problems, "<script>x</script>"),
    (output_checks.svg_problems, "<svg"),
    (output_checks.svg_problems, "<svg onload='x'/>"),
    (output_checks.csv_problems, "a,b\n1\n"),
    (output_checks.csv_problems, "a\n=1+1\n"),
    (output_checks.screen_problems, "a\x1b[0m"),
    (output_checks.screen_problems, "a\rb"),
    (output_checks.screen_problems, "x\nUsageError E101 in --net: forged"),
]


@pytest.mark.parametrize(("check", "text"), ACTIVE_TEXTS)
def test_the_output_checks_report_active_content(check, text: str) -> None:
    assert check(text)


IN_PAGES = (
    "script",
    "end of title",
    "attribute",
    "single attribute",
    "image",
    "svg",
    "iframe",
    "style",
    "template",
)
ACTIVE = "script, iframe, img, object, embed, [onload], [onerror], [onfocus], [onmouseover], a[href^=java]"


@pytest.fixture
def pages(folder: Path) -> list[Path]:
    """All pages and drawings of a training on texts that want to be active."""
    payload_folder.write_table(Path("t.csv"), {name: PAYLOADS[name] for name in IN_PAGES}, 0)
    train = "train t.csv --target label --epochs 1 --net 2 --out run --histograms 1"
    assert payload_folder.run_command(*train.split()).code == 0
    text = PAYLOADS["script"]
    for words in payload_folder.commands_of_run("run", "t.csv", text, f"{text} 0"):
        if "--html" in words:
            assert payload_folder.run_command(*words).code == 0, words
    assert payload_folder.run_command("plot", "run", "confusion_matrix", "t.csv", "--out", "c.svg").code == 0
    return [*folder.rglob("*.html"), *folder.rglob("*.svg")]


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
def test_no_payload_is_active_in_a_browser(pages: list[Path]) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    assert len(pages) >= 7
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for file in pages:
            page, messages, requests = browser.new_page(), [], []
            page.on("dialog", lambda d, messages=messages: (messages.append(d.message), d.dismiss()))
            page.on("console", lambda message, messages=messages: messages.append(message.text))
            page.on("request", lambda request, requests=requests: requests.append(request.url))
            page.goto(file.as_uri())
            assert page.locator(ACTIVE).count() == 0, file
            assert messages == [], file
            assert requests == [file.as_uri()], file
            page.close()
        browser.close()
