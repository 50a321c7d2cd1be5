"""Texts of counterfactuals, permutation importance and attribution plots, by key."""

from __future__ import annotations

from chainrule.messages import Texts

COUNTERFACTUAL: Texts = {
    "counterfactual_title": "What would have to change",
    "counterfactual_now": (
        "The prediction is {prediction}; the target is {target}. The model itself predicted every change "
        "below."
    ),
    "counterfactual_alternative": "{i}. Prediction {prediction}; distance {distance}",
    "counterfactual_column": "column",
    "counterfactual_before": "now",
    "counterfactual_after": "changed to",
    "counterfactual_far": "distance",
    "target_other": "any other prediction",
    "target_at_least": "at least {low}",
    "target_at_most": "at most {high}",
    "target_between": "{low} to {high}",
    "target_any": "any value",
    "importance_title": "Which columns the model relies on: permutation importance",
    "importance_facts": (
        "{rows} rows: {metric} is {score}. Each column was shuffled {repeats} times (seed {seed})."
    ),
    "importance_known": (
        "These rows include the {training} training and {validation} validation rows of this model: a "
        "column that it memorized appears more important than it is."
    ),
    "importance_larger": (
        "The values state by how much {metric} falls without the column; 0: the column is not used."
    ),
    "importance_smaller": (
        "The values state by how much {metric} rises without the column; 0: the column is not used."
    ),
    "importance_column": "shuffled column",
    "importance_value": "importance",
    "importance_spread": "std. dev.",
    "attribution_picture": "{method}: {explained}",
    "importance_rest": "{count} more, at most",
}
