"""PyTorch's files of weights: reading, names and layouts."""
