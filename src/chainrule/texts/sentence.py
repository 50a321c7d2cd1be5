"""A sentence with the record from which it was rendered: key, facts, and the nodes that it is about.

The text is what a page prints. The record is for programs: ``campaigns.explanation_claims`` evaluates it
against the graph that the numbers come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.messages import Text, Texts

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
