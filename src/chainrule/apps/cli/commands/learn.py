"""``chainrule learn``: the course in the terminal, and its parts as notebooks and slides."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markdown import Markdown

from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.texts import text_of
from chainrule.course import notebook as as_notebook
from chainrule.course import part_text, parts, title, with_plain_formulas, without_solutions
from chainrule.course import slides as as_slides
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.store import atomic_write


def learn(
    part: Annotated[int | None, typer.Argument(help="=learn_part", metavar="N")] = None,
    notebook: Annotated[str | None, output_file("=learn_notebook")] = None,
    slides: Annotated[str | None, output_file("=learn_slides")] = None,
    solutions: Annotated[bool, typer.Option("--solutions", help="=learn_solutions")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Print the parts of the course, or one part; write it as a notebook or as slides."""
    if part is None:
        screen.table(["", ""], [(f"learn {n}", title(part_text(n, settings.lang))) for n in parts()])
        return
    text = part_text(part, settings.lang)
    files = {notebook: as_notebook, slides: lambda text: as_slides(text, settings.lang)}
    for file, write in files.items():
        if file is not None:
            atomic_write.write(file, write(text).encode())
            screen.line(text_of("page_written").format(file=file))
    if notebook is not None or slides is not None:
        return
    visible = text if solutions else without_solutions(text)
    if visible != text:
        visible += (
            "\n" + text_of("learn_solutions_of").format(command=f"chainrule learn {part} --solutions") + "\n"
        )
    terminal = screen.console()
    if terminal.is_terminal:
        terminal.print(Markdown(with_plain_formulas(visible), code_theme="ansi_light"))
    else:
        screen.block(with_plain_formulas(visible).rstrip("\n"))
