"""A language model of Chinese poems."""
