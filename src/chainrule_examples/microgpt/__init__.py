"""A small language model that invents first names."""
