"""A sentence with the record from which it was rendered: key, facts, and the nodes that it is about.

The text is what a page prints. The record is for programs: ``campaigns.explanation_claims`` evaluates it
against the graph that the numbers come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.messages import LANGUAGES, Text, Texts, translated
from chainrule.records import frozen
from chainrule.settings import settings

# Nouns for the symbols of an explanation, used where formulas are read out, by letter.

NOUNS: Texts = {
    "delta": "the error signal",
    "w": "the weight",
    "b": "the bias",
    "x": "the input",
    "z": "the weighted sum",
    "s": "the score",
    "a": "the activation",
    "h": "the hidden value",
    "recurrent": "the recurrent weight",
    "omega": "the sample weight",
    "y": "the target",
    "y_hat": "the output",
    "J": "the loss",
    "eta": "the learning rate",
    "g_hat": "the clipped gradient",
}
IN_TIME: Texts = {
    "c": "the cell state",
    "i": "the input gate",
    "f": "the forget gate",
    "o": "the output gate",
    "r": "the reset gate",
    "u": "the update gate",
    "m": "the candidate value",
}
"""Nouns for the additional symbols of recurrent layers."""
ERROR: Text = "the error ({formula})"
DERIVATIVE: Text = "the derivative of the {function} at {at}"
DERIVATIVE_OF_VALUE: Text = "the derivative of the {function} where its value is {value}"
READ_OUT: Text = "{left} equals {right}"
BECOMES: Text = "{left} becomes {right}"


class Sentence(str):
    """A rendered text; it is a ``str`` with four more attributes.

    Attributes:
        key: the key of the template.
        lang: the language.
        facts: the values of the placeholders, as they are printed.
        about: the records that the sentence is about, such as nodes, elements of nodes and layers.
    """

    __slots__ = ("about", "facts", "key", "lang")
    key: str
    lang: str
    facts: Mapping[str, object]
    about: Mapping[str, Any]

    @classmethod
    def of(
        cls, text: str, key: str, lang: str, facts: Mapping[str, object], about: Mapping[str, Any]
    ) -> Sentence:
        """Return a text with its record."""
        sentence = cls(text)
        sentence.key, sentence.lang, sentence.facts, sentence.about = key, lang, facts, about
        return sentence

    def shortened(self, length: int) -> Sentence:
        """Return the sentence with at most ``length`` characters, and the same record."""
        text = self if len(self) <= length else f"{self[: length - 1]}…"
        return Sentence.of(text, self.key, self.lang, self.facts, self.about)


Pair = tuple[str, str]
"""A text in English and in Chinese, of a page that shows either."""


def text_of_pair(pair: Pair) -> str:
    """Return the text of a pair in the language of the settings."""
    return pair[LANGUAGES.index(settings.lang)]


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

    def both_texts(self, key: str) -> Pair:
        """Return the text with this key in English and Chinese, for pages that show either."""
        english, chinese = (self.text_in(key, lang) for lang in LANGUAGES)
        return english, chinese

    def sentence(self, key: str, **facts: Any) -> Pair:
        """Fill a text in English and Chinese; a fact that is a pair has a text for each."""
        values = [
            {name: fact[i] if isinstance(fact, tuple) else fact for name, fact in facts.items()}
            for i in (0, 1)
        ]
        english, chinese = self.both_texts(key)
        return english.format(**values[0]), chinese.format(**values[1])
