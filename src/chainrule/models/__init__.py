"""Named networks of the literature, built from layers.

Input: the number of classes, the size, the width. Output: a network, which is a layer like any other: it
prints like the figure of its paper, trains, can be explained and loads published weights. This package adds
no mathematics and does not depend on engines; parts that a figure repeats are layers of ``nn``.

Every model is a function; ``MODELS`` has a card for each with a summary, its reference and its number of
parameters.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames, LazyRegistry

# A function with the name of its module is imported before the module could take its place.
from chainrule.models.alexnet import alexnet as alexnet
from chainrule.models.bert import bert as bert
from chainrule.models.model_card import ModelCard as ModelCard
from chainrule.models.transformer import transformer as transformer
from chainrule.models.unet import unet as unet
from chainrule.models.vit import vit as vit

_HOMES = {
    "lenet": "lenet5",
    "alexnet": "alexnet alexnet_2012",
    "vgg": "vgg16",
    "resnet": "resnet18 resnet34 resnet50 resnet101 resnet20 resnet56",
    "unet": "unet",
    "mobilenet": "mobilenet_v3_small",
    "transformer": "transformer",
    "gpt": "gpt2",
    "bert": "bert",
    "vit": "vit",
    "recurrent": "lstm_classifier gru_classifier lstm_language_model gru_language_model",
}  # the card of resnet18 is RESNET18 in the same module
_LAZY = LazyNames(__name__, _HOMES)

MODELS: LazyRegistry[ModelCard] = LazyRegistry(
    __name__, {name: f"{home}.{name.upper()}" for home, names in _HOMES.items() for name in names.split()}
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return sorted({*_LAZY.names, "MODELS", "ModelCard"})
