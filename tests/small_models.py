"""A small form of each kind of named model, of which two steps of training cost little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr
from chainrule import nn
from chainrule.symbolic_shape import Size, Spec

ROWS = 4


class Small(NamedTuple):
    """A model small enough to be trained in a test.

    Args:
        network: writes it.
        shapes: of one sample, for each input.
        words: the inputs are integers below this one; 0 for images.
    """

    net: Callable[[], nn.Layer]
    shapes: Mapping[str, tuple[int, ...]]
    words: int = 0


NARROW = {"channels": 8, "units": 512}
"""By how much the layers of a large network are narrower."""


def narrowed(net: nn.Layer) -> nn.Layer:
    """The network with one eighth of the channels, eight units in layers of 4096, and no dropout."""

    def narrow(record: Any) -> Any:
        if isinstance(record, list):
            return [narrow(part) for part in record]
        if not isinstance(record, dict):
            return record
        if record.get("layer") == "Dropout":
            return {"layer": "Identity"}
        widths = {
            k: record[k] // by
            for k, by in NARROW.items()
            if isinstance(record.get(k), int) and record[k] >= 64
        }
        return {key: narrow(value) for key, value in record.items()} | widths

    return nn.net_from_record(narrow(nn.net_to_record(net)))


TINY: dict[str, Any] = {"vocabulary_size": 11, "width": 8, "depth": 1, "heads": 2, "units": 8, "dropout": 0.0}
CELLS: dict[str, Any] = {"vocabulary_size": 11, "width": 4, "units": 3, "depth": 1}
SMALL: dict[str, Small] = {
    "lenet5": Small(lambda: cr.models.lenet5(padding="same"), {"x": (28, 28, 1)}),
    "alexnet": Small(lambda: narrowed(cr.models.alexnet(classes=3)), {"x": (63, 63, 3)}),
    "alexnet_2012": Small(lambda: narrowed(cr.models.alexnet_2012(classes=3)), {"x": (63, 63, 3)}),
    "vgg16": Small(lambda: narrowed(cr.models.vgg16(classes=3)), {"x": (32, 32, 1)}),
    "resnet18": Small(lambda: narrowed(cr.models.resnet18(classes=3, small=True)), {"x": (9, 9, 3)}),
    "resnet20": Small(lambda: cr.models.resnet20(classes=3), {"x": (8, 8, 3)}),
    "unet": Small(lambda: cr.models.unet(channels=2, depth=1, padding="same", dropout=0), {"x": (8, 10, 1)}),
    "mobilenet_v3_small": Small(
        lambda: cr.models.mobilenet_v3_small(classes=3, dropout=0), {"x": (33, 33, 3)}
    ),
    "transformer": Small(lambda: cr.models.transformer(**TINY), {"source": (3,), "target": (4,)}, 11),
    "gpt2": Small(lambda: cr.models.gpt2(length=5, **TINY), {"x": (5,)}, 11),
    "bert": Small(lambda: cr.models.bert(length=5, **TINY), {"x": (5,)}, 11),
    "vit": Small(
        lambda: cr.models.vit(classes=3, image_size=8, patch_size=4, width=8, depth=1, heads=2, units=8),
        {"x": (8, 8, 3)},
    ),
    "lstm_classifier": Small(lambda: cr.models.lstm_classifier(**CELLS), {"x": (4,)}, 11),
    "gru_language_model": Small(lambda: cr.models.gru_language_model(**CELLS, dropout=0.0), {"x": (4,)}, 11),
}


def samples(small: Small, rows: int = ROWS) -> Any:
    """Random inputs of a model."""
    rng = np.random.default_rng(4)
    inputs = {
        name: rng.integers(1, small.words, (rows, *shape))
        if small.words
        else rng.normal(size=(rows, *shape)).astype("float32")
        for name, shape in small.shapes.items()
    }
    return inputs["x"] if list(inputs) == ["x"] else inputs


def targets_of(small: Small, net: nn.Layer) -> np.ndarray:
    """A random class for every output of the network."""
    kind = "int64" if small.words else "float32"
    inputs = {name: Spec((Size.symbol("B"), *shape), kind) for name, shape in small.shapes.items()}
    shape = nn.build(net, inputs, "float32").output.spec.at({"B": ROWS}).shape
    sizes = [int(str(n)) for n in shape]
    return np.random.default_rng(5).integers(0, sizes[-1], sizes[:-1])
