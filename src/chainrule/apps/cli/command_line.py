"""From words to a command's function, by typer; its complaints become errors of chainrule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.main import get_command

from chainrule.apps.cli import screen
from chainrule.apps.cli.remedies import on_command_line
from chainrule.apps.cli.texts import WORDS, say
from chainrule.errors import ChainruleError, UsageError
from chainrule.events import Channel, Event, notices
from chainrule.settings import settings

# typer brings its own click, or uses the installed one; this is the right class in either case.
_Refusal: Any = typer.BadParameter.__mro__[2]

INTERRUPTED = 130  # what typer makes of Ctrl-C; the door of the command line has a word for it


def run(name: str, words: list[str]) -> int:
    """Run a command's function with these words; its exit code.

    Args:
        name: the command, which is also the name of its file.
        words: what follows it.

    Raises:
        UsageError E601: an option or argument that is missing, unknown or of the wrong kind.
    """
    module = import_module(f"chainrule.apps.cli.commands.{name}")
    with notices.deliver_to(Channel([_show])):
        return call(getattr(module, name), name, words, context=getattr(module, "CONTEXT", None))


def call(
    function: Callable[..., Any],
    name: str,
    words: list[str],
    texts: Mapping[str, str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> int:
    """Call a function whose parameters are options and arguments, read from words; its exit code.

    Args:
        function: what is called; its signature says what it takes.
        name: what follows ``chainrule`` on the command line.
        words: what follows that.
        texts: what ``--help`` says: of the function by ``""``, of parameters by their names; where one is
            not here, the text of the key that is written at the parameter.
        context: settings of click for the reading of the words.

    Raises:
        UsageError E601: an option or argument that is missing, unknown or of the wrong kind.
    """
    texts = texts or {}
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(name, context_settings=dict(context or {}))(function)
    command = get_command(app)
    command.help = texts.get("") or say(name)
    for parameter in command.params:
        text = texts.get(str(parameter.name)) or getattr(parameter, "help", None)
        if text and text.startswith("="):  # the key of a text: said in the language of this run
            text = say(text[1:])
        parameter.help = text  # pyright: ignore[reportAttributeAccessIssue]
    written = command.get_help
    command.get_help = lambda ctx: _translated(written(ctx))  # pyright: ignore[reportAttributeAccessIssue]
    try:
        code = command.main(words, prog_name=f"chainrule {name}", standalone_mode=False)
    except _Refusal as refusal:
        raise _usage_error(refusal, name) from refusal
    except ChainruleError as error:
        error.fix = on_command_line(error.fix, [name for p in command.params for name in p.opts])
        raise
    except typer.Abort as abort:  # what older ones make of it
        raise KeyboardInterrupt from abort
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _translated(text: str) -> str:
    """What ``--help`` prints, the words that typer brings too in the language of this run."""
    for key in ("usage", "arguments", "options"):  # headings, and not an option's own text
        text = re.sub(f"(?m)^{WORDS[f'help_{key}'][0]}", say(f"help_{key}"), text)
    for key in ("required", "default", "help"):
        text = text.replace(WORDS[f"help_{key}"][0], say(f"help_{key}"))
    return text


def _show(event: Event) -> None:
    """Show what holds for this whole process, apart from the command's own output."""
    screen.line(getattr(event, settings.lang), "yellow", to_errors=True)


def _usage_error(refusal: Any, command: str) -> UsageError:
    """What typer found wrong, in the one form of errors."""
    parameter = getattr(refusal, "param", None)
    option = getattr(refusal, "option_name", "") or (_shown_name(parameter) if parameter is not None else "")
    near = list(getattr(refusal, "possibilities", None) or [])
    message = refusal.format_message() if hasattr(refusal, "format_message") else str(refusal)
    return UsageError(
        "E601",
        where=f"chainrule {command}",
        option=option or say("words"),
        received=message,
        fix=near[0] if near else f"chainrule {command} --help",
    )


def _shown_name(parameter: Any) -> str:
    """An option as it is typed, an argument by its name."""
    names = [*getattr(parameter, "opts", [])]
    long = [name for name in names if name.startswith("--")]
    return long[0] if long else (getattr(parameter, "metavar", None) or parameter.name).upper()
