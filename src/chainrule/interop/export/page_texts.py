"""The texts of an exported page, by key."""

from __future__ import annotations

from chainrule.messages import Texts

EXPORTED: Texts = {
    "language": "Language",
    "prediction_of": "Prediction of {name}",
    "offline": "The page computes in this browser; it sends no data.",
    "agrees": "Checked when opened: the page computes the outputs of the model for {rows} example rows "
    "(largest difference {difference}).",
    "differs": "Do not use this page in this browser: its outputs for the example rows differ from those of "
    "the model by {difference}.",
    "failed": "The page cannot compute in this browser: {reason}",
    "inputs": "Inputs",
    "example": "Example",
    "row": "Row {number}",
    "typical": "Typical values",
    "own": "Own values",
    "missing": "missing",
    "other": "another value",
    "yes": "Yes",
    "no": "No",
    "seconds": "seconds",
    "numbers": "{count} numbers, separated by commas",
    "draw": "Drawing area: draw with the mouse, a finger or a pen. With the keyboard, the arrow keys move "
    "and the space bar starts and ends a line.",
    "clear": "Clear",
    "file": "Open an image file",
    "black": "Value of black",
    "white": "Value of white",
    "output": "Output",
    "label": "Label",
    "probability": "Probability",
    "value": "Value",
    "position": "{name}, position {number}",
    "omitted": "{count} more are not shown.",
    "contributions": "Contribution of each input",
    "explained": "Explained output",
    "occlusion": "Method: occlusion. One input at a time is replaced by its reference; the contribution is "
    "the output for the entered values minus the output with the replaced one.",
    "of_columns": "The reference of a number or date is its mean in the training rows, that of a category "
    "its most frequent level, that of a text a missing cell.",
    "of_entries": "The reference of a number is 0.",
    "of_squares": "An input is a square of {size} pixels width; its reference is the empty background. Blue "
    "squares increase the output, orange ones decrease it.",
    "explained_value": "Explained: the value {value} of {name}",
    "explained_label": "Explained: the probability {value} of {name} = {label}",
    "reference": "Input: value → reference",
    "contribution": "Contribution",
    "too_many": "The explanation is shown for at most {count} inputs.",
    "too_long": "The text has {count} numbers; {expected} are required.",
    "out_of_range": "A number is not an index of the network, or an input is not a number.",
}
