"""English that was left in Chinese texts."""

from __future__ import annotations

import re

SENTENCE = re.compile(r"(?:\b[A-Za-z][a-z']+ ){2,}[a-z']{2,}\b")
GRAMMAR = re.compile(r"\b(of|the|is|are|with|and|for|from|which|that|not|has|by|in|to|on)\b")
CODE = re.compile(r"`[^`]*`|^ *chainrule .*|^用法.*|\[?\w+(?:\.\w+)*\(.*|[A-Z][a-z]+, [^（]*（", re.MULTILINE)
"""Code, commands, and titles of publications after the name of their author."""


def english_sentences(text: str) -> list[str]:
    """The English sentences of a Chinese text: three words or more, one of which is grammar."""
    sentences = (match[0] for match in SENTENCE.finditer(CODE.sub("", text)))
    return [words for words in sentences if GRAMMAR.search(words)]
