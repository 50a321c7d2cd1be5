"""The options of a training in errors: options of the command line, or arguments in Python."""

from __future__ import annotations

from chainrule.data.tables.findings import is_on_command_line
from chainrule.escaping import quoted

RATE = "learning_rate"


def option(name: str, value: object = None) -> str:
    """Return an option of the command line, or an argument in Python, depending on where the reader is.

    Example:
        >>> option("batch_size"), option("task", "regression")
        ('batch_size', "task='regression'")
    """
    if not is_on_command_line():
        return name if value is None else f"{name}={value!r}"
    word = f"--{name.replace('_', '-')}"
    return (
        word
        if value is None
        else f"{word} {quoted(f'{value:g}' if isinstance(value, float) else str(value))}"
    )


def place(name: str, function: str = "train_table") -> str:
    """Return where an option was passed, for an error.

    Args:
        function: what was called in Python.
    """
    return option(name) if is_on_command_line() else f"{function}, {name}"


def command(function: str = "train_table") -> str:
    """Return what the reader called: the function, or the command that does the same."""
    return f"chainrule {function.partition('_')[0]}" if is_on_command_line() else function
