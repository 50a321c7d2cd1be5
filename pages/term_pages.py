"""The pages of terms and of questions, each in both languages."""

from __future__ import annotations

import re

from chainrule.catalog.questions import QUESTIONS
from chainrule.catalog.terms import TERMS, Term
from chainrule.messages import translated
from pages.page import Page, plain

_TERMS = """# Terms · 术语

What each word means, with its Chinese and a command that shows it. In the terminal:
`chainrule show term backpropagation`.

每个术语的含义，附中文名称和演示命令。在终端中：`chainrule show term 反向传播 --lang zh`。
"""
_QUESTIONS = """# Questions · 常见问题

The same in the terminal, offline: `chainrule show faq`.

在终端中也能看到，无需联网：`chainrule show faq --lang zh`。
"""


def anchor(term: Term) -> str:
    """Return the anchor of a term in its page, such as ``term-chain-rule``."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.name.casefold()).strip("-")


def terms_page() -> Page:
    """Every term with its meaning, in the order in which terms are learned."""
    parts = [_TERMS.rstrip()]
    for term in TERMS.values():
        lines = [f"({anchor(term)})=", f"## {plain(term.name)} · {plain(term.title('zh'))}", ""]
        lines += [plain(term.meaning), "", plain(translated(term.meaning, "zh")), ""]
        related = [f"[{plain(TERMS[name].name)}](#{anchor(TERMS[name])})" for name in term.see]
        if related:
            lines.append(f"See also · 另见: {', '.join(related)}.")
        if term.command:
            lines += ["", f"`{term.command}`"]
        parts.append("\n".join(lines).rstrip())
    return Page("terms.md", "\n\n".join(parts) + "\n")


def questions_page() -> Page:
    """Every question with its response, commands and guides."""
    parts = [_QUESTIONS.rstrip()]
    for question in QUESTIONS:
        title, response = question.title, question.response
        lines = [f"## {plain(title)} · {plain(translated(title, 'zh'))}", "", plain(response)]
        lines += ["", plain(translated(response, "zh"))]
        if question.commands:
            lines += ["", "```", *question.commands, "```"]
        if question.pages:
            lines += ["", ", ".join(f"[{name}]({name}.md)" for name in question.pages)]
        parts.append("\n".join(lines))
    return Page("faq.md", "\n\n".join(parts) + "\n")
