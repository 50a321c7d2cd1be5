"""Masks: a class for every pixel of an image.

A mask is an array (H, W) of class numbers; one number more than the classes may mark pixels without a class.

``masks.py`` has masks as targets of a training, weights of classes of different size, masks and scores of
another size, and colors of classes.

Augmentations move masks with their images (``data/augmentation``).
"""
