"""Letters that can be drawn: a font for Chinese, where the system has one, and what to do where it has none.

Matplotlib draws a box for every letter that its fonts lack. So before anything is written, each letter is
looked up: words of ours are English where there is no Chinese font, and letters of a person's own labels that
no font has are written by their number, ``\\u6625``.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from chainrule.events import notices

LATIN = "DejaVu Sans"  # comes with matplotlib
# The beginnings of the names of files that hold a Chinese font, the ones best to read first.
CHINESE = (
    "notosanscjk", "notosanssc", "sourcehansans", "pingfang", "msyh", "microsoftyahei", "wqy-microhei",
    "wqy-zenhei", "hiraginosansgb", "stheiti", "simhei", "droidsansfallback", "notoserifcjk", "uming",
    "simsun",
)  # fmt: skip


@lru_cache(maxsize=1)
def chinese() -> str:
    """The name of a font with Chinese letters; ``""`` where the system has none."""
    from matplotlib import font_manager  # noqa: PLC0415  # an optional dependency, opened by sheet.py

    files = sorted(Path(file) for file in font_manager.findSystemFonts())
    for start in CHINESE:
        own = [file for file in files if file.stem.lower().startswith(start)]
        if names := {name: None for file in own for name in _learned(file, font_manager)}:
            found = min(names, key=lambda name: ("Mono" in name, "SC" not in name))
            logging.getLogger("matplotlib.font_manager").addFilter(_Weightless(found))
            return found
    return ""


class _Weightless(logging.Filter):
    """Keeps matplotlib from saying for each picture that a font of one weight has no other."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return not (self.name in text and "weight" in text)


def _learned(file: Path, font_manager: Any) -> list[str]:
    """The names of the fonts in a file, once matplotlib knows them, if it has a Chinese letter."""
    try:
        if not font_manager.get_font(str(file)).get_char_index(ord("损")):
            return []
        font_manager.fontManager.addfont(str(file))
    except (OSError, RuntimeError):  # a file that is no font after all
        return []
    return [entry.name for entry in font_manager.fontManager.ttflist if entry.fname == str(file)]


def families() -> list[str]:
    """The fonts that letters are looked for in, in their order."""
    return [LATIN, *([chinese()] if chinese() else [])]


def language(wanted: str) -> str:
    """The language that can be drawn: the one wanted, or English where Chinese letters are missing; told."""
    if wanted != "zh" or chinese():
        return wanted
    notices.emit(
        "no font with Chinese letters was found: pictures are labelled in English (install fonts-noto-cjk)",
        "找不到中文字体，图中文字改用英文（请安装 fonts-noto-cjk）",
    )
    return "en"


@lru_cache(maxsize=4096)
def _has(letter: str) -> bool:
    """Whether some font has this letter."""
    from matplotlib import font_manager  # noqa: PLC0415  # an optional dependency, opened by sheet.py

    for name in families():
        path = font_manager.findfont(font_manager.FontProperties(family=[name]))
        if font_manager.get_font(path).get_char_index(ord(letter)):
            return True
    return False


def drawable(text: object, most: int = 40) -> str:
    """A person's own text as it can be drawn: no steering signs, no boxes, not too long.

    Args:
        text: a label, the name of a column or layer.
        most: letters shown at most.
    """
    letters = [c if c == " " or (c.isprintable() and _has(c)) else ascii(c)[1:-1] for c in str(text)]
    whole = "".join(letters)
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"
