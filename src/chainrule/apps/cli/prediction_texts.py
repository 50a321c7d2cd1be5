"""Texts about predictions."""

from __future__ import annotations

from chainrule.messages import Texts

PREDICTIONS: Texts = {
    "unknown_below": "Rows whose largest probability is below {level} are predicted as unknown.",
    "masks_written": "Masks and overlays written to {folder}",
    "no_masks": "--out FOLDER writes the masks of the images.",
}
