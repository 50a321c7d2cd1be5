"""Segmentation of street images."""
