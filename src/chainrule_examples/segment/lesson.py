"""Street scenes: decide for every pixel whether it shows sky, road, a car, a pedestrian, ...

A network reduces the image to small maps, in which a cell sees its surroundings, and enlarges them again
beside residual connections, which keep the outlines. Rare classes have larger weights in the loss.
Reference: Ronneberger, Fischer and Brox (2015), U-Net: convolutional networks for biomedical image
segmentation (MICCAI).
"""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule.data import class_mask, median_frequency_weights, resize_masks
from chainrule.data.augmentation import Color, Flip, ResizedCrop
from chainrule.inputs import SegmentationKind
from chainrule.messages import Text, in_language
from chainrule.page import encode_png
from chainrule_examples import Count
from chainrule_examples.conv_block import conv_block, residual_block
from chainrule_examples.score_table import Score, print_scores, save_run
from chainrule_examples.segment import street_images as scenes
from chainrule_examples.segment.scores import BASELINES, baseline_masks, measure
from chainrule_examples.segment.street_images import OPTIONS as OPTIONS

METHODS: tuple[Text, ...] = (*BASELINES, "network")
AUGMENTATION = cr.Augmentation(Flip(), ResizedCrop(area=(0.4, 1.0), ratio=(0.8, 1.25)), Color(saturation=0.2))


def at_half_size(channels: int, layers: list[cr.Layer], back: int) -> cr.Layer:
    """Layers at half the resolution, enlarged again, beside a residual connection of ``back`` channels."""
    enlarge = [cr.Conv(back, 1, bias=False), cr.BatchNorm(), cr.UpSampling(mode="linear")]
    return cr.Residual(cr.Sequential(*conv_block(channels, 2), *layers, *enlarge))


def segmentation_network() -> cr.Layer:
    """The network: images (B, H, W, 3) -> scores (B, H, W, 11), with H and W multiples of 16."""
    deep = at_half_size(160, [residual_block(160), residual_block(160), cr.Dropout(0.2)], 96)
    middle = at_half_size(96, [residual_block(96), deep, residual_block(96)], 48)
    outer = at_half_size(48, [residual_block(48), middle, residual_block(48)], 24)
    scores = [cr.Conv(scenes.VOID, 1), cr.UpSampling(mode="linear")]
    return cr.Sequential(*conv_block(24, 2), outer, *conv_block(24), *scores)


def train_network(images: np.ndarray, masks: np.ndarray, epochs: int, seed: int) -> cr.Model:
    """Train on random parts of the images, whose masks are cut alike."""
    weights = median_frequency_weights(masks, scenes.VOID, power=0.5)
    loss = cr.CrossEntropy(class_weight=weights, ignore_index=scenes.VOID)
    model = cr.Model(segmentation_network(), loss, cr.AdamW(cr.OneCycle(0.004)), metrics=[])
    x, options = images.astype(np.float32) / 255, {"batch_size": 8, "augmentation": AUGMENTATION}
    model.fit(x, masks, epochs=epochs, seed=seed, **options)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def predict_masks(model: cr.Model, images: np.ndarray) -> np.ndarray:
    """The masks of images at the size of the mask files; scores are interpolated."""
    inputs = (row[None].astype(np.float32) / 255 for row in images)
    return np.stack([class_mask(np.asarray(model.predict_proba(x))[0], scenes.MASK_SIZE) for x in inputs])


def main(
    lang: str = "en", data: str = "", long: bool = False, seeds: Count = 1, epochs: int = 0, out: str = ""
) -> None:
    """Train, then evaluate once on the test images."""
    texts, parts = in_language(scenes.TEXTS, lang), scenes.read_parts(data)
    print(texts["data"].format(*(len(images) for images, _ in parts), len(scenes.NAMES)), flush=True)
    (x, true), validation, test = parts
    y = resize_masks(true, scenes.SIZE).astype(np.int64)
    models = [train_network(x, y, epochs or (40 if long else 4), seed) for seed in range(seeds)]
    for seed, model in enumerate(models):
        value = measure(predict_masks(model, validation[0]), validation[1])["mIoU"].value
        print(texts["validation"].format(seed, value), flush=True)
    masks = [
        [resize_masks(own, scenes.MASK_SIZE)]
        for own in baseline_masks(x, y, test[0], scenes.NAMES, validation)
    ]
    masks.append([predict_masks(model, test[0]) for model in models])
    runs = ([measure(one, test[1]) for one in own] for own in masks)
    scores = [Score.on_test_set(name, own) for name, own in zip(METHODS, runs, strict=True)]
    print_scores(scores, lang, "mIoU")
    print(texts["limits"])
    if out:
        SegmentationKind(tuple(scenes.NAMES), scenes.COLORS).attach(models[0])
        page = scenes.mask_page(masks[-1][0], test[0], test[1], lang)
        files = {"masks.html": page, "classes.svg": scenes.class_chart(masks[-1][0], test[1], lang)}
        for number, (image, mask) in enumerate(zip(*test, strict=True), 1):
            files |= {
                f"test/{number}.png": encode_png(image),
                f"testannot/{number}.png": encode_png(mask.astype(np.uint8)),
            }
        known = x.astype(np.float32) / 255, validation[0].astype(np.float32) / 255
        save_run(out, models[0], scores, files, known=known, blocks=10)  # of frames: neighbors are alike


if __name__ == "__main__":
    main()
