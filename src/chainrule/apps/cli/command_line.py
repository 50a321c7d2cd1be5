"""Parse the options of a command with typer and call its function.

Errors of typer are converted to errors of chainrule.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import typer
from typer.main import get_command

from chainrule.apps.cli import screen
from chainrule.apps.cli.output_file import refuse_overwriting
from chainrule.apps.cli.remedies import on_command_line
from chainrule.apps.cli.texts import WORDS, text_of
from chainrule.data.tables.findings import command_line_remedies
from chainrule.errors import ChainruleError, Message, UsageError, fact, nearest
from chainrule.errors.argument_names import translated
from chainrule.escaping import quoted
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
    with notices.deliver_to(Channel([_show])), command_line_remedies():
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
        raise _usage_error(error, name, words, function) from error
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
        text = re.sub(f"(?m)^{WORDS[f'help_{key}']}", text_of(f"help_{key}"), text)
    for key in ("required", "default", "help"):
        text = text.replace(WORDS[f"help_{key}"], text_of(f"help_{key}"))
    return text


def _show(event: Event) -> None:
    """Print a notice of the process, apart from the output of the command."""
    screen.line(getattr(event, settings.lang), "yellow", to_errors=True)


def _usage_error(error: Any, command: str, words: Sequence[str], function: Callable[..., Any]) -> UsageError:
    """Convert an error of typer.

    Args:
        error: the error.
        command: the words after ``chainrule`` that select the command.
        words: the words after the command.
        function: the function of the command.
    """
    parameter = getattr(error, "param", None)
    option = getattr(error, "option_name", "") or (_display_name(parameter) if parameter is not None else "")
    possible = getattr(error, "possibilities", None) or []
    similar = list(dict.fromkeys([*_with_same_words(option, function), *possible]))
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    hint = get_type_hints(function, include_extras=True).get(str(getattr(parameter, "name", "")))
    complaint = _complaint(message, option, hint, words, similar)
    return UsageError(
        "E601",
        where=f"chainrule {command}",
        option=option or complaint.received,
        problem=complaint.problem,
        expected=complaint.expected,
        received=complaint.received if option else "",
        fix=complaint.fix or f"chainrule {command} {_with_missing(option, words, function)}",
    )


def _with_same_words(option: str, function: Callable[..., Any]) -> list[str]:
    """Options with the same meaning or the same words: ``--learning-rate`` for ``--lr``, ``--rate``."""
    typed = option.strip("-").replace("-", "_")
    names = list(inspect.signature(function).parameters)
    same = [] if typed in names else list(translated(typed, None, names) or {})
    longer = [name for name in names if set(typed.split("_")) < set(name.split("_"))]
    return ["--" + name.replace("_", "-") for name in [*same, *longer]]


_MISSING = {"DATA": "iris", "RUN": "runs/iris-1", "KIND": "learning-curves"}
"""Examples of arguments."""


def _with_missing(option: str, words: Sequence[str], function: Callable[..., Any]) -> str:
    """The words of a command with an example of what it lacks; ``--help`` for other errors."""
    if option not in _MISSING:
        return "--help"
    data = inspect.signature(function).parameters.get("data")
    is_followed = option == "RUN" and data is not None and data.default is data.empty
    examples = [_MISSING[option], *([_MISSING["DATA"]] if is_followed else [])]
    first = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(map(quoted, [*words[:first], *examples, *words[first:]]))


class _Complaint(NamedTuple):
    """What an error of typer states."""

    problem: Message
    expected: str = ""
    received: str = ""
    fix: str = ""


def _complaint(
    message: str, option: str, hint: Any, words: Sequence[str], similar: Sequence[str]
) -> _Complaint:
    """Read a message of typer.

    Args:
        message: the message in English.
        option: the option or argument that it is about; ``""`` for a word that is none.
        hint: the type of its value.
        words: the words after the command.
        similar: options with a similar name.
    """
    if message.startswith("No such option"):
        fix = similar[0] if similar else ""
        return _Complaint(fact("is not an option of this command"), ", ".join(sorted(similar)), "", fix)
    if message.startswith("Missing"):
        return _Complaint(fact("is missing"))
    if message.endswith("does not take a value."):
        return _Complaint(fact("takes no value"), fix=option)
    if message.startswith("Got unexpected extra argument"):
        return _Complaint(fact("is not expected"), received=message.rpartition("(")[2].removesuffix(")"))
    value = _typed_value(option, words)
    if value is None:
        return _Complaint(fact("needs a value"), _kind(hint), fix=f"{option} {_sample(hint)}")
    return _Complaint(fact("has an invalid value"), _kind(hint), value, f"{option} {_sample(hint, value)}")


def _typed_value(option: str, words: Sequence[str]) -> str | None:
    """The value of an option as it was typed; ``None`` if there is none."""
    for word, following in zip(words, [*words[1:], None], strict=True):
        if word == option:
            return None if following is None or following.startswith("--") else following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def _kind(hint: Any) -> str:
    """The values that a parameter takes."""
    info = next((part for part in getattr(hint, "__metadata__", ()) if hasattr(part, "min")), None)
    low, high = getattr(info, "min", None), getattr(info, "max", None)
    if low is not None and high is not None:
        return fact("{low} to {high}", low=low, high=high)
    if choices := _choices(hint):
        return ", ".join(choices)
    kinds = str(hint)
    return fact("an integer") if "int" in kinds else fact("a number") if "float" in kinds else ""


def _choices(hint: Any) -> list[str]:
    """The words of a parameter that takes one of several."""
    kind = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    return [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []


def _sample(hint: Any, typed: str = "") -> str:
    """A value that a parameter takes; of several words the one that is most like what was typed."""
    if choices := _choices(hint):
        return nearest(typed, choices) or choices[0]
    kinds = str(hint)
    return "1" if "int" in kinds else "0.1" if "float" in kinds else "VALUE"


def _display_name(parameter: Any) -> str:
    """The name of an option as typed, or of an argument in capitals."""
    names = [*getattr(parameter, "opts", [])]
    long = [name for name in names if name.startswith("--")]
    return long[0] if long else getattr(parameter, "metavar", None) or parameter.name.upper()
