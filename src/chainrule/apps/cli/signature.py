"""Add options to a command, from a table or ``--engine``, by building the signature that typer reads."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, NamedTuple, TypeVar, cast

import typer

from chainrule.settings import EngineName, settings

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


def with_engine(command: Callable[..., T]) -> Callable[..., T]:
    """Return a command with the option ``--engine``, which is the setting of that name while it runs."""
    hints: dict[str, Any] = typing.get_type_hints(command, include_extras=True)
    parameters = [p.replace(annotation=hints[p.name]) for p in inspect.signature(command).parameters.values()]
    place = next(i for i, parameter in enumerate(parameters) if parameter.name == "lang")
    hints["engine"] = Annotated[str | None, typer.Option(help="=engine")]
    engine = inspect.Parameter("engine", parameters[place].kind, default=None, annotation=hints["engine"])

    @wraps(command)
    def run(*, engine: str | None = None, **options: Any) -> T:
        with settings.using(engine=cast(EngineName, engine or settings.engine)):
            return command(**options)

    run.__signature__ = inspect.Signature(  # pyright: ignore[reportAttributeAccessIssue]
        [*parameters[:place], engine, *parameters[place:]]
    )
    run.__annotations__ = hints
    return run
