"""Kernels that are independent of the network, one file for each family.

Each kernel is a function of one int64, the address of its argument block. The docstring of the function that
creates the kernel lists the words of the block, ``w[0]``, ``w[1]``, ... Strides and leading dimensions come
from the block, so no network needs a kernel of its own and the machine code is cached on disk.
"""
