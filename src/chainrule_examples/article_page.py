"""The page of the article's network: every number is an input or follows from the inputs, in the browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from chainrule.messages import LANGUAGES, Texts, translated

FILES = Path(__file__).with_name("article_files")
TEXTS: Texts = {
    "title": "One training step, with your numbers",
    "intro": (
        "The network of the article: two inputs, three hidden neurons, one output. Change a number, and all "
        "others follow. Values are computed exactly and shown with six decimal places."
    ),
    "summary": (
        "The network outputs {yhat}; the target is {y}. After one update it outputs {next}, and the loss "
        "changes from {before} to {after}."
    ),
    "inputs": "Your numbers",
    "sample": "Sample {number}",
    "hidden": "Hidden neuron {number}",
    "output": "Output neuron",
    "training": "Training",
    "epochs": "epochs",
    "loss": "Loss and output",
    "samples": "Samples",
    "mse": "half squared error, sigmoid output",
    "linear": "half squared error, linear output",
    "bce": "cross-entropy, sigmoid output",
    "picture": "Blue lines are positive weights, orange ones negative; thick lines are large weights.",
    "symbols": "Symbols",
    "symbol_x": "the two inputs of a sample, and its target",
    "symbol_w": "weight from input k to hidden neuron j, and the bias of hidden neuron j",
    "symbol_z": "weighted sum of hidden neuron j, and of the output neuron",
    "symbol_a": "activation of hidden neuron j: the sigmoid g(z) = 1/(1 + e^(−z)) of its weighted sum",
    "symbol_v": "weight from hidden neuron j to the output, and the bias of the output",
    "symbol_yhat": "output of the network",
    "symbol_J": "loss; of two samples the mean",
    "symbol_delta": "error signal: derivative of the loss of a sample with respect to a weighted sum",
    "forward": "Forward",
    "backward": "Backward",
    "value": "value",
    "formula": "formula",
    "numbers": "with numbers",
    "result": "result",
    "derivatives": "All 13 derivatives, and the update",
    "update": "Each parameter moves against its derivative: new = old − η · derivative.",
    "parameter": "parameter",
    "derivative": "value",
    "direction": "to lower the loss",
    "raise": "raise it",
    "lower": "lower it",
    "keep": "no effect",
    "before": "before",
    "after": "after",
    "course": "The whole training",
    "trained": "In {epochs} epochs the loss changes from {before} to {after}.",
    "curve": "loss over the epochs",
    "boundary": (
        "The plane of the inputs from −3 to 3 after the training: blue where the output is above one half, "
        "orange below. Points are the samples."
    ),
}


def article_page(
    rows: Sequence[Mapping[str, object]],
    parameters: Mapping[str, object],
    *,
    samples: int = 1,
    learning_rate: float = 0.5,
    epochs: int = 1000,
    lang: str = "en",
) -> str:
    """Return the page as one HTML document that loads nothing.

    Args:
        rows: two samples, each ``{"x": [x1, x2], "y": y}``.
        parameters: ``w`` (3, 2), ``b`` (3), ``v`` (3) and ``c`` with which the page begins.
        samples: number of samples with which the page begins, 1 or 2.
        learning_rate, epochs: of the training with which the page begins.
        lang: ``"en"`` or ``"zh"``; the page has both.
    """
    start = {
        "p": parameters,
        "rows": rows[:samples],
        "second": rows[1],
        "rate": learning_rate,
        "epochs": epochs,
        "kind": "mse",
    }
    texts = {code: {key: translated(text, code, key) for key, text in TEXTS.items()} for code in LANGUAGES}
    contents = {
        "texts": json.dumps(texts, ensure_ascii=False),
        "start": json.dumps(start),
        "style": _file("page.css"),
        "network": _file("network.js"),
        "page": _file("page.js"),
    }
    page = _file("page.html").replace("{lang}", lang).replace("{title}", texts[lang]["title"])
    for name, content in contents.items():
        page = page.replace("{" + name + "}", content, 1)
    return page


def _file(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")
