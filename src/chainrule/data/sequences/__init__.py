"""Sequences: tokenizers, padding, windows and spectrograms."""
