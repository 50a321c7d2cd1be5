"""Training on a table: baselines, comparison with them, thresholds.

Input: a table. Output: a trained model with its scores beside those of the baselines.
"""

from chainrule.train.ensemble import TabularRecipe, recipe_for

__all__ = ["TabularRecipe", "recipe_for"]
