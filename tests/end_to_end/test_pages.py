"""The documentation site: pages of every block in both languages, links, and the Sphinx build."""

from __future__ import annotations

import doctest
import posixpath
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from pages import common_names, guide, names, outputs, page, page_catalogs
from pages.block_page import block_page, block_path
from pages.front import chinese_page, kind_page
from pages.page import Page, broken_links, plain
from pages.peers.torch_names import VERSION, torch_names
from pages.reference import reference_pages
from pages.site import block_paths, frame, to_html, write

import chainrule
from chainrule.catalog import KINDS
from chainrule.catalog.terms import TERMS
from chainrule.nn.loss import LOSSES

CHINESE = re.compile("[一-鿿]")
HANDFUL = [
    ("layer", "Dense"),
    ("layer", "BatchNorm"),
    ("activation", "gelu"),
    ("activation", "softmax"),
    ("loss", "huber"),
    ("optimizer", "adam"),
    ("schedule", "OneCycle"),
    ("initializer", "he"),
    ("metric", "f1"),
    ("callback", "Checkpoint"),
    ("penalty", "L1L2"),
    ("constraint", "MaxNorm"),
    ("clip", "ClipNorm"),
    ("op", "convolution"),
    ("op", "where"),
]
TABLE = names.TABLE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def handful() -> list[Page]:
    """Pages of some blocks of every kind."""
    return [block_page(kind, name) for kind, name in HANDFUL]


def with_stubs(pages: list[Page]) -> list[Page]:
    """The pages, and an empty page for every other page that they link to."""
    there = {page.path for page in pages}
    others = {target for page in pages for target in page.links if target.endswith(".md")} - there
    return [*pages, *(Page(path, f"# {path}\n", in_menu=False) for path in sorted(others | {"index.md"}))]


def test_every_block_has_a_page_and_a_line_in_both_languages() -> None:
    chinese = chinese_page().links
    for kind in KINDS.values():
        listed = kind_page(kind).links
        for name in kind.entries:
            path = block_path(kind, name)
            assert block_paths()[path] == (kind.name, name)
            assert path in listed
            assert path in chinese
    assert len({path.casefold() for path in block_paths()}) == len(block_paths()), "two files of one name"


def test_no_link_is_broken(handful: list[Page]) -> None:
    blocks = {page.path: page for page in handful}
    empty = [Page(path, "") for path in block_paths() if path not in blocks]
    assert broken_links([*frame(), *reference_pages(), *handful, *empty]) == []


def test_broken_links_are_reported_and_nothing_is_written(tmp_path: Path) -> None:
    linked = Page("a/b.md", "[up](../c.md), ![drawn](d.svg), ``[x](y.md)`` and\n```\n[x](y.md)\n```\n")
    assert broken_links([linked]) == ["a/b.md -> c.md", "a/b.md -> a/d.svg"]
    assert broken_links([Page("a/b.md", linked.text, {"d.svg": ""}), Page("c.md", "")]) == []
    with pytest.raises(ValueError, match=r"c\.md"):
        write([linked], tmp_path / "site")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("i", range(len(HANDFUL)), ids=[f"{kind} {name}" for kind, name in HANDFUL])
def test_a_page_has_title_chinese_text_formula_example_and_images(handful: list[Page], i: int) -> None:
    kind, name = HANDFUL[i]
    block = handful[i]
    assert f"\n# {name}\n" in block.text
    assert CHINESE.search(block.text)
    assert "\n>>> " in block.text
    assert 'class="formula"' in block.text or kind in ("initializer", "callback")
    has_image = kind in ("activation", "schedule")
    assert len(block.images) == has_image
    for image in block.images.values():
        ElementTree.fromstring(image)
    for formula in re.findall(r"<math.*?</math>", block.text):
        ElementTree.fromstring(formula)


@pytest.fixture(scope="module")
def built(handful: list[Page], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of these pages."""
    folder = tmp_path_factory.mktemp("site")
    write(with_stubs(handful), folder / "source")
    assert to_html(folder / "source", folder / "html") == 0
    return folder / "html"


@pytest.mark.long
def test_sphinx_builds_the_site_without_warnings(built: Path) -> None:
    html = (built / "blocks" / "layer" / "Dense.html").read_text(encoding="utf-8")
    assert "全连接层" in html
    assert "errors/E208.html" in html
    assert (built / "searchindex.js").exists()


@pytest.mark.parametrize(
    ("query", "titles"),
    [("全连接层", ["Dense"]), ("批量规范化", ["BatchNorm"]), ("layer Dense", ["Dense"]), ("并无此词", [])],
)
@pytest.mark.long
def test_the_search_of_the_site_lists_pages_with_chinese_and_english_words(
    built: Path, query: str, titles: list[str]
) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{(built / 'search.html').as_uri()}?q={query}")
        page.wait_for_function("/found|did not/.test(document.querySelector('.search-summary')?.textContent)")
        hits = page.locator("#search-results li a").all_inner_texts()
        browser.close()
    assert hits[: len(titles)] == titles
    assert bool(hits) == bool(titles)


@pytest.mark.long
def test_translated_pages_have_the_code_and_the_numbers_of_the_english_ones(tmp_path: Path) -> None:
    paths = ("trust.md", "examples/diagnose.md", "course/5-code.md")
    translated = [replace(text, in_menu=False) for text in guide.guides() if text.path in paths]
    write(with_stubs(translated), tmp_path / "source")
    html = {}
    for language in ("en", "zh_CN"):
        assert to_html(tmp_path / "source", tmp_path / language, language) == 0
        for text in translated:
            file = (tmp_path / language / text.path).with_suffix(".html")
            html[text.path, language] = file.read_text(encoding="utf-8")
    for text in translated:
        english, chinese = html[text.path, "en"], html[text.path, "zh_CN"]
        cells = [re.findall(r"<td>(?:<p>)?([\d.,]+) ", page) for page in (english, chinese)]
        assert cells[0] == cells[1]
        assert cells[0] or text.path.startswith("course/")
        assert len(CHINESE.findall(english)) < 30 < len(CHINESE.findall(chinese)) / 10
        assert html[text.path, "zh_CN"].count("href=") == html[text.path, "en"].count("href=")
    course = [html["course/5-code.md", language] for language in ("en", "zh_CN")]
    assert "<h1>5. 代码" in course[1]
    for content, words in zip(course, ("Show the solutions", "显示解答"), strict=True):
        assert f'<details class="solutions"><summary>{words}</summary>' in content
        assert content.count("</details>") == content.count("<details")
        assert "<pre>" not in content
    assert "<h1>可信性：测量的结果" in html["trust.md", "zh_CN"]
    assert 'href="#strength-of-the-attacks"' in html["trust.md", "zh_CN"]
    assert 'class="language" href="../zh/examples/diagnose.html">中文' in html["examples/diagnose.md", "en"]
    assert 'href="../../examples/diagnose.html">English' in html["examples/diagnose.md", "zh_CN"]
    assert "# 二十次划分" in html["examples/diagnose.md", "zh_CN"]


@pytest.mark.parametrize(
    "module", [names, page, guide, outputs, page_catalogs, common_names], ids=lambda module: module.__name__
)
def test_the_doctests_of_the_builder_pass(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert result.failed == 0


def test_markup_in_plain_text_is_escaped() -> None:
    assert plain("a *b* [c](d) <e> ``f*g``") == r"a \*b\* \[c\](d) &lt;e> `f*g`"


def test_the_table_has_every_name_of_pytorch() -> None:
    assert "torch.nn" in torch_names()
    for namespace, inside in torch_names().items():
        section = TABLE.split(f"\n## {namespace}\n")[1].split("\n## ")[0]
        listed = set(re.findall(r"^\| `(\w+)`", section, re.M))
        assert set(inside) - listed == set(), f"{namespace}: run python -m pages.names"


def test_every_block_in_the_table_exists() -> None:
    named = re.findall(rf"`({'|'.join(KINDS)}) (\w+)`", TABLE)
    assert len(named) > 300
    assert [pair for pair in named if pair[1] not in KINDS[pair[0]].entries] == []


def test_the_table_is_what_the_command_writes() -> None:
    version = re.search(r"PyTorch ([\d.]+)", TABLE)
    assert version is not None
    if version[1] != VERSION:
        pytest.skip(f"the table was written with PyTorch {version[1]}")
    assert names.page() == TABLE, "run python -m pages.names"
    assert names.peers() == names.PEERS.read_text(encoding="utf-8"), "run python -m pages.names"


def test_names_are_matched_with_registries_and_peer_entries() -> None:
    match = names.match("torch.nn", "LazyConv2d", {})
    assert match is not None
    assert (match.status, match.equivalent) == ("same", "`layer Conv`")
    entries = {"Pad": "layer Pad; with zeros", "Gone": "layer Gone", "No": "- for a reason", "Odd": "cr.gone"}
    assert names.match("torch.nn", "Pad2d", entries) == names.Match("same", "`layer Pad`", "with zeros")
    for name, reason in (("Gone", "not built"), ("No", "for a reason"), ("Odd", "not built")):
        assert names.match("torch.nn", name, entries) == names.Match("out", "", reason)
    with pytest.raises(ValueError, match="Unheard"):
        names.rows("torch.nn", ["Conv2d", "Unheard"], {})


def test_every_loss_is_resolved_by_its_pytorch_and_keras_names() -> None:
    for loss in LOSSES.values():
        for peer in (loss.pytorch, loss.keras):
            assert not peer or KINDS["loss"].named(peer) in LOSSES


def test_every_public_name_is_in_the_reference_or_is_a_block() -> None:
    text = "\n".join(page.text for page in reference_pages())
    blocks = {name for _, name in block_paths().values()}
    listed = set(re.findall(r"(?:class|function|data)?:: chainrule\.([\w.]+)", text))
    packages = {name for name in chainrule.__all__ if isinstance(getattr(chainrule, name), ModuleType)}
    assert set(chainrule.__all__) - listed - blocks - packages == set()
    assert len(listed) > 250


def test_the_names_used_most_are_in_both_languages() -> None:
    pages = {page.path: page for page in reference_pages()}
    table = pages[common_names.PATH].text
    assert sum(map(len, common_names.CHINESE.values())) > 60
    for area, sentences in common_names.CHINESE.items():
        for name, text in sentences.items():
            assert common_names.summary(name).rstrip().endswith("."), name
            assert CHINESE.search(text)
            assert f"[{plain(name)}](" in table
            assert plain(text) in table
            assert "." in name or f"## {name}\n\n" in pages[f"reference/{area}.md"].text


def test_every_page_is_reached_and_guides_in_three_clicks() -> None:
    pages = {page.path: page for page in all_pages_of_frame()}
    distance = {"index.md": 0}
    waiting = ["index.md"]
    for path in waiting:
        menu = re.findall(r"^(?:[^\n]* <)?([\w./-]+\.md)>?$", pages[path].text, re.MULTILINE)
        in_menu = [posixpath.normpath(posixpath.join(pages[path].folder, entry)) for entry in menu]
        for target in [*pages[path].links, *in_menu]:
            if target in pages and target not in distance:
                distance[target] = distance[path] + 1
                waiting.append(target)
    assert set(pages) - set(distance) == set()
    assert [path for path in pages if distance[path] > 3] == []


def all_pages_of_frame() -> list[Page]:
    """All pages; those of blocks without their content, which is executed."""
    blocks = [Page(path, f"# {name}\n") for path, (_, name) in block_paths().items()]
    return [*frame(), *reference_pages(), *blocks]


@pytest.mark.long
def test_the_reference_builds_without_warnings(tmp_path: Path) -> None:
    chosen = [
        replace(page, in_menu=False) for page in reference_pages() if page.path.endswith("estimators.md")
    ]
    write(with_stubs(chosen), tmp_path / "source")
    assert to_html(tmp_path / "source", tmp_path / "html") == 0
    html = (tmp_path / "html" / "reference" / "estimators.html").read_text(encoding="utf-8")
    for method in ("fit", "predict", "predict_proba"):
        assert f'TabularClassifier.{method}"' in html
    assert "Parameters" in html


def test_terms_and_questions_are_linked_and_in_both_languages() -> None:
    pages = {page.path: page for page in frame()}
    for path in ("terms.md", "faq.md"):
        assert path in pages["index.md"].links
        assert len(CHINESE.findall(pages[path].text)) > 1_000
    anchors = set(re.findall(r"^\(([\w-]+)\)=$", pages["terms.md"].text, re.MULTILINE))
    assert set(re.findall(r"\]\(#([\w-]+)\)", pages["terms.md"].text)) <= anchors
    assert len(anchors) == len(TERMS)
