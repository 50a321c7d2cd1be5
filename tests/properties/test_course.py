"""The course: every number of its texts is an output of its code, in both languages."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import nbformat
import pytest
from pages.page_catalogs import CATALOGS
from pages.translations import read_catalog

from chainrule import course
from chainrule.course.presentation import CODE_LINES, divided
from chainrule.escaping import escape
from page_examples import DOCS, expected_output

PARTS = sorted((DOCS / "course").glob("[0-9]*.md"))
CODE = re.compile(r"^(```+)\w*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?!\w|\.\d)")
NAME = re.compile(
    r"`[^`]*`|^#+ .*|\b(?:section|sections|part|version|Section) \d[\d.]*|[\d.]+ ?节", re.MULTILINE
)
"""Text whose numbers are no results: code, headings, references to sections."""
SOURCES = {"1-background": {"15.3", "26.2", "1512.03385"}}
"""Numbers by page that a cited paper states."""
SCORES = {"6-applications": ("applications.md", "generation.md", "translation.md")}
"""Pages of the repository from which a part takes its numbers, by part."""


def code_of(page: str) -> str:
    """The code blocks of a page, with their outputs."""
    return "\n".join(block[1] for block in CODE.findall(page))


def stated(text: str) -> set[str]:
    """The decimal numbers of a text."""
    return set(NUMBER.findall(NAME.sub("", text)))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.stem)
def test_every_number_of_the_text_is_computed(part: Path) -> None:
    page = part.read_text(encoding="utf-8")
    scores = "".join((DOCS / name).read_text(encoding="utf-8") for name in SCORES.get(part.stem, ()))
    computed = set(re.findall(r"\d+\.\d+", code_of(page) + scores)) | SOURCES.get(part.stem, set())
    assert stated(CODE.sub("", page)) - computed == set()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.stem)
def test_the_chinese_text_states_the_same_numbers(part: Path) -> None:
    catalog = read_catalog(CATALOGS / "course" / f"{part.stem}.po")
    assert len(catalog) > 10
    for message in catalog:
        if message.id and not str(message.id).endswith("\n"):
            assert stated(str(message.id)) == stated(str(message.string)), message.id


def test_numbers_of_code_and_sections_are_not_results() -> None:
    assert stated("## 3.1 Why\nsection 4.3 has `x = 0.5`; the loss is 0.25, not 0.5.") == {"0.25", "0.5"}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.stem)
def test_the_terminal_has_every_translation(part: Path) -> None:
    text = course.part_text(int(part.stem.partition("-")[0]), "zh")
    catalog = read_catalog(CATALOGS / "course" / f"{part.stem}.po")
    assert [m.id for m in catalog if m.id and str(m.string).rstrip("\n") not in text] == []


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("number", course.parts())
def test_formulas_in_a_terminal_have_no_commands(number: int, lang: str) -> None:
    plain = CODE.sub("", course.with_plain_formulas(course.part_text(number, lang)))
    assert not re.search(r"[\\{}$]", plain)


def lines_of(text: str) -> list[str]:
    """The lines of a text that are not empty."""
    return [line for line in text.splitlines() if line.strip()]


EXERCISES = [part for part in PARTS if "\n## Exercises\n" in part.read_text(encoding="utf-8")]


@pytest.mark.parametrize("part", EXERCISES, ids=lambda part: part.stem)
def test_each_exercise_has_a_solution_with_a_program(part: Path) -> None:
    text = part.read_text(encoding="utf-8")
    exercises, heading, solutions = text.partition("\n## Exercises\n")[2].partition("\n## Solutions\n")
    count = len(re.findall(r"^\d+\. ", exercises, re.MULTILINE))
    assert heading
    assert "print(" in solutions
    numbers = re.findall(r"^\*\*Exercise (\d+)\.\*\* ", solutions, re.MULTILINE)
    assert numbers == [str(n + 1) for n in range(count)]
    programs = re.findall(r"^\*\*Exercise .*?(?=^\*\*Exercise |\Z)", solutions, re.MULTILINE | re.DOTALL)
    assert all("```python" in solution and "# " in solution for solution in programs)


def test_the_parts_with_exercises_are_all_but_the_questions() -> None:
    assert [part.stem for part in PARTS if part not in EXERCISES] == ["9-questions"]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("number", course.parts())
def test_slides_have_everything_of_a_part_but_long_paragraphs(number: int, lang: str) -> None:
    text = course.part_text(number, lang)
    page = course.slides(text, lang)
    code = re.findall(r'<pre class="code"[^>]*>(.*?)</pre>', page, re.DOTALL)
    programs = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert lines_of(unescape(re.sub("<[^>]*>", "", "\n".join(code)))) == lines_of("\n".join(programs))
    assert all(len(lines_of(program)) <= CODE_LINES for program in code)
    formulas = [block for block in course.blocks(text) if block.startswith("$$")]
    assert page.count('display="block"') == len(formulas)
    assert page.count("<section") == page.count("</section>") > 10
    for heading in re.findall(r"^#+ ([^$`\n]*)$", CODE.sub("", text), re.MULTILINE):
        assert f">{escape(heading)}</h" in page, heading
    assert "$" not in re.sub(r"<pre.*?</pre>|<script.*?</script>|<code.*?</code>", "", page, flags=re.DOTALL)
    assert not re.search(r"\b(?:src|href)=(?!\"https?://)", page)


def test_each_paragraph_with_a_result_has_it_on_a_slide() -> None:
    pieces = [piece.content for slide in divided(course.part_text(6)) for piece in slide.pieces]
    scores = [line for line in "".join(pieces).splitlines() if re.search(r"\d\.\d{4}", line)]
    assert len(scores) > 15
    assert any("0.8479" in line for line in scores)


def test_slides_of_text_that_looks_like_html_show_it() -> None:
    page = course.slides("# A <b>\n\n<script>alert(1)</script> `<i>` [x](javascript:alert(1))\n", "en")
    assert page.count("<script>") == 1
    assert "<b>" not in page
    assert "<i>" not in page
    assert "javascript:" not in page


@pytest.mark.parametrize("number", course.parts())
def test_a_notebook_has_the_programs_and_outputs_of_the_part(number: int) -> None:
    text = course.part_text(number)
    content = json.loads(course.notebook(text))
    nbformat.validate(nbformat.from_dict(content))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    programs = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    printed = ["".join(output["text"] for output in cell["outputs"]) for cell in cells]
    assert len(programs) > 5
    assert printed == ["".join(f"{line}\n" for line in expected_output(p)) for p in programs]
    for cell in cells:
        compile(cell["source"], "cell", "exec")
