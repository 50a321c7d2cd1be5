"""The door of the command line.

A command's file is imported when that command runs and no sooner, so ``chainrule --help`` answers at once.
Whatever goes wrong leaves here in one form: an error of chainrule in the user's language, anything else in
one line.

Exit codes: 0 done, 1 the work failed (the disk is full, the loss is not finite, interrupted), 2 the input is
wrong.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from chainrule.apps.cli.texts import say
from chainrule.errors import ChainruleError, UsageError, nearest
from chainrule.escaping import printable
from chainrule.settings import Language, settings
from chainrule.store import os_errors

COMMANDS = (
    "train", "predict", "evaluate", "explain", "attribute", "generate", "show", "plot", "check", "doctor",
    "example",
)  # fmt: skip
DONE, FAILED, WRONG = 0, 1, 2
_DOOR = ("--help", "-h", "--lang", "--lang=en", "--lang=zh")  # options that need no command
FAILURES = (
    "E405",
    "E406",
    "E408",
    "E410",
    "E433",
    "E501",
    "E508",
)  # the input was fine; the work could not be done


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code.

    Args:
        argv: the words after ``chainrule``; those of this process by default.

    Example:
        >>> main(["--version"])
        chainrule 0.1.0
        0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal of few letters gets what it can show
    before = settings.lang
    try:
        if asked := _language(words):
            _speak(asked)
        return _run(words)
    except Exception as error:  # the last door: a person sees a line, never a traceback
        if debug:
            traceback.print_exc()
        return _say(error)
    except KeyboardInterrupt:
        print(say("stopped"), file=sys.stderr)
        return FAILED
    finally:
        settings.lang = before


def _run(words: list[str]) -> int:
    """Find the command and hand it the other words."""
    place = _place_of_command(words)
    if place is None and "--version" in words:
        print(f"chainrule {import_module('chainrule').__version__}")
        return DONE
    if place is None and not any(word.startswith("-") and word not in _DOOR for word in words):
        print(_help())
        return DONE
    name = words.pop(0 if place is None else place)
    if name not in COMMANDS:
        close = nearest(name, COMMANDS)
        raise UsageError(
            "E101",
            where="chainrule",
            name=name,
            expected=", ".join(COMMANDS),
            received=name,
            fix=f"chainrule {close or '--help'}",
        )
    return import_module("chainrule.apps.cli.command_line").run(name, words)


def _place_of_command(words: Sequence[str]) -> int | None:
    """Where the command stands: the first word that is no option, nor the language after ``--lang``."""
    for i, word in enumerate(words):
        if not word.startswith("-") and (i == 0 or words[i - 1] != "--lang"):
            return i
    return None


def _language(words: Sequence[str]) -> str:
    """The language asked for; it must be known before the words are read, for errors about them."""
    for i, word in enumerate(words):
        if word == "--":
            break
        if word == "--lang" and i + 1 < len(words):
            return words[i + 1]
        if word.startswith("--lang="):
            return word.partition("=")[2]
    return ""


def _speak(lang: str) -> None:
    """Take a language for this run.

    Raises:
        UsageError E101: there is no such language.
    """
    try:
        settings.lang = cast(Language, lang)  # an unknown language is refused
    except UsageError as error:
        error.where, error.fix = "--lang", "--lang en"
        raise


def _help() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {say(name)}" for name in COMMANDS]
    return "\n".join([say("usage"), "", *lines, "", say("usage_end")])


def _say(error: Exception) -> int:
    """Show what went wrong; the exit code."""
    if isinstance(error, BrokenPipeError):  # the reader of our output left, as `head` does; nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if (
        isinstance(error, OSError)
        and not isinstance(error, ChainruleError)
        and isinstance(error.filename, str | bytes)
    ):
        error = os_errors.read_error(error, Path(os.fsdecode(error.filename)))
    if isinstance(error, ChainruleError):
        _as_typed(error)
        print(error.render(settings.lang), file=sys.stderr)
        return FAILED if error.code in FAILURES else WRONG
    kind = type(error).__name__
    print(printable(say("unexpected").format(kind=kind, text=error)), file=sys.stderr)
    return FAILED


def _as_typed(error: ChainruleError) -> None:
    """A setting in words of the command line, where an option sets it."""
    name = error.where.removeprefix("cr.settings.")
    if name in ("lang", "engine"):
        wanted = error.fix.rpartition(" = ")[2].strip('"')
        error.where, error.fix = f"--{name}", f"--{name} {wanted}"
