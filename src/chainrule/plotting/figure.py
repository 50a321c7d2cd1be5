"""A finished picture: what is drawn, its title, its language."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.errors import UsageError
from chainrule.escaping import printable_lines
from chainrule.plotting.style import style
from chainrule.records import frozen
from chainrule.store import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".svg", ".png", ".pdf")
LARGEST = 4_000_000  # letters of a drawing that a notebook shows; above it shows the pixels alone


@frozen(eq=False)
class Picture:
    """A drawing that can be saved, shown in a notebook, and told in a terminal.

    Args:
        kind: its name in ``PICTURES``.
        title: what it shows.
        figure: matplotlib's figure, to be changed or put into something larger.
        lang: the language of its words, ``"en"`` or ``"zh"``.
        text: the same in letters, for a terminal.
        note: what a reader has to know to judge it, such as that its rows trained the model; below it.

    Example:
        >>> from chainrule.model import Model
        >>> from chainrule.nn import Dense, Sequential
        >>> model = Model(Sequential(Dense(1)), "mse")
        >>> history = model.fit([[1.0], [2.0]], [3.0, 5.0], epochs=3, verbose=False)
        >>> picture = model.plot.curves(lang="en")
        >>> picture.title, picture.save("curves.svg").name
        ('Learning curves', 'curves.svg')
    """

    kind: str
    title: str
    figure: Figure
    lang: str
    text: str = ""
    note: str = ""

    def save(self, path: str | os.PathLike[str], dpi: int = 150) -> Path:
        """Write it to a file, whole or not at all; equal pictures give equal bytes.

        Args:
            path: ends in ``.svg``, ``.png`` or ``.pdf``.
            dpi: pixels for an inch, of a PNG.

        Fails:
            UsageError E562: another ending. FileError: the file cannot be written.
        """
        place = Path(path)
        require_ending(place)
        atomic_write.write(place, self._bytes(place.suffix.lower()[1:], dpi))
        return place

    def to_svg(self) -> str:
        """The drawing as the text of an SVG file; letters are drawn, so it looks the same everywhere."""
        return self._bytes("svg", 100).decode()

    def _bytes(self, form: str, dpi: int) -> bytes:
        dated = {
            "svg": {"Date": None, "Title": self.title},
            "pdf": {"CreationDate": None, "Title": self.title},
        }
        out = io.BytesIO()
        with style():
            told = dated.get(form, {"Title": self.title})
            self.figure.savefig(out, format=form, dpi=dpi, metadata=told)
        return out.getvalue()

    def _repr_png_(self) -> bytes:
        return self._bytes("png", 110)

    def _repr_svg_(self) -> str | None:
        text = self.to_svg()
        return text if len(text) <= LARGEST else None

    def __str__(self) -> str:
        return printable_lines(f"{self.title}\n{self.text}".rstrip() + f"\n{self.note}").rstrip()

    def __repr__(self) -> str:
        return f"<picture {self.kind}: {self.title}>"


def require_ending(place: Path) -> None:
    """Refuse the name of a file of which nobody knows what it should hold.

    Fails:
        UsageError E562: it ends in none of ``ENDINGS``.
    """
    if place.suffix.lower() not in ENDINGS:
        raise UsageError(
            "E562", where=str(place), ending=place.suffix or "a name without an ending",
            expected=", ".join(ENDINGS), received=place.suffix or place.name, fix=f'"{place.stem}.svg"',
        )  # fmt: skip
