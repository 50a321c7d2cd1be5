"""The default network for a table: an ensemble over the folds of a cross-validation, trained as one network.

Input: ``data.PreparedData`` or encoded arrays. Output: an untrained ``ModelState``, the sample weights and
options with which ``train.fit`` trains it, and the predictions of rows by members that were not trained on
them. It reads no files and prints nothing.
"""

from chainrule.tabular.cross_validation import CrossValidation
from chainrule.tabular.ensemble import EnsembleTraining, fold_weights, out_of_fold
from chainrule.tabular.recipe import MIN_FOLDS, TabularRecipe, ensemble_network, recipe_for

__all__ = [
    "MIN_FOLDS",
    "CrossValidation",
    "EnsembleTraining",
    "TabularRecipe",
    "ensemble_network",
    "fold_weights",
    "out_of_fold",
    "recipe_for",
]
