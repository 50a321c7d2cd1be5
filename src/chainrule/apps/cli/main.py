"""The entry point of the command line.

The module of a command is imported only when the command runs, so ``chainrule --help`` is fast. Errors of
chainrule are printed in the language of the user, other exceptions in one line.

Exit codes: 0 success; 1 failure during the work (disk full, non-finite loss, interrupted); 2 invalid input.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import cast

from chainrule.apps.cli.texts import text_of
from chainrule.errors import ChainruleError, TrainingError, UsageError, fact
from chainrule.escaping import printable
from chainrule.lazy_imports import without_collection
from chainrule.settings import Language, settings
from chainrule.store import os_errors
from chainrule.validation import unknown

COMMANDS = tuple(
    (
        "train tune resume predict evaluate calibrate quantize explain attribute attack labels drift audit "
        "generate export serve studio show plot check plan doctor verify data learn example"
    ).split()
)
_WORDS = (
    "fit=train test=evaluate score=evaluate validate=evaluate infer=predict continue=resume "
    "help=--help ls=--help list=--help"
)
OTHER_WORDS = {word: command for word, _, command in (pair.partition("=") for pair in _WORDS.split())}
"""Commands by the words of other programs."""
DONE, FAILED, WRONG = 0, 1, 2
OUTPUT_FAULTS = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""Numbers of the errors with which writing to a standard stream fails."""
PANIC = "PanicException"  # of polars: not a subclass of ``Exception``
REFUSALS = (
    "can't start new thread",
    "failed to map segment from shared object",  # of Python, of the loader
    os.strerror(errno.EAGAIN),
    os.strerror(errno.ENOMEM),
)
"""Texts of exceptions of libraries to which the system refused memory or a thread."""
_GLOBAL_OPTIONS = ("--help", "-h", "--lang", "--lang=en", "--lang=zh")  # valid without a command
OPTIONS_OF_SETTINGS = ("lang", "engine", "precision", "devices", "parallel", "mesh", "sharding")
"""Settings that options of the same name set."""
FAILURES = (
    "E405",
    "E406",
    "E408",
    "E410",
    "E412",
    "E433",
    "E501",
    "E508",
    "E630",
    "E631",
)  # codes of failures that are not caused by the input


_DECODED = (".parquet", ".pq", ".arrow", ".feather", ".ipc", ".sqlite", ".sqlite3", ".db3", ".duckdb")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        argv: the words after ``chainrule``; by default those of the process.

    Example:
        >>> main(["--version"])
        chainrule 0.1.0
        0
    """
    if argv is None:
        _open_closed_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # characters that the encoding lacks are escaped
    before = {name: getattr(settings, name) for name in OPTIONS_OF_SETTINGS}
    try:
        if lang := _language(words):
            _set_language(lang)
        _start_decoder(words)
        code = _run(words)
        if sys.stdout is not None:
            sys.stdout.flush()  # a full disk is reported here, not while the interpreter shuts down
        return code
    except Exception as error:  # users see one line instead of a traceback
        if debug:
            traceback.print_exc()
        return _print_error(error)
    except KeyboardInterrupt:
        _print_to_errors(text_of("stopped"))
        return FAILED
    except BaseException as error:
        if type(error).__name__ != PANIC:
            raise
        if debug:
            traceback.print_exc()
        return _print_error(error)
    finally:
        for name, value in before.items():  # a command that a program calls changes no setting of it
            setattr(settings, name, value)


def _start_decoder(words: Sequence[str]) -> None:
    """Start the process that decodes the file of a command, which takes as long as importing the command."""
    if any(word.lower().endswith(_DECODED) and os.path.isfile(word) for word in words):
        import_module("chainrule.data.readers.isolated.decoding").prepare()


def _run(words: list[str]) -> int:
    """Find the command and run it with the other words."""
    position = _command_position(words)
    if position is None and "--version" in words:
        print(f"chainrule {import_module('chainrule').__version__}")
        return DONE
    if position is None and not any(word.startswith("-") and word not in _GLOBAL_OPTIONS for word in words):
        print(_help())
        return DONE
    name = words.pop(0 if position is None else position)
    if name not in COMMANDS:
        raise unknown("chainrule", name, COMMANDS, "chainrule {}", OTHER_WORDS, example="--help")
    with without_collection():
        command_line = import_module("chainrule.apps.cli.command_line")
    return command_line.run(name, words)


def _command_position(words: Sequence[str]) -> int | None:
    """Return the index of the command: the first word but options and the value of ``--lang``."""
    for i, word in enumerate(words):
        if not word.startswith("-") and (i == 0 or words[i - 1] != "--lang"):
            return i
    return None


def _language(words: Sequence[str]) -> str:
    """Return the language option; it is read first because it applies to errors about the other words."""
    for i, word in enumerate(words):
        if word == "--":
            break
        if word == "--lang" and i + 1 < len(words):
            return words[i + 1]
        if word.startswith("--lang="):
            return word.partition("=")[2]
    return ""


def _set_language(lang: str) -> None:
    """Set the language of the output; raises E101 if there is no such language."""
    try:
        settings.lang = cast(Language, lang)  # an unknown language is refused
    except UsageError as error:
        error.where, error.fix = "--lang", "--lang en"
        raise


def _help() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {text_of(name)}" for name in COMMANDS]
    return "\n".join([text_of("usage"), "", *lines, "", text_of("usage_end")])


def _print_error(error: BaseException) -> int:
    """Print an error and return the exit code."""
    if _is_refused(error):
        received = str(error) or type(error).__name__
        fix = fact("fewer rows, or a larger limit of memory and threads")
        error = TrainingError("E508", what=fact("the command"), received=received, fix=fix)
    if isinstance(error, OSError) and not isinstance(error, ChainruleError):
        if error.filename is None and error.errno in OUTPUT_FAULTS:
            _discard_output()
            if isinstance(error, BrokenPipeError):  # the reader of the output was closed, as by `head`
                return FAILED
            error = os_errors.output_error(error)
        elif isinstance(error.filename, str | bytes):
            error = os_errors.read_error(error, Path(os.fsdecode(error.filename)))
    if isinstance(error, ChainruleError):
        _use_option_names(error)
        _print_to_errors(error.render(settings.lang))
        return FAILED if error.code in FAILURES else WRONG
    kind = type(error).__name__
    _print_to_errors(printable(text_of("unexpected").format(kind=kind, text=error)))
    return FAILED


def _is_refused(error: BaseException) -> bool:
    """Return whether the system refused memory or a thread; the stack of a thread is memory, too."""
    if isinstance(error, ChainruleError):
        return False
    if isinstance(error, OSError):
        return error.errno in (errno.EAGAIN, errno.ENOMEM)
    return isinstance(error, MemoryError) or any(words in str(error) for words in REFUSALS)


def _open_closed_streams() -> None:
    """Open the standard streams that the caller closed, so that no other file receives their descriptors."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor


def _discard_output() -> None:
    """Discard what is left of the standard output, which would fail again when the process ends."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_to_errors(text: str) -> None:
    """Print to standard error, if it can be written."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _use_option_names(error: ChainruleError) -> None:
    """Replace the name of a setting by the option that sets it."""
    named = str(error.details.get("name")) if error.where == "cr.settings" else error.where
    name = named.removeprefix("cr.settings.")
    if name not in OPTIONS_OF_SETTINGS:
        return
    value = error.fix.partition(" = ")[2]
    value = value if " " in value else value.strip('"')
    error.where, error.fix = f"--{name}", f"--{name} {value}"
    if error.details.get("name") in (name, named):
        error.details["name"] = f"--{name}"
