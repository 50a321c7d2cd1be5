"""Exported HTML pages in a browser: forms, drawing, explanations, languages, attacks, no request."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns.hostile_cases import payload_folder
from campaigns.hostile_cases.payloads import PAYLOADS, raw_controls

import chainrule as cr
from chainrule.errors import FileError
from chainrule.interop.export import html_file
from chainrule.models import lenet5
from chainrule.symbolic_shape import Size, Spec

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
TEXTS = (
    "script",
    "end of title",
    "attribute",
    "single attribute",
    "image",
    "svg",
    "iframe",
    "style",
    "template",
    "bidi override",
    "braces",
    "spreadsheet",
)
LARGEST = 60_000  # bytes of a page beside its weights
ACTIVE = "iframe, img, object, embed, [onload], [onerror], [onfocus], [onmouseover], a"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


@pytest.fixture(scope="module")
def of_table() -> cr.Model:
    """Loans of a table with each kind of column."""
    rng = np.random.default_rng(0)
    amount = rng.normal(100, 20, 90)
    rows = {
        "amount": [None if i % 9 == 4 else round(float(value), 1) for i, value in enumerate(amount)],
        "city": [("Rome", "Paris", "Lima")[i % 3] for i in range(90)],
        "member": ["yes" if i % 2 else "no" for i in range(90)],
        "day": [f"2024-{1 + i % 12:02}-{1 + i % 28:02} {i % 24:02}:00" for i in range(90)],
        "clock": [f"{i % 24:02}:{7 * i % 60:02}" for i in range(90)],
        "loan": np.where(amount + 10 * (np.arange(90) % 2) > 105, "yes", "no").tolist(),
    }
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(2)), "cross_entropy")
    model.fit(rows, "loan", epochs=30, verbose=False)
    return model


@pytest.fixture(scope="module")
def of_images() -> cr.Model:
    """A LeNet with initial parameters."""
    spec = Spec((Size.symbol("B"), 28, 28, 1), "float32")
    return cr.Model(lenet5(10), "cross_entropy").initialize({"x": spec})


class Visit:
    """A page in the browser, with its messages and requests.

    Args:
        browser: runs it.
        file: of the page.
        width: of the window.
        scheme: light or dark.
    """

    def __init__(self, browser: Any, file: Path, width: int = 1000, scheme: str = "light") -> None:
        self.file = file
        self.page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("dialog", lambda dialog: (self.messages.append(dialog.message), dialog.dismiss()))
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def finish(self) -> None:
        """Close a page that had no message and no request."""
        assert self.messages == []
        assert self.requests == [self.file.as_uri()]
        self.page.close()


def beside_weights(file: Path) -> int:
    """The bytes of a page without its weights."""
    text = file.read_text(encoding="utf-8")
    return len(re.sub(r'(id="weights">)[^<]*', r"\1", text).encode())


def test_a_form_predicts_and_explains_rows_of_a_table(browser: Any, folder: Path, of_table: cr.Model) -> None:
    file = folder / "loan.html"
    assert of_table.export(file).rows == 7
    assert beside_weights(file) < LARGEST
    visit = Visit(browser, file)
    page = visit.page
    assert "7 example rows" in page.inner_text("#check")
    cells = {"amount": "131.5", "day": "2024-03-31T18:00", "clock": "07:30"}
    for name, text in cells.items():
        page.get_by_label(name, exact=True).fill(text)
    page.get_by_label("city", exact=True).select_option("Lima")
    preparation: Any = of_table.preparation
    reference = "yes" if preparation.encodings[2].mean >= 0.5 else "no"
    member = {"yes": "no", "no": "yes"}[reference]
    page.get_by_label("member", exact=True).select_option(member.title())
    row = {
        "amount": [131.5],
        "city": ["Lima"],
        "member": [member],
        "day": ["2024-03-31 18:00"],
        "clock": ["7:30"],
    }
    (label,) = of_table.predict(row)
    probability = of_table.predict_proba(row)[0].max()
    assert page.inner_text(".answer") == label
    assert page.inner_text("#outputs tbody td") == f"{probability:.3f}"
    other = of_table.predict_proba({**row, "member": [reference]})[0][preparation.labels.index(label)]
    change = page.locator("#reasons tr", has_text="member").locator("td").nth(0).inner_text()
    assert float(change.replace("\u2212", "-")) == pytest.approx(probability - other, rel=1e-2, abs=1e-6)
    page.get_by_label("amount", exact=True).fill("")
    row["amount"] = [None]
    assert page.inner_text("#outputs tbody td") == f"{of_table.predict_proba(row)[0].max():.3f}"
    visit.finish()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_languages_fit_a_phone(browser: Any, folder: Path, of_table: cr.Model, scheme: str) -> None:
    file = folder / "phone.html"
    of_table.export(file)
    visit = Visit(browser, file, 360, scheme)
    for lang, words in (("zh", "各输入的贡献"), ("en", "Contribution of each input")):
        visit.page.focus(f"#lang-{lang}")
        visit.page.keyboard.press("Space")
        assert words in visit.page.inner_text("main")
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
    assert visit.page.evaluate("document.documentElement.lang") == "en"
    names = "[...document.querySelectorAll('input, select, canvas')].filter(e => e.checkVisibility())"
    unnamed = f"{names}.filter(e => !e.labels?.length && !e.ariaLabel).map(e => e.id)"
    assert visit.page.evaluate(unnamed) == []
    visit.finish()


def test_a_drawn_image_is_predicted_and_explained(browser: Any, folder: Path, of_images: cr.Model) -> None:
    file = folder / "digits.html"
    of_images.export(file)
    assert beside_weights(file) < LARGEST
    visit = Visit(browser, file)
    page = visit.page
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 280, steps=5)
    page.mouse.up()
    pixels = np.array(page.evaluate("Array.from(state.row[0])"), "float32").reshape(1, 28, 28, 1)
    assert 20 < (pixels > 0.5).sum() < 200
    assert page.inner_text(".answer") == str(of_images.predict(pixels)[0])
    page.locator("#heat").wait_for(state="visible")
    page.click("#clear")
    assert page.evaluate("state.row[0].every(x => x === 0)")
    page.focus("#canvas")
    for key in ("Space", "ArrowRight", "ArrowRight", "ArrowDown", "Space", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("state.row[0].some(x => x > 0.5)")
    visit.finish()


@pytest.mark.long
def test_each_entry_of_a_small_array_has_a_field(browser: Any, folder: Path) -> None:
    net = cr.Parallel(size=cr.Dense(1), kind=cr.Dense(2), merge_mode="none")
    model = cr.Model(net, {"size": "mse", "kind": "cross_entropy"}, classes={"kind": ["no", "yes"]})
    model.initialize({"x": Spec((Size.symbol("B"), 3), "float32")})
    file = folder / "entries.html"
    model.export(file)
    visit = Visit(browser, file)
    for i, number in enumerate((0.5, -1.0, 2.0)):
        visit.page.get_by_label(f"x[{i}]", exact=True).fill(str(number))
    predicted = model.predict(np.array([[0.5, -1.0, 2.0]], "float32"))
    size, kind = visit.page.locator(".answer").all_inner_texts()
    assert float(size) == pytest.approx(predicted["size"].item(), rel=1e-3)
    assert kind == predicted["kind"][0]
    visit.page.select_option("#target", "1")
    assert "kind" in visit.page.inner_text("#method")
    visit.page.get_by_label("x[0]", exact=True).fill("")
    visit.finish()


@pytest.mark.long
def test_texts_of_a_table_are_neither_executed_nor_markup(
    browser: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    payload_folder.write_table(Path("t.csv"), {name: PAYLOADS[name] for name in TEXTS}, 0)
    train = "train t.csv --target label --epochs 1 --net 2 --out run"
    assert payload_folder.run_command(*train.split()).code == 0
    assert payload_folder.run_command("export", "run", "--to", "html", "--out", "p.html").code == 0
    text = (folder / "p.html").read_text(encoding="utf-8")
    assert raw_controls(text) - {"\t"} == set()
    assert text.count("<script") == text.count("</script") == 3
    visit = Visit(browser, folder / "p.html")
    assert visit.page.locator(ACTIVE).count() == 0
    assert visit.page.locator("script").count() == 3
    assert "alert" in visit.page.inner_text("body")
    visit.finish()


@pytest.mark.long
def test_a_browser_compares_the_page_where_node_is_missing(
    folder: Path, of_images: cr.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html_file, "node_program", lambda: None)
    result = of_images.export(folder / "browser.html")
    assert (result.program, result.rows) == ("Chromium", 7)
    monkeypatch.setattr(html_file.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileError) as error:
        of_images.export(folder / "none.html")
    assert error.value.code == "E464"
    assert not (folder / "none.html").exists()
