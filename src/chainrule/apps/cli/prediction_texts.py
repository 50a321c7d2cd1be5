"""Texts about predictions."""

from __future__ import annotations

from chainrule.messages import Texts

PREDICTIONS: Texts = {
    "unknown_below": "Rows whose largest probability is below {level} are predicted as unknown."
}
