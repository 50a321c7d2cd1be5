"""The named networks of the field, each written from layers as its paper draws it.

In: how many classes, how large, how wide. Out: a net, which is a layer like any other: it prints like the
figure, trains, explains itself and takes the weights that everybody has. This room adds no mathematics and
knows no engine; what a figure repeats is a layer of ``nn``.

Every model is a function; ``MODELS`` has a card for each that says what it is, where it comes from and how
many parameters it has.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames, LazyRegistry

# A function that is called like its file is fetched before the file could take its place.
from chainrule.models.alexnet import alexnet as alexnet
from chainrule.models.bert import bert as bert
from chainrule.models.model_card import Model as Model
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
}  # the card of resnet18 stands beside it as RESNET18
_LAZY = LazyNames(__name__, _HOMES)

MODELS: LazyRegistry[Model] = LazyRegistry(
    __name__,
    {name: f"{home}.{name.upper()}" for home, names in _HOMES.items() for name in names.split()},
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return sorted({*_LAZY.names, "MODELS", "Model"})
