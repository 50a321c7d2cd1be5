"""Batches: arrays, the order of rows in each epoch, prefetching."""
