"""PyTorch weights files: reading, names and layouts."""
