"""Masks: a class for every pixel of an image.

A mask is an array (H, W) of class numbers; one number more than the classes may mark pixels without a class.

    targets.py        masks as targets of a training
    class_weights.py  weights of classes of different size, for a loss
    resize.py         masks and scores of another size
    colors.py         colors of classes, overlays of images with masks

Augmentations move masks with their images (``data/augmentation``).
"""
