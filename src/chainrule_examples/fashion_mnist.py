"""Fashion-MNIST: 28 x 28 gray images of ten kinds of clothes, classified by shallow and deep networks.

One twelfth of the 60,000 training images is for validation; the 10,000 test images are read once, at the end.
A linear model is the baseline. Reference: Xiao, Rasul and Vollgraf (2017), Fashion-MNIST, arXiv 1708.07747.
"""

from __future__ import annotations

import json
import time
from typing import Literal

import numpy as np

import chainrule as cr
from chainrule.data import Split, Table, split
from chainrule.messages import Texts, in_language
from chainrule.metrics import mean_score
from chainrule.page import Figure, image_page
from chainrule_examples import COMMON, Count
from chainrule_examples.clothing_networks import NETS
from chainrule_examples.score_table import Score, print_scores, save_run

Net = Literal["dense", "lenet", "small", "resnet20"]
OPTIONS: Texts = {
    **COMMON,
    "net": "network to train",
    "epochs": "number of epochs; 0: chosen for the network",
}
METHODS = ("most frequent class", "linear model (logistic regression)", "network")
TEXTS: Texts = {
    "done": "{name}, seed {seed}: {size:,} parameters, {time:.0f} s, validation accuracy {validation:.4f}",
    "title": "Test images with the largest errors",
    "caption": "{label}, predicted {predicted}; probability of {label} {p:.3f}",
}


def parts_of(images: Table, seed: int) -> Split:
    """Which images are for the training, and which twelfth for the validation."""
    return split(images.frame["class"].to_numpy(), seed, (11 / 12, 1 / 12, 0.0))


def train_network(name: str, images: Table, seed: int = 0, epochs: int = 0) -> cr.Model:
    """Train a network."""
    net, usual_epochs, learning_rate, transforms = NETS[name]
    model = cr.Model(net, "cross_entropy", cr.AdamW(cr.OneCycle(learning_rate)), metrics=["accuracy"])
    part, augmentation = parts_of(images, seed), cr.Augmentation(*transforms)
    options = {"batch_size": 128, "validation": (images.take(part.validation), "class")}
    own = images.take(part.train)
    model.fit(own, epochs=epochs or usual_epochs, seed=seed, augmentation=augmentation, **options)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def error_page(model: cr.Model, test: Table, texts: dict[str, str], lang: str) -> bytes:
    """The images whose class has the smallest probability."""
    labels, p = test.frame["class"].to_numpy(), np.asarray(model.predict_proba(test))
    own, best = p[np.arange(len(p)), np.searchsorted(model.labels, labels)], p.argmax(axis=1)
    figures = []
    for i in np.argsort(own, kind="stable")[:24]:
        names = {"label": labels[i], "predicted": model.labels[best[i]]}
        figures.append(Figure((test.images["image"][i],), texts["caption"].format(**names, p=own[i])))
    return image_page(texts["title"], [], figures, lang)


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
    labels, usual = test.frame["class"].to_numpy(), images.frame["class"].mode()[0]
    *own, linear = [mean_score(np.asarray(model.predict(test)) == labels) for model in models]
    runs = zip(METHODS, ([mean_score(labels == usual)], [linear], own), strict=True)
    scores = [Score.on_test_set(name, ({"accuracy": run} for run in values)) for name, values in runs]
    print_scores(scores, lang, "accuracy")
    if out:
        page, part = error_page(models[0], test, texts, lang), parts_of(images, 0)
        files = {"errors.html": page, "trainings.json": json.dumps(trainings, indent=1) + "\n"}
        save_run(out, models[0], scores, files, known=(images.take(part.train), images.take(part.validation)))


if __name__ == "__main__":
    main()
