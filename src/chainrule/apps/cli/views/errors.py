"""Screens of error codes: the page of one code, or a list of all codes."""

from __future__ import annotations

import re
from difflib import get_close_matches

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import text_of
from chainrule.errors import CATALOG, DETAILS, UsageError
from chainrule.errors.pages import page_lines
from chainrule.messages import translated
from chainrule.settings import settings

WORDS = ("error", "errors")


def show_errors() -> None:
    """Show all codes, one line each."""
    screen.line(text_of("errors"), "bold")
    for code in sorted(CATALOG):
        screen.line(f"  {code}  {sentence_of_code(code)}")


def show_error(name: str) -> None:
    """Show the page of a code.

    Raises:
        UsageError E101: there is no such code; the message suggests the nearest.
    """
    code = name.strip().upper()
    if code not in CATALOG:
        close = next(iter(get_close_matches(code, CATALOG, 1, 0.75)), "")
        raise UsageError(
            "E101",
            where="chainrule show error",
            name=name[:80],
            expected=text_of("error_codes").format(first=min(CATALOG), last=max(CATALOG)),
            received=name[:80],
            fix=f"chainrule show error {close}" if close else "chainrule show errors",
        )
    screen.line(text_of("error_title").format(code=code, clause=sentence_of_code(code)), "bold")
    text = "\n".join(line.rstrip() for line in page_lines(code, settings.lang)).strip("\n")
    screen.block(re.sub(r"\n{3,}", "\n\n", text))


def sentence_of_code(code: str) -> str:
    """The sentence of a code with the names of its fields in angle brackets."""
    text = translated(CATALOG[code], settings.lang)
    for name, value in DETAILS.get(code, {}).items():
        text = text.replace(f"{{{name}}}", translated(value, settings.lang))
    return text.replace("{", "<").replace("}", ">")
