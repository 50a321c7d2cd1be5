"""Blocks made of layers: residual blocks, transformers, language models."""
