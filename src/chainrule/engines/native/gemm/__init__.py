"""Matrix products: kernels, packing and epilogues."""
