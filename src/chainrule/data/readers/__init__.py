"""Readers: files, folders, frames and data sets as tables and arrays."""
