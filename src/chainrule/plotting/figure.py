"""The result of a plot: figure, title and language."""

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

EXTENSIONS = (".svg", ".png", ".pdf")
MAX_SVG_LENGTH = 4_000_000  # characters of an SVG in a notebook; larger plots are shown as PNG


@frozen(eq=False)
class Plot:
    """A plot that can be saved, displayed in a notebook and printed as text.

    Args:
        kind: its name in ``PLOTS``.
        title: its title.
        figure: the matplotlib figure, which can be changed or embedded.
        lang: the language of its texts, ``"en"`` or ``"zh"``.
        text: the same content as text, for a terminal.
        note: a caption that qualifies it, such as that its rows include training rows.

    Example:
        >>> from chainrule.model import Model
        >>> from chainrule.nn import Dense, Sequential
        >>> model = Model(Sequential(Dense(1)), "mse")
        >>> history = model.fit([[1.0], [2.0]], [3.0, 5.0], epochs=3, verbose=False)
        >>> plot = model.plot.learning_curves(lang="en")
        >>> plot.title, plot.save("curves.svg").name
        ('Learning curves', 'curves.svg')
    """

    kind: str
    title: str
    figure: Figure
    lang: str
    text: str = ""
    note: str = ""

    def save(self, path: str | os.PathLike[str], dpi: int = 150) -> Path:
        """Write the plot to a file atomically; equal plots give equal bytes.

        Args:
            path: a file name that ends in ``.svg``, ``.png`` or ``.pdf``.
            dpi: pixels per inch of a PNG.

        Raises:
            UsageError E562: unsupported file extension. FileError: the file cannot be written.
        """
        file = Path(path)
        check_extension(file)
        atomic_write.write(file, self._bytes(file.suffix.lower()[1:], dpi))
        return file

    def to_svg(self) -> str:
        """Return the plot as SVG text; letters are paths, so that it looks the same everywhere."""
        return self._bytes("svg", 100).decode()

    def _bytes(self, format_: str, dpi: int) -> bytes:
        metadata = {
            "svg": {"Date": None, "Title": self.title},
            "pdf": {"CreationDate": None, "Title": self.title},
        }
        out = io.BytesIO()
        with style():
            chosen = metadata.get(format_, {"Title": self.title})
            self.figure.savefig(out, format=format_, dpi=dpi, metadata=chosen)
        return out.getvalue()

    def _repr_png_(self) -> bytes:
        return self._bytes("png", 110)

    def _repr_svg_(self) -> str | None:
        text = self.to_svg()
        return text if len(text) <= MAX_SVG_LENGTH else None

    def __str__(self) -> str:
        return printable_lines(f"{self.title}\n{self.text}".rstrip() + f"\n{self.note}").rstrip()

    def __repr__(self) -> str:
        return f"<Plot {self.kind}: {self.title}>"


def check_extension(file: Path) -> None:
    """Check the extension of a file name.

    Raises:
        UsageError E562: it is not one of ``EXTENSIONS``.
    """
    if file.suffix.lower() not in EXTENSIONS:
        ending = file.suffix or "a name without an ending"
        received = file.suffix or file.name
        fix = f'"{file.stem}.svg"'
        raise UsageError(
            "E562", where=str(file), ending=ending, expected=", ".join(EXTENSIONS), received=received, fix=fix
        )
