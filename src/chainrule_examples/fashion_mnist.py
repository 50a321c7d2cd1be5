"""Fashion-MNIST: 28 x 28 gray images of ten kinds of clothes, classified by shallow and deep networks.

One twelfth of the 60,000 training images is for validation; the 10,000 test images are read once, at the end.
A linear model is the baseline. Reference: Xiao, Rasul and Vollgraf (2017), Fashion-MNIST, arXiv 1708.07747.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

import chainrule as cr
from chainrule.data import Table
from chainrule.data.augmentation import Crop, Flip, Transform
from chainrule.messages import Texts, in_language
from chainrule_examples import Count

Net = Literal["dense", "lenet", "small", "resnet20"]
OPTIONS: Texts = {
    "net": "network to train",
    "seeds": "number of trainings, with seeds 0, 1, ...",
    "epochs": "number of epochs; 0: chosen for the network",
    "out": "folder for models and scores",
}
TEXTS: Texts = {
    "done": "{name}, seed {seed}: {size:,} parameters, {time:.0f} s, validation accuracy {validation:.4f}",
    "test": "Accuracy on {rows:,} test images",
    "linear": "linear model (logistic regression)",
    "trivial": "most frequent class",
}


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


def train_network(name: str, images: Table, seed: int = 0, epochs: int = 0) -> cr.Model:
    """Train a network."""
    net, usual_epochs, learning_rate, transforms = NETS[name]
    model = cr.Model(net, "cross_entropy", cr.AdamW(cr.OneCycle(learning_rate)), metrics=["accuracy"])
    options = {"batch_size": 128, "validation": 1 / 12, "augmentation": cr.Augmentation(*transforms)}
    model.fit(images, epochs=epochs or usual_epochs, seed=seed, **options)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def main(lang: str = "en", net: Net = "dense", seeds: Count = 1, epochs: int = 0, out: str = "") -> None:
    """Train, then evaluate once on the test images."""
    texts = in_language(TEXTS, lang)
    images, models, trainings = cr.read_images("fashion-mnist/train"), [], []
    for name, seed in [*((net, seed) for seed in range(seeds)), ("linear", 0)]:
        start, model = time.perf_counter(), train_network(name, images, seed, epochs)
        size, took = sum(a.size for a in model.parameters().values()), time.perf_counter() - start
        facts = {"net": name, "seed": seed, "time": took, "epochs": len(model.history), "size": size}
        facts["validation"] = model.history[-1]["val_accuracy"]
        print(texts["done"].format(name=name, **facts), flush=True)
        models, trainings = [*models, model], [*trainings, facts]
    test = cr.read_images("fashion-mnist/test")  # read only now: the final evaluation
    *scores, linear = [model.evaluate(test)["accuracy"] for model in models]
    trivial = float((test.frame["class"] == images.frame["class"].mode()[0]).mean())
    print(texts["test"].format(rows=test.rows))
    print(f"  {net}: {np.mean(scores):.4f}" + (f" ± {np.std(scores, ddof=1):.4f}" if seeds > 1 else ""))
    print(f"  {texts['linear']}: {linear:.4f}\n  {texts['trivial']}: {trivial:.4f}")
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        result = {"trainings": trainings, "test": scores, "linear": linear, "trivial": trivial}
        Path(out, f"{net}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        models[0].save(Path(out) / f"{net}.safetensors")


if __name__ == "__main__":
    main()
