"""Cells of text: spellings of missing values, notations of numbers, the decimal mark of a table."""
