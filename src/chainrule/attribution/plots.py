"""Attributions as pictures: a heat map over an image, colored words, and bars for what is in columns.

Two colors meet in white at 0: blue speaks for the answer, orange against it, so the sign is seen before the
size. The scale ends at the size below which 99 of 100 values lie; a single glaring pixel would otherwise
leave the rest white. A picture is SVG text, words are HTML: no script, nothing fetched, equal data equal
bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data.sequences.tokenizer import PAD, SPECIAL
from chainrule.escaping import escape
from chainrule.notation import number
from chainrule.records import frozen
from chainrule.texts import render

if TYPE_CHECKING:
    from chainrule.attribution.attribution import Attribution

FOR, AGAINST, NONE = "#2563a8", "#d1660f", "#ffffff"  # what speaks for the answer, against it, neither
MOST = 64  # cells along a side; larger images are drawn in means
SIDE = 336  # pixels of the longer side of an image
SHADES = 15  # tones between white and full color, on either side
TONES = 32  # of each channel of an image
CLOUD = 0.99  # the share of values that lie within the scale


@frozen
class Word:
    """A word with its color.

    Args:
        text: as it stands.
        value: its attribution.
        color: as HTML writes it.
    """

    text: str
    value: float
    color: str


def blend(share: float) -> str:
    """The color of a value: -1 all against, 0 neither, 1 all for.

    Example:
        >>> blend(0.0), blend(1.0), blend(-1.0), blend(0.5)
        ('#ffffff', '#2563a8', '#d1660f', '#92b1d4')
    """
    share = float(np.clip(np.nan_to_num(share), -1.0, 1.0))
    end = FOR if share > 0 else AGAINST
    pairs = [(int(NONE[i : i + 2], 16), int(end[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(white + abs(share) * (full - white)):02x}" for white, full in pairs)


def limit_of(values: np.ndarray) -> float:
    """Where the scale ends on either side."""
    sizes = np.abs(values[np.isfinite(values)])
    return (float(np.quantile(sizes, CLOUD)) or float(sizes.max())) if sizes.any() else 1.0


def is_image(made: Attribution) -> bool:
    """Whether the samples are images with one to four channels."""
    shapes = [array.shape for array in made.inputs.values()]
    return len(shapes) == 1 and len(shapes[0]) == 4 and shapes[0][-1] <= 4


def heat_map(made: Attribution, sample: int = 0) -> str:
    """An image and beside it the attributions of its pixels, summed over the channels.

    Args:
        made: of images.
        sample: which of them.
    """
    (name,) = made.values
    given, values = made.inputs[name][sample], np.asarray(made.values[name][sample], np.float64)
    heat = _coarse(values.sum(axis=-1, keepdims=True))[..., 0]  # (H, W, C) -> (h, w)
    high, wide = given.shape[:2]
    cell = SIDE / max(high, wide)
    across, down = cell * wide, cell * high
    limit = limit_of(heat)
    facts = {"method": made.card.title(made.lang), "explained": made.heading(sample)}
    title = render("attribution_picture", made.lang, **facts)
    parts = [
        f'<text x="0" y="14" font-size="14">{escape(title)}</text>',
        f'<g transform="translate(0 24)">{_cells(_tones(given), across, down)}{_frame(across, down)}</g>',
        f'<g transform="translate({across + 24:g} 24)">'
        f"{_cells(_shades(heat / limit), across, down)}{_frame(across, down)}</g>",
        f'<g transform="translate({2 * across + 40:g} 24)">{_scale(limit, down, made.lang)}</g>',
    ]
    width, height = round(2 * across + 150), round(down + 32)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img"'
        ' style="max-width:100%;height:auto"'  # the words beside the scale stay to be seen on a telephone
    )
    return f'{head} font-family="sans-serif" font-size="12" fill="#495057">{"".join(parts)}</svg>\n'


def _shades(heat: np.ndarray) -> np.ndarray:
    """The colors of a heat map from -1 to 1, in few tones: (h, w)."""
    steps = np.round(np.clip(np.nan_to_num(heat), -1, 1) * SHADES).astype(int)
    names = np.array([blend(step / SHADES) for step in range(-SHADES, SHADES + 1)])
    return names[steps + SHADES]


def _tones(image: np.ndarray) -> np.ndarray:
    """The colors of an image whose darkest number is black and whose brightest is white: (h, w)."""
    pixels = _coarse(image.astype(np.float64))
    pixels = pixels if pixels.shape[-1] in (3, 4) else pixels.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    low, high = float(pixels.min()), float(pixels.max())
    steps = np.round((pixels[..., :3] - low) / ((high - low) or 1.0) * (TONES - 1)) * 255 / (TONES - 1)
    red, green, blue = np.moveaxis(steps.astype(int), -1, 0)
    channels = zip(red.flat, green.flat, blue.flat, strict=True)
    return np.array([f"#{r:02x}{g:02x}{b:02x}" for r, g, b in channels]).reshape(red.shape)


def _coarse(image: np.ndarray) -> np.ndarray:
    """The image in at most ``MOST`` cells along a side, each the mean of its pixels."""
    for axis in (0, 1):
        factor = -(-image.shape[axis] // MOST)
        if factor > 1:
            starts = np.arange(0, image.shape[axis], factor)
            counts = np.diff([*starts, image.shape[axis]])
            shape = [-1 if i == axis else 1 for i in range(image.ndim)]
            image = np.add.reduceat(image, starts, axis=axis) / counts.reshape(shape)
    return image


def _cells(colors: np.ndarray, across: float, down: float) -> str:
    """Cells of color, one path for each color, so that a picture stays small."""
    high, wide = colors.shape
    drawn: dict[str, list[str]] = {}
    for (row, column), color in np.ndenumerate(colors):
        drawn.setdefault(str(color), []).append(f"M{column} {row}h1v1h-1z")
    paths = [f'<path fill="{color}" d="{"".join(drawn[color])}"/>' for color in sorted(drawn)]
    scale = f"scale({across / wide:.6g} {down / high:.6g})"
    return f'<g transform="{scale}" shape-rendering="crispEdges">{"".join(paths)}</g>'


def _frame(across: float, down: float) -> str:
    return f'<rect width="{across:g}" height="{down:g}" fill="none" stroke="#868e96"/>'


def _scale(limit: float, down: float, lang: str) -> str:
    """The colors with what they mean: the largest value for at the top, against at the bottom."""
    tones = [blend(step / SHADES) for step in range(SHADES, -SHADES - 1, -1)]
    cells = _cells(np.array(tones)[:, None], 14, down)
    words = [
        (12, f"+{number(limit)}"), (28, render("attribution_for", lang)), (down / 2 + 4, "0"),
        (down - 18, render("attribution_against", lang)), (down - 2, f"−{number(limit)}"),
    ]  # fmt: skip
    labels = "".join(f'<text x="20" y="{y:g}">{escape(text)}</text>' for y, text in words)
    return f"{cells}{_frame(14, down)}{labels}"


def colored_words(made: Attribution, sample: int = 0) -> tuple[Word, ...]:
    """The words of a text with their colors, without the padding behind it; empty for other samples."""
    if not made.words:
        return ()
    name = next(name for name, array in made.values.items() if array.ndim == 2)
    values = np.asarray(made.values[name][sample], np.float64)
    limit = float(np.abs(values).max()) or 1.0  # few words, each of which is read
    texts = made.words[sample]
    filled = next((i for i in range(len(texts), 0, -1) if texts[i - 1] != SPECIAL[PAD]), 0)
    return tuple(
        Word(text, float(value), blend(value / limit))
        for text, value in zip(texts[:filled], values[:filled], strict=True)
    )


def words_html(words: Sequence[Word], lang: str) -> str:
    """Colored words as HTML; the value of a word is seen by who points at it."""
    spans = []
    for word in words:
        # full colors are dark
        ink = "#ffffff" if sum(int(word.color[i : i + 2], 16) for i in (1, 3, 5)) < 382 else "#1b1f24"
        style = f"background:{word.color};color:{ink};padding:.1rem .15rem;border-radius:.2rem"
        spans.append(
            f'<span style="{style}" title="{escape(number(word.value))}">{escape(shown(word.text))}</span>'
        )
    meaning = f"{render('attribution_for', lang)} / {render('attribution_against', lang)}"
    ends = "".join(
        f'<span style="background:{color};color:#fff;padding:.1rem .4rem">{escape(text)}</span> '
        for color, text in zip((FOR, AGAINST), meaning.split(" / "), strict=True)
    )
    return f'<p class="words" style="line-height:2">{"".join(spans)}</p><p class="note">{ends}</p>'


def shown(token: str) -> str:
    """A token as a reader sees it: white space by a sign of its own.

    Example:
        >>> shown("a b"), shown("\\n")
        ('a b', '⏎')
    """
    return token if token.strip() else token.replace("\n", "⏎").replace(" ", "␣").replace("\t", "⇥") or "∅"


def with_pictures(html: str, pictures: Sequence[str]) -> str:
    """A whole page with pictures at its end, on white in any light: their colors mean something."""
    style = "max-width:70rem;margin:1rem auto;padding:1rem;background:#ffffff;color:#1b1f24"
    style += ";font-family:system-ui,sans-serif"
    drawn = "".join(f"<div>{picture}</div>" for picture in pictures)
    return html.replace("</body>", f'<div style="{style}">{drawn}</div></body>')


def picture(made: Attribution, sample: int = 0) -> str:
    """The picture that suits the samples, as a piece of HTML."""
    words = colored_words(made, sample)
    return words_html(words, made.lang) if words else made.to_svg(sample)
