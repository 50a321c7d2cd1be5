"""The runtime: programs, threads, buffers, and steps of a training."""
