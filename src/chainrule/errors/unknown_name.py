"""The error for a name that is not among the known ones: it lists them and suggests the nearest."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors.exceptions import UsageError, nearest


def unknown_name(
    where: str, name: str, known: Sequence[str], command: str = "", otherwise: str = ""
) -> UsageError:
    """The error for an unknown name.

    Args:
        where: the command or option that received the name.
        name: the name.
        known: the names that exist, at least one.
        command: the words before a name in the fix; by default those of ``where``.
        otherwise: suggested if no known name is similar; by default the first one.

    Example:
        >>> error = unknown_name("chainrule data", "wher", ("list", "get", "where"))
        >>> error.code, error.fix
        ('E101', 'chainrule data where')
    """
    close = nearest(name, known) or otherwise or known[0]
    return UsageError(
        "E101", where=where, name=name, expected=", ".join(known), received=name,
        fix=f"{command or where} {close}",
    )  # fmt: skip
