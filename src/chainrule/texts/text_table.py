"""Texts by key, in the language of the settings or in both."""

from __future__ import annotations

from typing import Any

from chainrule.messages import LANGUAGES, Texts, translated
from chainrule.records import frozen
from chainrule.settings import settings


@frozen(eq=False)
class TextTable:
    """The texts of screens and pages, by key; their fields in braces are filled by the caller.

    Example:
        >>> texts = TextTable({"none": "none"})
        >>> texts.text_of("none"), texts.text_in("none", "zh")
        ('none', '无')
    """

    texts: Texts

    def text_of(self, key: str) -> str:
        """Return the text with this key in the language of the settings."""
        return self.text_in(key, settings.lang)

    def text_in(self, key: str, lang: str) -> str:
        """Return the text with this key in a language."""
        return translated(self.texts[key], lang, key)

    def both_texts(self, key: str) -> tuple[str, str]:
        """Return the text with this key in English and Chinese, for pages that show either."""
        english, chinese = (self.text_in(key, lang) for lang in LANGUAGES)
        return english, chinese

    def sentence(self, key: str, **facts: Any) -> tuple[str, str]:
        """Fill a text in English and Chinese; a fact that is a pair has a text for each."""
        values = [
            {name: fact[i] if isinstance(fact, tuple) else fact for name, fact in facts.items()}
            for i in (0, 1)
        ]
        english, chinese = self.both_texts(key)
        return english.format(**values[0]), chinese.format(**values[1])
