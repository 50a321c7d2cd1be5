"""The networks of the example ``fashion-mnist``, from one dense layer to ResNet-20, with their training."""

from __future__ import annotations

from typing import NamedTuple

import chainrule as cr
from chainrule.data.augmentation import Crop, Flip, Transform


class Recipe(NamedTuple):
    """A network and its training."""

    net: cr.Layer
    epochs: int
    learning_rate: float  # maximum of a one-cycle schedule
    transforms: tuple[Transform, ...] = ()  # random, for every image in every epoch


def block(units: int, flat: bool = False) -> list[cr.Layer]:
    """A convolution (a dense layer if ``flat``), batch normalization and ReLU."""
    layer = cr.Dense(units, bias=False) if flat else cr.Conv(units, 3, padding="same", bias=False)
    return [layer, cr.BatchNorm(), cr.Activation("relu")]


WIDE = [*block(512, flat=True), cr.Dropout(0.3), *block(256, flat=True), cr.Dropout(0.3)]
POOL, LAST = cr.MaxPool(2), cr.GlobalAveragePool()
DEEP = [*block(16), *block(16), POOL, *block(32), *block(32), POOL, *block(64), *block(64), LAST]
NETS = {
    "linear": Recipe(cr.Sequential(cr.Flatten(), cr.Dense(10)), 12, 0.002),
    "dense": Recipe(cr.Sequential(cr.Flatten(), *WIDE, cr.Dense(10)), 20, 0.004, (Flip(),)),
    "lenet": Recipe(cr.models.lenet5(activation="relu", padding=2), 20, 0.004, (Flip(),)),
    "small": Recipe(cr.Sequential(*DEEP, cr.Dense(10)), 16, 0.01, (Flip(), Crop(padding=2))),
    "resnet20": Recipe(cr.models.resnet20(classes=10), 14, 0.01, (Flip(), Crop(padding=2))),
}
