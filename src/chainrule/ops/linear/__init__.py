"""Linear operations: matrix products, convolutions and windows."""
