"""Evaluation: losses and metrics of predictions, and the baselines beside them."""
