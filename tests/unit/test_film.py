"""The moving images of the READMEs: well-formed, small, and of the commands that the READMEs name."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from pages.film import COLUMNS, COMMANDS, LIMIT, ROWS, film, scene
from PIL import Image

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"


def texts(svg: str) -> list[str]:
    """The texts of an SVG, without its title and style."""
    elements = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [element.text or "" for element in elements]


def test_a_film_shows_each_line_once_per_screen_and_escapes_it() -> None:
    output = "".join(f"line <{i}> & 说明\n" for i in range(2 * ROWS))
    svg = film([scene(["show", "a<b"], output), scene(["data"], "one\n")])
    lines = texts(svg)
    assert lines.count("$ chainrule show a<b") == 1
    assert "line <0> &" in lines
    assert f"line <{2 * ROWS - 1}> &" in lines
    assert lines.count("说明") == 2 * (ROWS - 1)
    assert svg.count("@keyframes") == svg.count("animation-name:")
    assert all(f"animation-name:{rule.split()[0]}" in svg for rule in svg.split("@keyframes ")[1:])


def test_long_lines_end_at_the_edge() -> None:
    lines, _ = scene(["data"], "x" * 500 + "\n").screens[0]
    assert lines == ("x" * COLUMNS,)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_films_of_the_readmes_are_small_and_of_their_commands(lang: str) -> None:
    readme = (ROOT / {"en": "README.md", "zh": "README.zh-CN.md"}[lang]).read_text(encoding="utf-8")
    svg = IMAGES / f"film.{lang}.svg"
    texts_of_film = texts(svg.read_text(encoding="utf-8"))
    for words in COMMANDS:
        assert any(text.startswith(f"$ chainrule {' '.join(words)}") for text in texts_of_film)
    for file in (svg, IMAGES / f"studio-film.{lang}.webp"):
        assert f"docs/images/{file.name}" in readme
        assert 10_000 < file.stat().st_size <= LIMIT
    with Image.open(IMAGES / f"studio-film.{lang}.webp") as image:
        assert image.n_frames == 10
