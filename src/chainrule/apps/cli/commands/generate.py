"""``chainrule generate``: a model that learned from texts goes on with yours.

The options that say how are those of ``model.generate``, one for each entry of ``WAYS``; typer reads a
function's signature, so one is put together here. One text appears as it is written, token by token.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

from chainrule.apps.cli.run_paths import model_file
from chainrule.escaping import printable_lines
from chainrule.model import Model

WAYS: dict[str, type] = {
    "max_new_tokens": int,
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "min_p": float,
    "repetition_penalty": float,
    "greedy": bool,
    "num_beams": int,
    "samples": int,
    "seed": int,
}


def with_ways(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each way; one that is not given is ``None``."""
    hints: dict[str, Any] = typing.get_type_hints(command, include_extras=True)
    own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters = [p.replace(annotation=hints[p.name]) for p in own]
    for name, kind in WAYS.items():
        names = ["--greedy"] if kind is bool else []  # a switch, without its opposite
        hints[name] = Annotated[kind | None, typer.Option(*names, help=f"=generate_{name}")]
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hints[name])
        )
    command.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = hints
    return command


@with_ways
def generate(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    text: Annotated[str, typer.Argument(help="=generate_text", metavar="TEXT")] = "",
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **ways: Any,
) -> None:
    """Print what a model writes.

    Args:
        run: a folder with a model, or the model's file.
        text: what it goes on with, or translates.
        lang: the door has read it already.
        ways: those of ``model.generate``; ``None`` where not given.
    """
    given = {name: value for name, value in ways.items() if value is not None}
    model = Model.load(model_file(run))
    if given.get("samples", 1) == 1 and "num_beams" not in given:
        for piece in model.stream(text, **given):
            _show(piece)
        _show("\n")
        return
    written = model.generate(text, **given)
    _show("\n\n".join([written] if isinstance(written, str) else written) + "\n")


def _show(text: str) -> None:
    """A piece of a text at once; what could steer a terminal is spelled out."""
    sys.stdout.write(printable_lines(text))
    sys.stdout.flush()
