"""Pages of results: sections of charts and tables, or figures; one HTML file without scripts each."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

import numpy as np

from chainrule.escaping import escape
from chainrule.notation.number_format import short
from chainrule.page.charts import color_of, scale_limit
from chainrule.page.png import encode_png
from chainrule.records import frozen

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
GAP = 6  # pixels between the images of a figure
FIGURE_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 1rem auto; max-width: 76rem; padding: 0 1rem;
  background: #fff; color: #1b1f24; }
main { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; max-width: 100%; }
audio { display: block; height: 2rem; max-width: 100%; }
.key { display: inline-block; margin-right: 0.8rem; white-space: nowrap; }
svg { display: block; max-width: 100%; height: auto; image-rendering: pixelated; }
"""
SECTION_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #212529; max-width: 46em; margin: 2em auto;
  padding: 0 1em }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 2em } svg { width: 100%; max-width: 36em }
table { border-collapse: collapse; font-size: 0.92em } td, th { padding: 0.2em 0.8em; text-align: right }
td:first-child, th:first-child, .text { text-align: left } section { overflow-x: auto }
tr { border-bottom: 1px solid #dee2e6 }
p { color: #495057 }
"""


@frozen(eq=False)
class Box:
    """A box on a figure.

    Args:
        corners: left, top, right and bottom, in pixels of the figure.
        color: of its border, such as ``"#2563a8"``.
        label: a text at its upper left corner.
        is_dashed: whether the border is dashed.
    """

    corners: tuple[float, float, float, float]
    color: str
    label: str = ""
    is_dashed: bool = False


@frozen(eq=False)
class Figure:
    """A figure of a page.

    Args:
        pixels: images of equal height beside each other, (H, W), (H, W, 1) or (H, W, 3) bytes each.
        caption: the text below.
        boxes: on the first of the images.
        sound: a WAV file to listen to; empty: none.
    """

    pixels: tuple[np.ndarray, ...]
    caption: str = ""
    boxes: tuple[Box, ...] = ()
    sound: bytes = b""


def heat_pixels(values: np.ndarray) -> np.ndarray:
    """Return the colors of attributions: blue supports, orange opposes, white is neutral; (H, W, 3) bytes.

    Args:
        values: (H, W) or (H, W, C) attributions; channels are added.

    Example:
        >>> heat_pixels(np.array([[0.0, 2.0]])).tolist()
        [[[255, 255, 255], [37, 99, 168]]]
    """
    heat = np.asarray(values, np.float64)
    heat = heat.sum(axis=-1) if heat.ndim == 3 else heat  # (H, W, C) -> (H, W)
    steps = np.round(np.clip(np.nan_to_num(heat) / scale_limit(heat), -1, 1) * 32).astype(int)
    names = [color_of(step / 32) for step in range(-32, 33)]
    colors = np.array([[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in names], np.uint8)
    return colors[steps + 32]


def image_page(
    title: str,
    notes: Sequence[str],
    figures: Sequence[Figure],
    lang: str,
    height: int = 168,
    columns: int = 0,
    keys: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Return the HTML file of a page of figures.

    Args:
        title: the heading.
        notes: paragraphs below the heading.
        figures: in their order.
        lang: the language of the texts, ``"en"`` or ``"zh"``.
        height: of each figure on the screen, in pixels.
        columns: the number of figures in a row; 0: as many as the screen has space for.
        keys: colors and what they mean.

    Example:
        >>> page = image_page("Pets", ["Two."], [Figure((np.zeros((2, 2), np.uint8),), "a cat")], "en")
        >>> b"<figcaption>a cat</figcaption>" in page
        True
    """
    tag = {"zh": "zh-CN"}.get(lang, lang)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    head += f"<title>{escape(title)}</title><style>{FIGURE_STYLE}</style>"
    texts = "".join(f"<p>{escape(note)}</p>" for note in notes)
    squares = "".join(
        f'<span class="key"><span style="color:{escape(color)}">■</span> {escape(name)}</span>'
        for color, name in keys
    )
    texts += f"<p>{squares}</p>" if squares else ""
    elements = "".join(
        f'<figure style="width:{_width(figure, height):.0f}px">{_svg(figure, height)}'
        f"<figcaption>{escape(figure.caption)}</figcaption>{_player(figure.sound)}</figure>\n"
        for figure in figures
    )
    grid = f' style="display:grid;grid-template-columns:repeat({columns},max-content)"' if columns else ""
    body = f"<h1>{escape(title)}</h1>{texts}<main{grid}>{elements}</main>"
    return f'<!doctype html>\n<html lang="{tag}"><head>{head}</head><body>{body}</body></html>\n'.encode()


def _player(sound: bytes) -> str:
    """Return the element that plays a WAV file."""
    if not sound:
        return ""
    return f'<audio controls src="data:audio/wav;base64,{base64.b64encode(sound).decode()}"></audio>'


def _width(figure: Figure, height: int) -> float:
    """Return the width of a figure on the screen, in pixels."""
    scale = height / figure.pixels[0].shape[0]
    return sum(scale * pixels.shape[1] + GAP for pixels in figure.pixels) - GAP


def _svg(figure: Figure, height: int) -> str:
    """Return the images of a figure side by side, with the boxes, as SVG."""
    scale = height / figure.pixels[0].shape[0]
    parts, left = [], 0.0
    for pixels in figure.pixels:
        width = scale * pixels.shape[1]
        source = base64.b64encode(encode_png(pixels)).decode()
        parts.append(
            f'<image x="{left:g}" width="{width:g}" height="{height}" href="data:image/png;base64,{source}"/>'
        )
        left += width + GAP
    parts += [_rectangle(box, scale) for box in figure.boxes]
    width = left - GAP
    size = f'viewBox="0 0 {width:g} {height}" width="{width:g}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{"".join(parts)}</svg>'


def _rectangle(box: Box, scale: float) -> str:
    x, y, right, bottom = (scale * corner for corner in box.corners)
    dashes = ' stroke-dasharray="4 3"' if box.is_dashed else ""
    rectangle = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{right - x:.1f}" height="{bottom - y:.1f}" fill="none"'
        f' stroke="{escape(box.color)}" stroke-width="1.5"{dashes}/>'
    )
    if not box.label:
        return rectangle
    text = f'<text x="{x + 2:.1f}" y="{max(y - 3, 10):.1f}" font-size="10" fill="{escape(box.color)}">'
    return f"{rectangle}{text}{escape(box.label)}</text>"


def result_page(title: str, lang: str, sections: Iterable[tuple[str, str, str]]) -> str:
    """Return a page of results.

    Args:
        title: of the page.
        lang: ``"en"`` or ``"zh"``.
        sections: for each its heading, its markup (from ``markup_table``, or the SVG of a chart) and the
            caption.

    Example:
        >>> "<h2>a &lt; b</h2>" in result_page("Result", "en", [("a < b", "<svg></svg>", "caption")])
        True
    """
    parts = [
        f"<section><h2>{escape(heading)}</h2>{markup}<p>{escape(caption)}</p></section>"
        for heading, markup, caption in sections
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>{escape(title)}</title><style>{SECTION_STYLE}</style>"
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}"><head>{head}</head><body><h1>{escape(title)}</h1>'
        f"{''.join(parts)}</body></html>\n"
    )


def markup_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as markup; numbers are shortened, columns with a text are aligned to the left.

    Example:
        >>> markup_table(["group", "share"], [("a & b", 0.25)])[-48:]
        '<tr><td>a &amp; b</td><td>0.25</td></tr></table>'
        >>> markup_table(["share", "reasons"], [(0.25, "popup")])[-57:]
        '<tr><td>0.25</td><td class="text">popup</td></tr></table>'
    """
    rows = [list(row) for row in rows]
    is_text = [i > 0 and any(isinstance(row[i], str) for row in rows) for i in range(len(header))]
    kinds = [' class="text"' if text else "" for text in is_text]  # the first column always is
    lines = ["".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, header, strict=True))]
    for row in rows:
        cells = zip(kinds, row, strict=True)
        lines.append("".join(f"<td{kind}>{escape(_cell(value))}</td>" for kind, value in cells))
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: object) -> str:
    return short(value) if isinstance(value, float) else str(value)
