"""``chainrule learn``: the course in the terminal, and its parts as notebooks."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markdown import Markdown

from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.texts import text_of
from chainrule.course import notebook as as_notebook
from chainrule.course import part_text, parts, title, with_plain_formulas
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.store import atomic_write


def learn(
    part: Annotated[int | None, typer.Argument(help="=learn_part", metavar="N")] = None,
    notebook: Annotated[str | None, output_file("=learn_notebook")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Print the parts of the course, or one part; with ``--notebook`` write it as a notebook."""
    if part is None:
        screen.table(["", ""], [(f"learn {n}", title(part_text(n, settings.lang))) for n in parts()])
        return
    text = part_text(part, settings.lang)
    if notebook is not None:
        atomic_write.write(notebook, as_notebook(text).encode())
        screen.line(text_of("page_written").format(file=notebook))
        return
    terminal = screen.console()
    if terminal.is_terminal:
        terminal.print(Markdown(with_plain_formulas(text), code_theme="ansi_light"))
    else:
        screen.block(with_plain_formulas(text).rstrip("\n"))
