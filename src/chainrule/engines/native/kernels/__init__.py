"""The kernels that are written once for all networks, one file for each family.

Each is a function of one int64, the address of its block. The docstring of the function that makes it gives
the block's words, ``w[0]``, ``w[1]``, ... All take strides or leading dimensions from the block, so no
network needs a kernel of its own, and numba keeps the machine code on disk.
"""
