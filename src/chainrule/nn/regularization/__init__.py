"""Regularization: penalties, constraints, gradient clipping and activity costs."""
