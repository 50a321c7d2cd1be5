"""Parse the options of a command with typer and call its function.

Errors of typer are converted to errors of chainrule.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import chain
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import typer
from typer.main import get_command

from chainrule.apps.cli.output_file import refuse_overwriting
from chainrule.apps.cli.signature import with_engine
from chainrule.apps.cli.texts import WORDS, text_of
from chainrule.data.tables.findings import command_line_remedies
from chainrule.errors import ChainruleError, Message, UsageError, alternatives, alternatives_of, fact, nearest
from chainrule.errors.call_errors import translated
from chainrule.escaping import quoted
from chainrule.events import Channel, Event, notices
from chainrule.lazy_imports import without_collection
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.tabular.option_names import RATE

# Translate fixes from Python to options of the command line.
#
# Errors and diagnoses suggest Python code. On the command line, ``optimizer=cr.SGD(0.1)`` becomes
# ``--optimizer sgd`` with a learning rate, and of the alternatives ``size=(4, 4), or --size 4`` the option is
# chosen.

OF = ("features", "layer")  # arguments of plots that are --of on the command line
CALLS = {"explain": " --row 1", "attribute": " --row 1"} | dict.fromkeys(
    ("predict", "evaluate", "calibrate", "quantize"), ""
)
"""Methods of a model that are commands, each with an option that the command needs."""
CODE = ast.Call, ast.keyword, ast.Assign, ast.AnnAssign, ast.Subscript, ast.Compare, ast.Return
"""Parts of Python code that no word of a shell has."""


def on_command_line(fix: str, options: Collection[str], arguments: Sequence[str] = ()) -> str:
    """Translate a fix to options of a command or to another command; states of other code that it is Python.

    Args:
        fix: the fix of an error.
        options: options of the command, such as ``"--depth"``.
        arguments: the arguments of the command; a command that replaces a call has its RUN and DATA.

    Example:
        >>> from chainrule.errors import alternatives
        >>> on_command_line("depth=2", ["--depth"]), on_command_line("target=None: any", ["--target"])
        ('--depth 2', 'no --target')
        >>> on_command_line('model.plot.weights()', [], ["runs/a", "filters"])
        'chainrule plot runs/a weights'
        >>> on_command_line(alternatives("size=(4, 4)", "--size 4"), ["--size"])
        '--size 4'
        >>> on_command_line("optimizer=cr.SGD(0.1)", ["--optimizer", f"--{RATE}"])
        '--optimizer sgd --learning-rate 0.1'
        >>> print(on_command_line("cr.Dense(3)", []))
        in Python: cr.Dense(3)
    """
    parts = alternatives_of(fix)
    if typed := next((part for part in parts if part.startswith("--") and part.split()[0] in options), ""):
        return typed
    for part in parts:
        name, _, value = part.partition("=")
        option = f"--{name.replace('_', '-')}"
        if name in OF and "--of" in options:
            return f"--of {_word(_names(value))}"
        if re.fullmatch(r"\w+", name) and value and option in options:
            replaced = _value(option, value)
            if replaced:
                return replaced
        if absent := re.match(r"(\w+)=None\b", part):
            option = f"--{absent[1].replace('_', '-')}"
            if option in options:
                return fact("no {option}", option=option)
    if command := next(filter(None, (_command_of(part, arguments) for part in parts)), ""):
        return command
    rest = [part for part in parts if not is_python(part)]
    return (fix if len(rest) == len(parts) else alternatives(*rest)) if rest else _in_python(fix)


def is_python(fix: str) -> bool:
    """Return whether a fix is Python code, which a shell cannot run; a name or a value is none.

    Example:
        >>> [is_python(text) for text in ("cr.Dense(3)", "size=(4, 4)", "model.onnx", "add rows", "[0, 1]")]
        [True, True, False, False, False]
    """
    if re.match(r"[A-Z][A-Z0-9_]*=\S", fix):  # a variable of the environment
        return False
    with suppress(SyntaxError, ValueError):
        return any(isinstance(node, CODE) for node in ast.walk(ast.parse(fix)))
    with suppress(SyntaxError, ValueError):  # arguments of a call
        call = ast.parse(f"f({fix})", mode="eval").body
        return any(isinstance(node, CODE) for node in ast.walk(call) if node is not call)
    return False


def _in_python(code: str) -> Message:
    """Return a fix that no command has, with where to use it."""
    return fact("in Python: {code}", code=code)


def _command_of(call: str, arguments: Sequence[str]) -> str:
    """Return the command for a method of a model, such as ``model.plot.weights()``; ``""``: none."""
    try:
        node = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError):  # ValueError: a path with a NUL or bytes that are no Unicode
        return ""
    if not isinstance(node, ast.Call) or not ast.unparse(node.func).startswith("model."):
        return ""
    run = arguments[0] if arguments else "RUN"
    _, *method = ast.unparse(node.func).split(".")
    if method[0] == "plot" and len(method) == 2:
        data = [quoted(arguments[2]) if len(arguments) > 2 else "DATA"] if node.args else []
        of = [_names(ast.unparse(keyword.value)) for keyword in node.keywords if keyword.arg in OF]
        more = ["--of", _word(of[0])] if of else []
        return " ".join(["chainrule", "plot", quoted(run), method[1].replace("_", "-"), *data, *more])
    data = arguments[1] if len(arguments) > 1 else "DATA"
    if method == ["fit"] and not node.keywords:
        return f"chainrule train {quoted(data)}"
    return (
        f"chainrule {method[0]} {quoted(run)} {quoted(data)}{CALLS[method[0]]}" if method[0] in CALLS else ""
    )


def _names(value: str) -> str:
    """Return the names in an argument, separated by commas: of ``("a", "b")``, a,b."""
    try:
        names = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return value
    return ",".join(map(str, names)) if isinstance(names, tuple | list) else str(names)


def _word(text: str) -> str:
    """Quote a word for a shell, in double quotes if possible."""
    word = quoted(text)
    return f'"{text}"' if word != text and not set(text) & set('"$`\\!') else word


def _value(option: str, value: str) -> str:
    """Return an option with the value of an argument; ``""`` if the command line has no equivalent."""
    try:
        node = ast.parse(value, mode="eval").body
    except (SyntaxError, ValueError):
        return ""
    if isinstance(node, ast.Constant):
        return f"{option} {_word(node.value) if isinstance(node.value, str) else value}"
    optimizers = import_module("chainrule.nn").OPTIMIZERS
    names = {kind.__name__: name for name, kind in optimizers.items()}
    if isinstance(node, ast.Call) and (name := names.get(ast.unparse(node.func).removeprefix("cr."))):
        more = f" --{RATE.replace('_', '-')} {ast.unparse(node.args[0])}" if node.args else ""
        return f"{option} {name}{more}"
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "cr.L2" and option == "--penalty":
        return f"{option} {ast.unparse(node.args[0])}"
    return "" if isinstance(node, ast.Call | ast.Attribute) else f"{option} {value}"


# typer vendors click or uses the installed one; this is the right class in either case.
_ParseError: Any = typer.BadParameter.__mro__[2]

WITH_ENGINE = tuple(
    (
        "predict evaluate calibrate quantize explain attribute attack labels drift audit generate export "
        "serve studio plot check"
    ).split()
)
"""Commands that compute a network and have no other option ``--engine``."""
INTERRUPTED = 130  # exit code of typer after Ctrl-C


def run(name: str, words: list[str]) -> int:
    """Run a command and return its exit code.

    Args:
        name: the command, which is also the name of its module.
        words: the words after the command.

    Raises:
        UsageError E601: an option or argument that is missing, unknown or of the wrong type.
    """
    with without_collection():
        module = import_module(f"chainrule.apps.cli.commands.{name}")
    function = getattr(module, name)
    if name in WITH_ENGINE:
        function = with_engine(function)
    with notices.deliver_to(Channel([_show])), command_line_remedies():
        return call(function, name, words, context=getattr(module, "CONTEXT", None))


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
        error.fix = on_command_line(error.fix, options, _arguments(command, words))
        raise
    except typer.Abort as abort:  # raised by older versions
        raise KeyboardInterrupt from abort
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _arguments(command: Any, words: Sequence[str]) -> list[str]:
    """Return the arguments among the words after a command, without its options and their values."""
    values = command.make_context(command.name, list(words), resilient_parsing=True).params
    own = [values.get(p.name) for p in command.params if p.param_type_name == "argument"]
    lists = [value if isinstance(value, list | tuple) else [value] for value in own if value is not None]
    return [str(value) for value in chain.from_iterable(lists)]


def _checked(invoke: Callable[[Any], Any], function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Check the outputs of a command before it is invoked."""

    def checked(context: Any) -> Any:
        refuse_overwriting(function, context.params)
        return invoke(context)

    return checked


def _option_text(key: str, english: str = "", chinese: str = "") -> str:
    """Return the text of an option with its default."""
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
    """Convert an error of typer; ``words`` follow those that select the command."""
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
    """Return options with the same meaning or words: ``--learning-rate`` for ``--lr``, ``--rate``."""
    typed = option.strip("-").replace("-", "_")
    names = list(inspect.signature(function).parameters)
    same = [] if typed in names else list(translated(typed, None, names) or {})
    longer = [name for name in names if set(typed.split("_")) < set(name.split("_"))]
    return ["--" + name.replace("_", "-") for name in [*same, *longer]]


_MISSING = {"DATA": "iris", "RUN": "runs/iris-1", "KIND": "learning-curves"}
"""Examples of arguments."""


def _with_missing(option: str, words: Sequence[str], function: Callable[..., Any]) -> str:
    """Return the words of a command with an example of what it lacks; ``--help`` for other errors."""
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
        option: the option or argument that it is about; ``""`` for a word that is none.
        hint: the type of its value.
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
    """Return the value of an option as it was typed; ``None`` if there is none."""
    for word, following in zip(words, [*words[1:], None], strict=True):
        if word == option:
            return None if following is None or following.startswith("--") else following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def _kind(hint: Any) -> str:
    """Return the values that a parameter takes."""
    low, high = _limits(hint)
    if low is not None and high is not None:
        return fact("{low} to {high}", low=low, high=high)
    if choices := _choices(hint):
        return ", ".join(choices)
    kinds = str(hint)
    if "int" in kinds:
        return fact("an integer") if low is None else fact("an integer, at least {minimum}", minimum=low)
    return fact("a number") if "float" in kinds else ""


def _limits(hint: Any) -> tuple[Any, Any]:
    """Return the smallest and the largest value of a parameter; ``None`` where there is none."""
    info = next((part for part in getattr(hint, "__metadata__", ()) if hasattr(part, "min")), None)
    return getattr(info, "min", None), getattr(info, "max", None)


def _choices(hint: Any) -> list[str]:
    """Return the words of a parameter that takes one of several."""
    kind = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    return [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []


def _sample(hint: Any, typed: str = "") -> str:
    """Return a value that a parameter takes; of several words the one that is most like what was typed."""
    if choices := _choices(hint):
        return nearest(typed, choices) or choices[0]
    kinds = str(hint)
    if "int" in kinds:
        return str(max(1, _limits(hint)[0] or 1))
    return "0.1" if "float" in kinds else "VALUE"


def _display_name(parameter: Any) -> str:
    """Return the name of an option as typed, or of an argument in capitals."""
    names = [*getattr(parameter, "opts", [])]
    long = [name for name in names if name.startswith("--")]
    return long[0] if long else getattr(parameter, "metavar", None) or parameter.name.upper()
