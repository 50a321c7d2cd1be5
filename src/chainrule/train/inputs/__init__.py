"""Inputs of a training: checked arrays, tables, targets, sample weights, augmentation and trimming."""
