"""Fonts: a Chinese font if the system has one, and replacements for characters without a glyph.

matplotlib draws a box for every character that its fonts lack. Therefore the texts of plots are in English if
there is no Chinese font, and characters of user labels without a glyph are written as escapes, ``\\u6625``.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from chainrule.events import notices
from chainrule.messages import fact

LATIN = "DejaVu Sans"  # comes with matplotlib
# Prefixes of the file names of Chinese fonts, in order of preference.
CHINESE = tuple(
    (
        "notosanscjk notosanssc sourcehansans pingfang msyh microsoftyahei wqy-microhei wqy-zenhei "
        "hiraginosansgb stheiti simhei droidsansfallback notoserifcjk uming simsun"
    ).split()
)


@lru_cache(maxsize=1)
def chinese() -> str:
    """Return the name of a Chinese font of the system, or ``""``."""
    from matplotlib import font_manager  # noqa: PLC0415  # an optional dependency, see style.py

    files = sorted(Path(file) for file in font_manager.findSystemFonts())
    for start in CHINESE:
        files_of_font = [file for file in files if file.stem.lower().startswith(start)]
        if names := {name: None for file in files_of_font for name in _learned(file, font_manager)}:
            name_chosen = min(names, key=lambda name: ("Mono" in name, "SC" not in name))
            logging.getLogger("matplotlib.font_manager").addFilter(_Weightless(name_chosen))
            return name_chosen
    return ""


class _Weightless(logging.Filter):
    """Filter of the matplotlib warning that a font has only one weight."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return not (self.name in text and "weight" in text)


def _learned(file: Path, font_manager: Any) -> list[str]:
    """Register a font file with matplotlib and return its font names if it has Chinese glyphs."""
    try:
        if not font_manager.get_font(str(file)).get_char_index(ord("损")):
            return []
        font_manager.fontManager.addfont(str(file))
    except (OSError, RuntimeError):  # not a font file
        return []
    return [entry.name for entry in font_manager.fontManager.ttflist if entry.fname == str(file)]


def families() -> list[str]:
    """Return the font families in the order in which glyphs are looked up."""
    return [LATIN, *([chinese()] if chinese() else [])]


def language(requested: str) -> str:
    """Return the requested language, or English with a notice if there is no Chinese font."""
    if requested != "zh" or chinese():
        return requested
    notices.emit(fact("no Chinese font was found: plots are labeled in English (install fonts-noto-cjk)"))
    return "en"


@lru_cache(maxsize=4096)
def _has(letter: str) -> bool:
    """Return whether one of the fonts has a glyph for this character; without matplotlib nothing is drawn."""
    try:
        from matplotlib import font_manager  # noqa: PLC0415  # an optional dependency, see style.py
    except ImportError:
        return True
    for name in families():
        path = font_manager.findfont(font_manager.FontProperties(family=[name]))
        if font_manager.get_font(path).get_char_index(ord(letter)):
            return True
    return False


def printable_label(text: object, max_length: int = 40) -> str:
    """Return a user text for a plot: control characters and missing glyphs are escaped, long texts are
    shortened.

    Args:
        text: a label, or the name of a column or layer.
    """
    letters = [c if c == " " or (c.isprintable() and _has(c)) else ascii(c)[1:-1] for c in str(text)]
    label = "".join(letters)
    return label if len(label) <= max_length else f"{label[: max_length - 1]}…"
