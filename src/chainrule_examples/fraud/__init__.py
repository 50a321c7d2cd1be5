"""Payments that are fraud: a training table with a few positive rows."""
