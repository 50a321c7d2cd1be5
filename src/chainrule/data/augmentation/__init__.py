"""Data augmentation: random transforms of images during training.

A mirrored, shifted or darker image of a cat is still an image of a cat. A network that receives another
variant in every epoch cannot memorize single pixels.

    transform.py                 the base class of transforms; random numbers addressed by seed, epoch and row
    geometry.py                  flip, crop, rotate, affine, resized crop
    distortion.py                perspective and elastic distortion
    color.py                     brightness, contrast, saturation, hue
    single_operations.py         transforms with a probability ``p``: blur, gray, CLAHE, those of RandAugment
    rand_augment_and_aug_mix.py  RandAugment and AugMix
    erasing_and_mixing.py        random erasing, mixup and CutMix
    pipeline.py                  transforms in sequence, also from a text; batches prepared on worker threads
"""

from chainrule.data.augmentation.color import Color
from chainrule.data.augmentation.distortion import Elastic, Perspective
from chainrule.data.augmentation.erasing_and_mixing import CutMix, Erase, Mix, Mixup
from chainrule.data.augmentation.geometry import Affine, Crop, Flip, ResizedCrop, Rotate
from chainrule.data.augmentation.pipeline import (
    MIXES,
    TRANSFORMS,
    Augmentation,
    Augmented,
    augmentation_from_text,
    batches,
)
from chainrule.data.augmentation.rand_augment_and_aug_mix import OPERATIONS, AugMix, RandAugment
from chainrule.data.augmentation.single_operations import (
    AutoContrast,
    Blur,
    Equalize,
    EqualizeTiles,
    Gray,
    Invert,
    Posterize,
    Sharpness,
    Solarize,
)
from chainrule.data.augmentation.transform import Transform

__all__ = [
    "MIXES",
    "OPERATIONS",
    "TRANSFORMS",
    "Affine",
    "AugMix",
    "Augmentation",
    "Augmented",
    "AutoContrast",
    "Blur",
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
    "Transform",
    "augmentation_from_text",
    "batches",
]
