"""The report: one self-contained file, in both languages, with the history, and without active content."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chainrule.train.callback.early_stopping import MEMBER_LOSS

VOID = {"meta", "input", "br", "img", "link", "hr", "wbr"}
HOSTILE = '<script>alert("x")</script>'


class Page(HTMLParser):
    """Parses a page and requires every tag to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(trained) -> Page:
    """The report of the training on the loans."""
    return Page(Path("loans/report.html").read_text(encoding="utf-8"))


def test_every_tag_is_closed_and_all_plots_exist(page: Page) -> None:
    assert page.open == []
    # loss and accuracy, calibration, abstention, threshold, network; the partial dependence on one column
    plots = 6 + 1
    assert [tag for tag, _ in page.tags].count("svg") == plots


def test_the_report_loads_nothing_from_outside(page: Page) -> None:
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "img", "object", "embed", "form", "base", "foreignobject"}
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    for _, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "xlink:href", "src"):
                assert str(value).startswith("#")
    source = Path("loans/report.html").read_text(encoding="utf-8")
    assert "http:" not in source
    assert "https:" not in source
    assert "@import" not in source
    assert set(re.findall(r"url\((.)", source)) <= {"#"}


def test_ids_inside_plots_are_unique(page: Page) -> None:
    names = [a["id"] for _, a in page.tags if "id" in a and re.search(r"[0-9a-f]{6}$", str(a["id"]))]
    assert len(names) == len(set(names))


def test_the_report_has_the_history_and_the_result(page: Page, trained) -> None:
    with Path("loans/history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        for name, value in row.items():
            digits = f"{float(value):.4g}" if value else ""
            assert digits in page.text or MEMBER_LOSS.fullmatch(name)
    for number in re.findall(r"network +(\S+) +(\S+)", trained.out)[0]:
        assert number in page.text


def test_the_report_has_both_languages(page: Page) -> None:
    for text in (
        "Result on rows that were not used in training",
        "未参与训练的数据上的结果",
        "Confusion matrix",
        "混淆矩阵",
        "purpose",
    ):
        assert text in page.text
    assert "chainrule train" in page.text
    spans = [a.get("class") for tag, a in page.tags if tag == "span"]
    assert spans.count("en") == spans.count("zh") > 20


@pytest.mark.long
def test_the_report_of_a_regression_has_plots(chainrule) -> None:
    assert chainrule("train", "diabetes", "--epochs", 2, "--out", "run", "--lang", "zh").code == 0
    source = Path("run/report.html").read_text(encoding="utf-8")
    plots = 5 + 5  # two curves, predictions, residuals, network; the partial dependence on five columns
    assert [tag for tag, _ in Page(source).tags].count("svg") == plots
    assert '<html lang="zh">' in source


def test_markup_in_data_is_escaped(chainrule) -> None:
    lines = [f'"{HOSTILE.replace(chr(34), chr(34) * 2)}",[bold red]b[/],\x1b]0;title\x07c']
    lines += [f"{i},{i % 5},{['<img src=x onerror=alert(1)>', '=1+1'][i % 2]}" for i in range(40)]
    Path("<b>table.csv").write_text("\n".join(lines), encoding="utf-8")
    outcome = chainrule(
        "train", "<b>table.csv", "--target", "\x1b]0;title\x07c", "--epochs", 2, "--out", "run"
    )
    assert outcome.code == 0, outcome.err
    assert "[bold red]b[/]" in outcome.out
    assert "\x1b" not in outcome.out + outcome.err
    assert "\\x1b]0;title\\x07c" in outcome.out
    source = Path("run/report.html").read_text(encoding="utf-8")
    page = Page(source)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert page.text.count(HOSTILE) >= 1
    assert "<img src=x" in page.text
    words = ("predict", "run", "<b>table.csv", "--only-predictions")
    predictions = chainrule(*words).out.splitlines()[1:]
    assert set(predictions) <= {"<img src=x onerror=alert(1)>", "'=1+1"}
