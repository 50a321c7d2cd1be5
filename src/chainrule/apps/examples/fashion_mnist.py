"""Fashion-MNIST: 28 x 28 gray images of ten kinds of clothes, classified by shallow and deep networks.

Of the 60,000 training pictures one in twelve is only measured; the 10,000 test pictures are read once, last.
A linear model (one dense layer) is evaluated beside it. Reference: Xiao and others (2017), arXiv 1708.07747.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

import chainrule as cr
from chainrule.apps.examples import Count
from chainrule.data import Table
from chainrule.data.augmentation import Crop, Flip, Transform

Net = Literal["dense", "lenet", "small", "resnet20"]
OPTIONS = {
    "net": ("which net learns", "使用哪个网络"),
    "seeds": ("how many trainings, with seeds 0, 1, ...", "训练次数，种子依次为 0、1……"),
    "epochs": ("passes over the pictures; 0: what suits the net", "训练轮数；0 表示按网络选择"),
    "out": ("a folder for the models and the scores", "保存模型和成绩的文件夹"),
}
SAYS = {
    "done": ("{net}, seed {seed}: {size:,} parameters, {time:.0f} s, validation accuracy {validation:.4f}",
             "{net}，种子 {seed}：{size:,} 个参数，{time:.0f} 秒，验证准确率 {validation:.4f}"),
    "test": ("Accuracy on {rows:,} pictures never seen before", "在 {rows:,} 张从未见过的图片上的准确率"),
    "linear": ("a straight line (logistic regression)", "直线（逻辑回归）"),
    "trivial": ("the most frequent class", "最常见的类别"),
}  # fmt: skip


class Recipe(NamedTuple):
    """How a net is built and taught."""

    net: cr.Layer
    epochs: int
    rate: float  # the highest: it rises, then sinks to nearly 0
    changes: tuple[Transform, ...] = ()  # of every picture, at random in every epoch


def block(units: int, flat: bool = False) -> list[cr.Layer]:
    """A layer with weights (a convolution, or a dense one where ``flat``), its norm, its activation."""
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


def learn(name: str, pictures: Table, seed: int = 0, epochs: int = 0) -> cr.Model:
    """A trained net."""
    recipe = NETS[name]
    model = cr.Model(recipe.net, "cross_entropy", cr.AdamW(cr.OneCycle(recipe.rate)), metrics=["accuracy"])
    options = {"batch_size": 128, "validation": 1 / 12, "augmentation": cr.Augmentation(*recipe.changes)}
    model.fit(pictures, epochs=epochs or recipe.epochs, seed=seed, **options)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def main(lang: str = "en", net: Net = "dense", seeds: Count = 1, epochs: int = 0, out: str = "") -> None:
    """Train, then judge once."""
    say = {key: pair[lang == "zh"] for key, pair in SAYS.items()}
    pictures, models, found = cr.read_images("fashion-mnist/train"), [], []
    for name, seed in [*((net, seed) for seed in range(seeds)), ("linear", 0)]:
        begun, model = time.perf_counter(), learn(name, pictures, seed, epochs)
        size, took = sum(a.size for a in model.parameters().values()), time.perf_counter() - begun
        facts = {"net": name, "seed": seed, "time": took, "epochs": len(model.history), "size": size}
        facts["validation"] = model.history[-1]["val_accuracy"]
        print(say["done"].format(**facts), flush=True)
        models, found = [*models, model], [*found, facts]
    test = cr.read_images("fashion-mnist/test")  # read only here, when there is no choice left to make
    *scores, linear = [model.evaluate(test)["accuracy"] for model in models]
    trivial = float((test.frame["class"] == pictures.frame["class"].mode()[0]).mean())
    print(say["test"].format(rows=test.rows))
    print(f"  {net}: {np.mean(scores):.4f}" + (f" ± {np.std(scores, ddof=1):.4f}" if seeds > 1 else ""))
    print(f"  {say['linear']}: {linear:.4f}\n  {say['trivial']}: {trivial:.4f}")
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        result = {"trainings": found, "test": scores, "linear": linear, "trivial": trivial}
        Path(out, f"{net}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        models[0].save(Path(out) / f"{net}.safetensors")


if __name__ == "__main__":
    main()
