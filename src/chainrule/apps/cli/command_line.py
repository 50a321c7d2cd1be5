"""Parse the options of a command with typer and call its function.

Errors of typer are converted to errors of chainrule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import typer
from typer.main import get_command

from chainrule.apps.cli import screen
from chainrule.apps.cli.output_file import refuse_overwriting
from chainrule.apps.cli.remedies import on_command_line
from chainrule.apps.cli.texts import WORDS, text_of
from chainrule.errors import ChainruleError, Message, UsageError, fact
from chainrule.events import Channel, Event, notices
from chainrule.settings import settings

# typer vendors click or uses the installed one; this is the right class in either case.
_ParseError: Any = typer.BadParameter.__mro__[2]

INTERRUPTED = 130  # exit code of typer after Ctrl-C


def run(name: str, words: list[str]) -> int:
    """Run a command and return its exit code.

    Args:
        name: the command, which is also the name of its module.
        words: the words after the command.

    Raises:
        UsageError E601: an option or argument that is missing, unknown or of the wrong type.
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
    """Call a function with options and arguments parsed from words, and return its exit code.

    Args:
        function: the function; its signature defines the options and arguments.
        name: the words after ``chainrule`` that select it.
        words: the words to parse.
        texts: help texts, of the function by ``""`` and of parameters by name; by default the text with the
            key given at the parameter.
        context: settings of click for parsing.

    Raises:
        UsageError E601: an option or argument that is missing, unknown or of the wrong type.
    """
    texts = texts or {}
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(name, context_settings={"help_option_names": ["--help", "-h"], **(context or {})})(function)
    command = get_command(app)
    command.help = texts.get("") or text_of(name)
    for parameter in command.params:
        text = texts.get(str(parameter.name)) or getattr(parameter, "help", None)
        if text and text.startswith("="):  # the key of a text, and the default in both languages
            text = _option_text(*text[1:].split("\n"))
        parameter.help = text  # pyright: ignore[reportAttributeAccessIssue]
    command.invoke = _checked(command.invoke, function)  # pyright: ignore[reportAttributeAccessIssue]
    get_help = command.get_help
    command.get_help = lambda ctx: _translated(get_help(ctx))  # pyright: ignore[reportAttributeAccessIssue]
    try:
        code = command.main(words, prog_name=f"chainrule {name}", standalone_mode=False)
    except _ParseError as error:
        raise _usage_error(error, name) from error
    except ChainruleError as error:
        options = [name for p in command.params for name in p.opts]
        error.fix = on_command_line(error.fix, options, words)
        raise
    except typer.Abort as abort:  # raised by older versions
        raise KeyboardInterrupt from abort
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _checked(invoke: Callable[[Any], Any], function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Check the outputs of a command before it is invoked."""

    def checked(context: Any) -> Any:
        refuse_overwriting(function, context.params)
        return invoke(context)

    return checked


def _option_text(key: str, english: str = "", chinese: str = "") -> str:
    """The text of an option with its default."""
    default = chinese if settings.lang == "zh" else english
    return text_of(key) + (text_of("with_default").format(default=default) if default else "")


def _translated(text: str) -> str:
    """Translate the words of typer in the output of ``--help``."""
    for key in ("usage", "arguments", "options"):  # only headings, not the texts of options
        text = re.sub(f"(?m)^{WORDS[f'help_{key}'][0]}", text_of(f"help_{key}"), text)
    for key in ("required", "default", "help"):
        text = text.replace(WORDS[f"help_{key}"][0], text_of(f"help_{key}"))
    return text


def _show(event: Event) -> None:
    """Print a notice of the process, apart from the output of the command."""
    screen.line(getattr(event, settings.lang), "yellow", to_errors=True)


def _usage_error(error: Any, command: str) -> UsageError:
    """Convert an error of typer."""
    parameter = getattr(error, "param", None)
    option = getattr(error, "option_name", "") or (_display_name(parameter) if parameter is not None else "")
    similar = list(getattr(error, "possibilities", None) or [])
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return UsageError(
        "E601",
        where=f"chainrule {command}",
        option=option or text_of("words"),
        received=_message(message, option, similar),
        fix=similar[0] if similar else f"chainrule {command} --help",
    )


def _message(message: str, option: str, similar: Sequence[str]) -> str:
    """The message of typer as a record, if it is one of these; otherwise as it is."""
    names = ", ".join(sorted(similar))
    if (invalid := _invalid_value(message, option)) is not None:
        return invalid
    known = [
        fact("No such option: {option}", option=option),
        fact("No such option: {option} Did you mean {similar}?", option=option, similar=names),
        fact("No such option: {option} (Possible options: {similar})", option=option, similar=names),
        fact("Missing argument '{name}'.", name=option),
        fact("Missing option '{name}'.", name=option),
        fact("Option '{name}' requires an argument.", name=option),
        fact("Option '{name}' does not take a value.", name=option),
        *_of_words(message),
    ]
    return next((record for record in known if record == message), message)


def _of_words(message: str) -> Iterator[Message]:
    """The records of a message of typer with words of the command line at its end."""
    templates = (
        "Got unexpected extra argument ({words})",
        "Got unexpected extra arguments ({words})",
        "Got unexpected extra argument(s) ({words})",
    )
    for template in templates:
        head = template.partition("{")[0]
        if message.startswith(head):
            yield fact(template, words=message[len(head) : -1])


def _invalid_value(message: str, option: str) -> Message | None:
    """The record of a message about a value that is no number, in words of this program."""
    kinds = {"valid integer": "an integer is expected", "valid number": "a number is expected"}
    kinds["valid float"] = kinds["valid number"]
    reason = next((fact(text) for words, text in kinds.items() if words in message), None)
    if reason is None or not message.startswith("Invalid value"):
        return None
    return fact("Invalid value for '{name}': {reason}", name=option, reason=reason)


def _display_name(parameter: Any) -> str:
    """The name of an option as typed, or of an argument in capitals."""
    names = [*getattr(parameter, "opts", [])]
    long = [name for name in names if name.startswith("--")]
    return long[0] if long else (getattr(parameter, "metavar", None) or parameter.name).upper()
