"""Trained models as files of other programs: each is checked against the model before it is written.

Input: a trained model and a path, whose suffix selects the format. Output: one file, and a record of its size
and of the rows for which it gave the values of the model.
"""
