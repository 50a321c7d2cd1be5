"""Convolution kernels that are not matrix products."""
