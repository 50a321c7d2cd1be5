"""Lists of words in parentheses, the syntax of SMT-LIB: ``(assert (<= X_0 0.5)) ; comment``.

White space is blank, tab and line end; a comment reaches to the line end; texts ``"..."`` and names ``|...|``
may contain everything else, also parentheses. What the standard does not allow is refused, not skipped: a
reader that takes another character for a line end sees assertions where others see a comment.

Reference: Barrett, Fontaine and Tinelli (2017), The SMT-LIB standard, version 2.6, section 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from chainrule.errors import FileError, Message, fact
from chainrule.records import frozen

DEPTH = 64
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|;[^\r\n]*)"""
    r"""|(?P<token>[()]|"(?:[^"]|"")*"|\|[^|\\]*\||[A-Za-z0-9~!@$%^&*_+=<>.?/:#-]+)"""
)
Expression: TypeAlias = "list[Expression] | Token"
Refuse: TypeAlias = "Callable[[int, str | Message, str], FileError]"


@frozen
class Token:
    """A word of the file and its line."""

    text: str
    line: int


def tokens(text: str, refused: Refuse) -> Iterator[Token]:
    """The words and parentheses of a text."""
    place, line = 0, 1
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise refused(line, fact("ASCII words and parentheses"), text[place : place + 20])
        if match.lastgroup == "token":
            yield Token(match.group(), line)
        line += match.group().count("\n")
        place = match.end()


def expressions(text: str, refused: Refuse) -> Iterator[Expression]:
    """The expressions of a text as nested lists.

    Args:
        text: the content of a file.
        refused: the error for a line, what was expected and what was received.

    Example:
        >>> [first] = expressions("(a (b))", lambda line, expected, received: FileError("E460"))
        >>> [part.text for part in first if isinstance(part, Token)]
        ['a']
    """
    open_lists: list[list[Expression]] = []
    starts: list[int] = []
    for token in tokens(text, refused):
        if token.text == "(":
            open_lists.append([])
            starts.append(token.line)
            if len(open_lists) > DEPTH:
                raise refused(
                    token.line, fact("at most {limit} parentheses in one another", limit=DEPTH), fact("more")
                )
        elif not open_lists:
            raise refused(token.line, "(", token.text)
        elif token.text == ")":
            done = open_lists.pop()
            starts.pop()
            if open_lists:
                open_lists[-1].append(done)
            else:
                yield done
        else:
            open_lists[-1].append(token)
    if open_lists:
        raise refused(starts[0], ")", fact("the end of the file"))


def name_of(expression: Expression) -> str:
    """The first word of a list, or an empty text."""
    head = expression[0] if isinstance(expression, list) and expression else None
    return head.text if isinstance(head, Token) else ""


def line_of(expression: Expression) -> int:
    """The line of the first word."""
    while isinstance(expression, list):
        if not expression:
            return 1
        expression = expression[0]
    return expression.line


def text_of(expression: Expression) -> str:
    """An expression as text; lists are cut after six parts."""
    if isinstance(expression, Token):
        return expression.text
    return f"({' '.join(text_of(part) for part in expression[:6])})" if expression else "()"
