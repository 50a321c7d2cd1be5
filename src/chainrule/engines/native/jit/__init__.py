"""The compiler, its cache, and the target processor."""
