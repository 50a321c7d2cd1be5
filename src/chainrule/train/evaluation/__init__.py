"""Evaluation: predictions and losses of a trained model; metrics are in ``chainrule.metrics``."""
