"""Add options to a command from a table, by building the signature that typer reads."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar

import typer

T = TypeVar("T")


class Choice(NamedTuple):
    """An option.

    Args:
        kind: type of its value.
        text: key of its help text.
        metavar: name of its value in the help.
        default: what is used without the option, for the help, in English and Chinese.
    """

    kind: Any
    text: str
    metavar: str | None = None
    default: tuple[str, str] = ("", "")


def with_options(choices: Mapping[str, Choice]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Return a decorator that replaces ``**options`` by options, which are ``None`` if not passed."""

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        hints: dict[str, Any] = typing.get_type_hints(command, include_extras=True)
        own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
        parameters = [p.replace(annotation=hints[p.name]) for p in own]
        for name, choice in choices.items():
            names = [f"--{name.replace('_', '-')}"] if choice.kind is bool else []  # a flag without --no-FLAG
            text = "\n".join([f"={choice.text}", *choice.default])
            option = typer.Option(*names, help=text, metavar=choice.metavar)
            hints[name] = Annotated[choice.kind | None, option]
            only = inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter(name, only, default=None, annotation=hints[name]))
        signature = inspect.Signature(parameters)
        command.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
        command.__annotations__ = hints
        return command

    return decorate
