"""Random changes of images while a network learns: augmentation.

A picture of a cat that is mirrored, shifted or a little darker is still a picture of a cat. A network that
sees a new variant in every epoch cannot learn single pixels by heart.

    change.py         what every change has; random numbers with an address
    geometry.py       flip, crop, rotate, affine, resized crop;  warp.py looks pixels up
    distortion.py     seen at an angle, bent like rubber
    color.py         brightness, contrast, saturation, hue
    sometimes.py      blur, gray, and single changes of RandAugment's list, each with a chance
    tiles.py          equalization by tiles
    erase.py          a rectangle painted over
    rand_augment.py   a few changes drawn from fourteen;  aug_mix.py  the mean of several chains of them
    mixing.py         mixup and cutmix: two images as one
    pipeline.py       changes one after the other; batches made on worker threads
    text.py           a pipeline in a few words: flip, crop 4, rotate 10
"""

from chainrule.data.augmentation.adaptive_equalization import EqualizeTiles
from chainrule.data.augmentation.aug_mix import AugMix
from chainrule.data.augmentation.color import Color
from chainrule.data.augmentation.distortion import Elastic, Perspective
from chainrule.data.augmentation.erasing import Erase
from chainrule.data.augmentation.geometry import Affine, Crop, Flip, ResizedCrop, Rotate
from chainrule.data.augmentation.mixing import CutMix, Mix, Mixup
from chainrule.data.augmentation.parse import augmentation_from_text
from chainrule.data.augmentation.pipeline import CHANGES, MIXES, Augmentation, Augmented, batches
from chainrule.data.augmentation.rand_augment import OPERATIONS, RandAugment
from chainrule.data.augmentation.random_apply import (
    AutoContrast,
    Blur,
    Equalize,
    Gray,
    Invert,
    Posterize,
    Sharpness,
    Solarize,
)
from chainrule.data.augmentation.transform import Change

__all__ = [
    "CHANGES",
    "MIXES",
    "OPERATIONS",
    "Affine",
    "AugMix",
    "Augmentation",
    "Augmented",
    "AutoContrast",
    "Blur",
    "Change",
    "Color",
    "Crop",
    "CutMix",
    "Elastic",
    "Equalize",
    "EqualizeTiles",
    "Erase",
    "Flip",
    "Gray",
    "Invert",
    "Mix",
    "Mixup",
    "Perspective",
    "Posterize",
    "RandAugment",
    "ResizedCrop",
    "Rotate",
    "Sharpness",
    "Solarize",
    "augmentation_from_text",
    "batches",
]
