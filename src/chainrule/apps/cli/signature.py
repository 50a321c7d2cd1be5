"""A command with many options: typer reads a function's signature, so one is put together from a table."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import typer


class Choice(NamedTuple):
    """An option.

    Args:
        kind: of its value.
        text: the key of what ``--help`` says.
        metavar: what stands for its value there.
    """

    kind: Any
    text: str
    metavar: str | None = None


def with_options(
    choices: Mapping[str, Choice],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command an option for each entry, in place of its ``**options``; one not given is ``None``.

    Args:
        choices: the options, by name.
    """

    def put_together(command: Callable[..., None]) -> Callable[..., None]:
        hints: dict[str, Any] = typing.get_type_hints(command, include_extras=True)
        own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
        parameters = [p.replace(annotation=hints[p.name]) for p in own]
        for name, choice in choices.items():
            names = [f"--{name}"] if choice.kind is bool else []  # a switch, without its opposite
            option = typer.Option(*names, help=f"={choice.text}", metavar=choice.metavar)
            hints[name] = Annotated[choice.kind | None, option]
            only = inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter(name, only, default=None, annotation=hints[name]))
        signature = inspect.Signature(parameters)
        command.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
        command.__annotations__ = hints
        return command

    return put_together
