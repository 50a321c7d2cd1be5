"""Plots of attributions: well-formed, colored by sign, small whatever the size of the image."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule.attribution.attribution import Attribution
from chainrule.attribution.plots import (
    OPPOSE,
    SUPPORT,
    color_of,
    heat_map,
    scale_limit,
    visible_token,
    words_html,
)
from chainrule.messages import translated

SVG = "{http://www.w3.org/2000/svg}"


def attribution_of(values: np.ndarray, inputs: np.ndarray, lang: str = "en", **more: object) -> Attribution:
    """An attribution of these values."""
    targets, scores = ("<b>",) * len(values), np.zeros(len(values))
    options: Any = {"lang": lang, **more}
    return Attribution("occlusion", {"x": values}, "logit", targets, scores, {"x": inputs}, **options)


@pytest.mark.parametrize("shape", [(8, 8, 1), (5, 9, 3), (300, 130, 3), (1, 1, 1)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_heat_map_is_well_formed_and_small(shape: tuple[int, ...], lang: str) -> None:
    rng = np.random.default_rng(0)
    values, inputs = rng.normal(size=(2, *shape)), rng.normal(size=(2, *shape))
    attribution = attribution_of(values, inputs, lang)
    svg = attribution.to_svg(1)
    root = ElementTree.fromstring(svg)
    assert len(root.findall(f".//{SVG}path")) > 2
    assert len(svg) < 200_000
    assert "href" not in svg
    assert ("支持" in svg) == (lang == "zh")
    title, separator = translated(attribution.card.title, lang), "：" if lang == "zh" else ": "
    assert svg == heat_map(inputs[1], values[1], f"{title}{separator}{attribution.heading(1)}", lang)


def test_the_sign_decides_the_color() -> None:
    values = np.zeros((1, 1, 3, 1))
    values[0, 0, :, 0] = 1, 0, -1
    root = ElementTree.fromstring(attribution_of(values, np.zeros((1, 1, 3, 1))).to_svg())
    right = root.findall(f"{SVG}g")[1]
    shapes = {path.get("fill"): path.get("d") for path in right.iter(f"{SVG}path")}
    assert shapes == {SUPPORT: "M0 0h1v1h-1z", "#ffffff": "M1 0h1v1h-1z", OPPOSE: "M2 0h1v1h-1z"}


def test_non_finite_values_can_be_plotted() -> None:
    values = np.array([np.nan, np.inf, 1.0, -1.0]).reshape(1, 2, 2, 1)
    ElementTree.fromstring(attribution_of(values, np.zeros((1, 2, 2, 1))).to_svg())
    assert scale_limit(values) == 1.0
    assert scale_limit(np.zeros(3)) == 1.0
    assert color_of(float("nan")) == "#ffffff"


def test_words_are_colored_and_escaped() -> None:
    texts = ("<script>", "好", "\n", "<pad>", "<pad>")
    values = np.array([[2.0, -2.0, 0.0, 0.0, 0.0]])
    attribution = attribution_of(values, np.zeros((1, 5)), words=(texts,))
    words = attribution.colored_words()
    assert [word.text for word in words] == list(texts[:3])
    assert [word.color for word in words] == [SUPPORT, OPPOSE, "#ffffff"]
    html = words_html(words, "zh")
    ElementTree.fromstring(f"<div>{html}</div>")
    assert "<script>" not in html
    assert "⏎" in html
    assert attribution.plot_html() == words_html(words, "en")
    assert visible_token("") == "∅"


def test_lines_of_colored_characters_break_after_spaces_and_nowhere_overflow() -> None:
    words = attribution_of(np.ones((1, 3)), np.zeros((1, 3)), words=(("a", " ", "b"),)).colored_words()
    html = words_html(words, "en")
    assert re.findall(r">([^<]+)</span>(<wbr/>)?", html)[:3] == [("a", ""), ("␣", "<wbr/>"), ("b", "")]
    assert "overflow-wrap:anywhere" in html


def test_a_page_contains_plots_and_both_languages() -> None:
    rng = np.random.default_rng(0)
    page = attribution_of(rng.normal(size=(3, 4, 4, 1)), rng.normal(size=(3, 4, 4, 1)), "zh").to_html()
    assert page.count("<svg") == 3
    assert "各输入的贡献" in page
    assert "Contributions of the inputs" in page
    assert re.search(r"<script|https?://(?!www\.w3\.org)", page) is None
    assert "<b>" not in page
