"""Plots of attributions: a heat map beside an image, colored tokens, and the HTML of a page with plots.

The color scale is white at 0: blue values support the prediction, orange ones oppose it. It ends at the 0.99
quantile of the magnitudes, because a single large pixel would otherwise leave the rest white. Plots are SVG
and HTML texts without scripts and external resources; equal data gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chainrule.data.sequences.tokenizer import PAD, SPECIAL
from chainrule.escaping import escape
from chainrule.notation import number
from chainrule.page.charts import OPPOSE, SUPPORT, color_of, scale_limit
from chainrule.records import frozen
from chainrule.texts import render

MAX_CELLS = 64  # cells along a side; larger images are averaged
SIDE = 336  # pixels of the longer side of an image
SHADES = 15  # colors between white and the full color of each sign
TONES = 32  # levels of each channel of an image


@frozen
class Word:
    """A token with its color.

    Args:
        text: the token.
        value: its attribution.
        color: its color, such as ``"#2563a8"``.
    """

    text: str
    value: float
    color: str


def is_image(inputs: Mapping[str, np.ndarray]) -> bool:
    """Return whether the samples are images with one to four channels."""
    shapes = [array.shape for array in inputs.values()]
    return len(shapes) == 1 and len(shapes[0]) == 4 and shapes[0][-1] <= 4


def heat_map(image: np.ndarray, values: np.ndarray, title: str, lang: str) -> str:
    """Return an image and beside it the attributions of its pixels, summed over the channels, as SVG.

    Args:
        image: (H, W, C) the sample.
        values: (H, W, C) or (H, W, 1) its attributions.
    """
    heat = _coarse(np.asarray(values, np.float64).sum(axis=-1, keepdims=True))[..., 0]  # (H, W, C) -> (h, w)
    rows, columns = image.shape[:2]
    cell = SIDE / max(rows, columns)
    across, down = cell * columns, cell * rows
    limit = scale_limit(heat)
    parts = [
        f'<text x="0" y="14" font-size="14">{escape(title)}</text>',
        f'<g transform="translate(0 24)">{_cells(_tones(image), across, down)}{_frame(across, down)}</g>',
        f'<g transform="translate({across + 24:g} 24)">'
        f"{_cells(_shades(heat / limit), across, down)}{_frame(across, down)}</g>",
        f'<g transform="translate({2 * across + 40:g} 24)">{_scale(limit, down, lang)}</g>',
    ]
    width, height = round(2 * across + 150), round(down + 32)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img"'
        ' style="max-width:100%;height:auto"'  # so that the labels of the scale are visible on small screens
    )
    return f'{head} font-family="sans-serif" font-size="12" fill="#495057">{"".join(parts)}</svg>\n'


def image_row(images: Sequence[np.ndarray], title: str) -> str:
    """Return images beside one another as SVG, each scaled to its own range.

    Args:
        images: (H, W, C) each.
    """
    parts = [f'<text x="0" y="14" font-size="14">{escape(title)}</text>']
    left = down = 0.0
    for image in images:
        rows, columns = image.shape[:2]
        cell = SIDE / 2 / max(rows, columns)
        across, down = cell * columns, max(down, cell * rows)
        frame = _frame(across, cell * rows)
        parts.append(
            f'<g transform="translate({left:g} 24)">{_cells(_tones(image), across, cell * rows)}{frame}</g>'
        )
        left += across + 16
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {round(left)} {round(down + 32)}"'
        f' width="{round(left)}" role="img" style="max-width:100%;height:auto"'
    )
    return f'{head} font-family="sans-serif" fill="#495057">{"".join(parts)}</svg>\n'


def _shades(heat: np.ndarray) -> np.ndarray:
    """Return the colors of a heat map from -1 to 1, quantized: (h, w)."""
    steps = np.round(np.clip(np.nan_to_num(heat), -1, 1) * SHADES).astype(int)
    names = np.array([color_of(step / SHADES) for step in range(-SHADES, SHADES + 1)])
    return names[steps + SHADES]


def _tones(image: np.ndarray) -> np.ndarray:
    """Return the colors of an image, scaled so that its minimum is black and its maximum white: (h, w)."""
    pixels = _coarse(image.astype(np.float64))
    pixels = pixels if pixels.shape[-1] in (3, 4) else pixels.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    low, high = float(pixels.min()), float(pixels.max())
    steps = np.round((pixels[..., :3] - low) / ((high - low) or 1.0) * (TONES - 1)) * 255 / (TONES - 1)
    red, green, blue = np.moveaxis(steps.astype(int), -1, 0)
    channels = zip(red.flat, green.flat, blue.flat, strict=True)
    return np.array([f"#{r:02x}{g:02x}{b:02x}" for r, g, b in channels]).reshape(red.shape)


def _coarse(image: np.ndarray) -> np.ndarray:
    """Return the image with at most ``MAX_CELLS`` cells along a side, each the mean of its pixels."""
    for axis in (0, 1):
        factor = -(-image.shape[axis] // MAX_CELLS)
        if factor > 1:
            starts = np.arange(0, image.shape[axis], factor)
            counts = np.diff([*starts, image.shape[axis]])
            shape = [-1 if i == axis else 1 for i in range(image.ndim)]
            image = np.add.reduceat(image, starts, axis=axis) / counts.reshape(shape)
    return image


def _cells(colors: np.ndarray, across: float, down: float) -> str:
    """Return colored cells as one path per color, so that the SVG stays small."""
    rows, columns = colors.shape
    paths_by_color: dict[str, list[str]] = {}
    for (row, column), color in np.ndenumerate(colors):
        paths_by_color.setdefault(str(color), []).append(f"M{column} {row}h1v1h-1z")
    paths = [
        f'<path fill="{color}" d="{"".join(paths_by_color[color])}"/>' for color in sorted(paths_by_color)
    ]
    scale = f"scale({across / columns:.6g} {down / rows:.6g})"
    return f'<g transform="{scale}" shape-rendering="crispEdges">{"".join(paths)}</g>'


def _frame(across: float, down: float) -> str:
    return f'<rect width="{across:g}" height="{down:g}" fill="none" stroke="#868e96"/>'


def _scale(limit: float, down: float, lang: str) -> str:
    """Return the color scale with its labels: the largest supporting value at the top."""
    tones = [color_of(step / SHADES) for step in range(SHADES, -SHADES - 1, -1)]
    cells = _cells(np.array(tones)[:, None], 14, down)
    words = [
        (12, f"+{number(limit)}"),
        (28, render("attribution_for", lang)),
        (down / 2 + 4, "0"),
        (down - 18, render("attribution_against", lang)),
        (down - 2, f"−{number(limit)}"),
    ]
    labels = "".join(f'<text x="20" y="{y:g}">{escape(text)}</text>' for y, text in words)
    return f"{cells}{_frame(14, down)}{labels}"


def color_words(tokens: Sequence[str], values: np.ndarray) -> tuple[Word, ...]:
    """Return the tokens of a text with their colors, without the padding at its end.

    Args:
        values: their attributions, (T,).
    """
    values = np.asarray(values, np.float64)
    limit = float(np.abs(values).max()) or 1.0  # the maximum: tokens are few, and all of them are read
    length = next((i for i in range(len(tokens), 0, -1) if tokens[i - 1] != SPECIAL[PAD]), 0)
    return tuple(
        Word(token, float(value), color_of(value / limit))
        for token, value in zip(tokens[:length], values[:length], strict=True)
    )


def words_html(words: Sequence[Word], lang: str) -> str:
    """Return colored tokens as HTML; the value of a token is its tooltip."""
    spans = []
    for word in words:
        # white text on dark colors
        ink = "#ffffff" if sum(int(word.color[i : i + 2], 16) for i in (1, 3, 5)) < 382 else "#1b1f24"
        style = f"background:{word.color};color:{ink};padding:.1rem .15rem;border-radius:.2rem"
        spans.append(
            f'<span style="{style}" title="{escape(number(word.value))}">'
            f"{escape(visible_token(word.text))}</span>{'<wbr/>' if word.text.isspace() else ''}"
        )
    meaning = f"{render('attribution_for', lang)} / {render('attribution_against', lang)}"
    legend = "".join(
        f'<span style="background:{color};color:#fff;padding:.1rem .4rem">{escape(text)}</span> '
        for color, text in zip((SUPPORT, OPPOSE), meaning.split(" / "), strict=True)
    )
    text = f'<p class="words" style="line-height:2;overflow-wrap:anywhere">{"".join(spans)}</p>'
    return f'{text}<p class="note">{legend}</p>'


def visible_token(token: str) -> str:
    """Return a token with visible white space.

    Example:
        >>> visible_token("a b"), visible_token("\\n")
        ('a b', '⏎')
    """
    return token if token.strip() else token.replace("\n", "⏎").replace(" ", "␣").replace("\t", "⇥") or "∅"


def append_plots(html: str, plots: Sequence[str]) -> str:
    """Append plots to a page, on a white background in every color scheme, as their colors require."""
    style = "max-width:70rem;margin:1rem auto;padding:1rem;background:#ffffff;color:#1b1f24"
    style += ";font-family:system-ui,sans-serif"
    content = "".join(f"<div>{plot}</div>" for plot in plots)
    return html.replace("</body>", f'<div style="{style}">{content}</div></body>')
