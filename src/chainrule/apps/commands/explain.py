"""``chainrule explain``: a row's answer derived, the same with other weights, or an update of the training.

The three questions share the command: ``--row`` derives an answer, ``--row --set`` shows what would change,
``--step`` makes an update of the training again. Typer reads a function's signature, so one is put together.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from chainrule.apps import screen
from chainrule.apps.model import load, row_of
from chainrule.apps.replaying import replay
from chainrule.apps.word import say
from chainrule.errors import UsageError
from chainrule.explain.model import Model
from chainrule.explain.page.page import Page
from chainrule.settings import settings
from chainrule.store import durable

OPTIONS: dict[str, Any] = {"row": int, "weight": str, "depth": int, "step": int, "set": list[str]}
_TEXTS = {"step": "explain_step", "set": "explain_set"}  # the others are named after the option


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each entry of ``OPTIONS``; one that is not given is ``None``."""
    hints: dict[str, Any] = typing.get_type_hints(command, include_extras=True)
    own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters = [p.replace(annotation=hints[p.name]) for p in own]
    for name, kind in OPTIONS.items():
        metavar = "WEIGHT=NUMBER" if name == "set" else None
        hints[name] = Annotated[kind | None, typer.Option(help=f"={_TEXTS.get(name, name)}", metavar=metavar)]
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hints[name])
        )
    command.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = hints
    return command


@with_options
def explain(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    html: Annotated[str | None, typer.Option(help="=html", metavar="FILE")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the derivation of one row's answer, of one with other weights or of an update, or write a page.

    Args:
        run: the folder of a training, or its model file.
        data: the rows.
        html: the page to be written.
        lang: the door has read it already.
        options: those of ``OPTIONS``; ``None`` where not given.
    """
    asked = {name: value for name, value in options.items() if value is not None and value != []}
    _refuse_mixture(run, asked)
    try:
        page: Any = _told(run, data, asked)
    except UsageError as error:
        error.fix = re.sub(r"^(\w+)=", r"--\1 ", error.fix)  # here an argument is an option
        raise
    if html is None:
        screen.block(str(page))
        return
    durable.write(html, page.to_html().encode())
    screen.line(say("page_written").format(file=html))


def _refuse_mixture(run: str, asked: Mapping[str, Any]) -> None:
    """Refuse what asks for nothing, or for two things at once.

    Fails:
        UsageError E601: neither a row nor an update, or both.
    """
    if ("row" in asked) == ("step" in asked) or ("set" in asked and {"step", "weight"} & asked.keys()):
        raise UsageError(
            "E601", where="chainrule explain", option="--row", expected="--row, --row with --set, or --step",
            received=" ".join(f"--{name}" for name in asked) or "none",
            fix=f"chainrule explain {run} DATA --row 1",
        )  # fmt: skip


def _told(run: str, data: str, asked: Mapping[str, Any]) -> Page:
    """The derivation of an update or of a row, or what would change in it."""
    if "step" in asked:
        made = replay(run, data, asked["step"])
        return made.explain(asked.get("weight"), asked.get("depth", 2), settings.lang)
    model, preparation = load(run, Model)
    table = preparation.read(data)
    one: Any = table.take([row_of(table, asked["row"])])  # pyright: ignore[reportArgumentType]
    ways = {"depth": asked.get("depth", 2), "lang": settings.lang}
    if "set" in asked:
        return model.what_if(dict(map(_edit, asked["set"])), one, **ways)
    return model.explain(one, weight=asked.get("weight"), **ways)


def _edit(text: str) -> tuple[str, float]:
    """A weight and its new number.

    Fails:
        UsageError E601: not of the form ``dense1.weight[0,1]=0.7``.
    """
    weight, _, value = text.rpartition("=")
    try:
        return weight, float(value)
    except ValueError:
        raise UsageError(
            "E601", where="chainrule explain", option="--set", expected="WEIGHT=NUMBER", received=text,
            fix='--set "dense1.weight[0,1]=0.7"',
        ) from None  # fmt: skip
