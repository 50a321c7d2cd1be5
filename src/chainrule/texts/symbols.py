"""Nouns for the symbols of an explanation, used where formulas are read out, by letter."""

from __future__ import annotations

from chainrule.messages import Text, Texts

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
