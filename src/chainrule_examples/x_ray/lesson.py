"""Chest X-rays of children: recognize pneumonia in images of 28 x 28 pixels.

Training images that are also validation images are left out; the validation images select the threshold.

Reference: Yang et al. (2023), MedMNIST v2, Scientific Data 10; Kermany et al. (2018), Cell 172.
"""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule.data import Table, labeled_images
from chainrule.data.augmentation import Color, Crop, Rotate
from chainrule.data.datasets import open_dataset
from chainrule.messages import Text, Texts, in_language
from chainrule.metrics import SampledScore, mean_score
from chainrule.tabular import threshold_of
from chainrule_examples import COMMON, Count
from chainrule_examples.conv_block import conv_block
from chainrule_examples.score_table import Score, labeled_image_files, print_scores, save_run
from chainrule_examples.x_ray.baselines import brightness, regression, support_machine
from chainrule_examples.x_ray.image_errors import error_page

OPTIONS: Texts = {
    **COMMON,
    "data": "pneumoniamnist.npz; by default it is downloaded",
    "long": "train for 30 epochs instead of 6",
}
TEXTS: Texts = {
    "data": "{} training, {} validation, {} test images; {} training images left out",
    "limits": (
        "All children were patients of one hospital, and the test images are harder than the others:\n"
        "neither score nor threshold ({:.3f}) holds elsewhere. Not for clinical use. "
        "Images: MedMNIST v2, CC BY 4.0."
    ),
}
NAMES = ("normal", "pneumonia")
METHODS: tuple[Text, ...] = "mean brightness", "logistic regression", "support vector machine", "network"
AUGMENTATION = cr.Augmentation(Crop(padding=2), Rotate(degrees=10), Color(brightness=0.2, contrast=0.2))


def read_parts(data: str) -> tuple[list[Table], int]:
    """Training, validation and test images, and how many training images were left out."""
    archive, parts = open_dataset("x-ray", data), []
    for part in ("train", "val", "test"):
        content = [archive.read(f"{part}_{kind}.npy") for kind in ("images", "labels")]
        parts.append(labeled_images(content[0], content[1], NAMES, part))
    train, known = parts[0], {image.tobytes() for image in parts[1].images["image"]}
    keep = [i for i, image in enumerate(train.images["image"]) if image.tobytes() not in known]
    return [train.take(np.array(keep)), *parts[1:]], train.rows - len(keep)


def train_network(train: Table, validation: Table, epochs: int, seed: int) -> cr.Model:
    """Train a network of six convolutions at three resolutions."""
    first, second, third = ([*conv_block(channels), *conv_block(channels)] for channels in (16, 32, 64))
    last = [cr.GlobalAveragePool(), cr.Dropout(0.3), cr.Dense(1)]
    net = cr.Sequential(*first, cr.MaxPool(2), *second, cr.MaxPool(2), *third, *last)
    model = cr.Model(net, "binary_cross_entropy", cr.AdamW(cr.OneCycle(0.01)), metrics=["roc_auc"])
    options = {"batch_size": 64, "validation": (validation, "class"), "augmentation": AUGMENTATION}
    model.fit(train, epochs=epochs, seed=seed, **options)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def measure(name: Text, outputs: list[list[np.ndarray]], y: list[np.ndarray]) -> Score:
    """AUC and accuracy on the test images, with the threshold of the validation images."""
    runs = []
    for validation, test in outputs:
        decided = test.astype(np.float64) >= threshold_of(y[1], validation)
        area = SampledScore(cr.metric("roc_auc"), (y[2], test), y[2])
        runs.append({"AUC": area, "accuracy": mean_score(decided == y[2])})
    return Score.on_test_set(name, runs)


def main(
    lang: str = "en", data: str = "", long: bool = False, seeds: Count = 3, epochs: int = 0, out: str = ""
) -> None:
    """Train, then evaluate once on the test images."""
    texts, (parts, removed) = in_language(TEXTS, lang), read_parts(data)
    print(texts["data"].format(*(part.rows for part in parts), removed), flush=True)
    models = [train_network(parts[0], parts[1], epochs or (30 if long else 6), s) for s in range(seeds)]
    flat = [part.images["image"].reshape(part.rows, -1) / 255 for part in parts]
    y = [(part.frame["class"] == NAMES[1]).to_numpy() for part in parts]
    outputs = [[np.asarray(model.predict_proba(part))[:, 1] for part in parts[1:]] for model in models]
    baselines = [[baseline(flat, y)] for baseline in (brightness, regression, support_machine)]
    scores = [measure(*pair, y) for pair in zip(METHODS, (*baselines, outputs), strict=True)]
    print_scores(scores, lang, "AUC")
    level = threshold_of(y[1], outputs[0][0])
    print(texts["limits"].format(level))
    if out:
        page = error_page(models[0], parts[2], outputs[0][1], lang)
        files = {"errors.html": page, **labeled_image_files(parts[2])}
        save_run(out, models[0], scores, files, threshold=level, known=(parts[0], parts[1]))


if __name__ == "__main__":
    main()
