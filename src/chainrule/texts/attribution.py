"""Texts of attributions, influences and sanity checks, by key."""

from __future__ import annotations

from chainrule.messages import Texts

# Texts of counterfactuals, permutation importance and attribution plots, by key.

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
    "importance_constant": (
        "Not measured, since shuffling does not change columns with one value in these rows: {columns}."
    ),
    "importance_column": "shuffled column",
    "importance_value": "importance",
    "importance_spread": "std. dev.",
    "attribution_picture": "{method}: {explained}",
    "importance_rest": "{count} more, at most",
}


ATTRIBUTION: Texts = {
    "attribution_title": "Contributions of the inputs: {method}",
    "attribution_settings": "Settings: {used}.",
    "attribution_logit": "The score (logit) of {target}",
    "attribution_probability": "The probability of {target}",
    "attribution_loss": "The loss with target {target}",
    "attribution_value": "The value {target}",
    "attribution_sample": "Sample {i}: {explained}",
    "attribution_score": "Explained score: {score}.",
    "attribution_nothing": "All values are 0: by this method nothing in the sample supports the score.",
    "attribution_no_sum": (
        "The values of this method do not add up to a defined total; only compare them with one another."
    ),
    "attribution_difference": "Explained score: {score}; at the baseline {base}; difference {difference}.",
    "attribution_sum": "Sum of all values: {sum}; unexplained {residual} (at most {tolerance}).",
    "attribution_sum_fails": (
        "UNRELIABLE: the sum of all values is {sum}; unexplained {residual}, more than {tolerance}."
    ),
    "why": "Why this prediction",
    "why_class": "The network predicts {prediction}, with a probability of {probability}.",
    "why_class_of": "{target}: the network predicts {prediction}, with a probability of {probability}.",
    "why_number": "The network predicts {prediction}.",
    "why_number_of": "{target}: the network predicts {prediction}.",
    "why_printed": "chainrule predict prints {prediction}, with a probability of {probability}.",
    "why_threshold": "{label} is predicted from a probability of {threshold} on.",
    "why_threshold_raw": "{label} is predicted from a probability of the network of {threshold} on.",
    "why_calibrated": "That is the calibrated probability; the network's is {probability}.",
    "why_unknown": "chainrule predict names this row unknown.",
    "why_actual": "The row itself has {actual}.",
    "why_actual_same": "The row itself has {actual} too.",
    "why_logit": (
        "The inputs that mattered most: a contribution above 0 supports {target}, one below 0 opposes it."
    ),
    "why_value": (
        "The inputs that mattered most: a contribution above 0 raises the predicted value, one below 0 "
        "lowers it."
    ),
    "why_baseline_mean": (
        "They are measured from a row with the mean of every number and no category (the baseline)."
    ),
    "why_baseline_zero": "They are measured from an input of zeros (the baseline).",
    "why_sum_logit": (
        "Sum: {base} (baseline) {sum} (all contributions) = {score}, the score (logit) of the "
        "prediction; error {residual}."
    ),
    "why_sum_value": (
        "Sum: {base} (baseline) {sum} (all contributions) = {score}, the predicted value; error {residual}."
    ),
    "why_title": "Why {prediction}?",
    "why_member": (
        "The model is an ensemble of {count} networks. The derivation below is that of network {number}; "
        "its own prediction has the weight {weight} in the mean."
    ),
    "why_no_target": "The row has no target: the derivation uses the predicted class {target}.",
    "region_0_0": "upper left",
    "region_0_1": "upper middle",
    "region_0_2": "upper right",
    "region_1_0": "middle left",
    "region_1_1": "center",
    "region_1_2": "middle right",
    "region_2_0": "lower left",
    "region_2_1": "lower middle",
    "region_2_2": "lower right",
    "attribution_rest": "{count} more",
    "attribution_more": "Further samples, in .values: {count}.",
    "attribution_input": "input",
    "attribution_given": "value",
    "attribution_value_head": "contribution",
    "attribution_bar": "█ supports, ░ opposes",
    "attribution_for": "supports",
    "attribution_against": "opposes",
    "influence_title": "Training samples that influenced this prediction",
    "influence_last": (
        "Based on the last dense layer: the dot product of the gradients of two samples' losses (TracIn)."
    ),
    "influence_all": (
        "Based on all weights: the dot product of the gradients of two samples' losses (TracIn)."
    ),
    "influence_at": "Checkpoints of the weights used: {count}.",
    "influence_sample": "Sample {i}",
    "influence_side": "effect",
    "influence_row": "training sample",
    "influence_value": "influence",
    "influence_helped": "helped",
    "influence_hurt": "hurt",
    "sanity_title": "Does the attribution depend on the model: {method}",
    "sanity_says": (
        "From the last layer to the first, the weights are replaced by random values; an attribution "
        "that explains the model changes with them."
    ),
    "sanity_layer": "randomized down to",
    "sanity_correlation": "rank correlation",
    "sanity_labels": "(permuted labels)",
    "sanity_passed": "Passed: the attribution changes when the model changes (below {limit}).",
    "sanity_empty": "NOTHING TO COMPARE: all values of the original attribution are equal.",
    "sanity_failed": (
        "FAILED: the attribution hardly changes although the model is random (not below {limit})."
    ),
}
