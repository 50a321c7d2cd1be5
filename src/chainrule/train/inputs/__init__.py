"""Inputs of a training: checked arrays, tables, encoded targets, sample weights, augmentation and
trimming."""
