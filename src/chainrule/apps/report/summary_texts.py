"""The sentences of the summary and of the model card in English and Chinese."""

from __future__ import annotations

from chainrule.messages import Texts

SUMMARY: Texts = {
    "summary_heading": "What this means",
    "summary_cautions": "Be careful",
    "summary_task_classification": (
        'The model predicts "{target}" ({classes}) of a row from {columns} columns of {data}.'
    ),
    "summary_task_regression": (
        'The model predicts the number "{target}" of a row from {columns} columns of {data}.'
    ),
    "summary_task_image": "The model predicts the class of an image ({classes}); it was trained on {data}.",
    "summary_classes": "{count} classes",
    "summary_score_classification": (
        "On {rows} rows that it did not learn from, the network predicts {value} correctly (95% "
        "interval: {low} to {high})."
    ),
    "summary_score_regression": (
        "On {rows} rows that it did not learn from, the typical error (RMSE) of the network is {value} "
        "(95% interval: {low} to {high}); it explains {share} of the variance."
    ),
    "summary_known_inputs": (
        "{known} of the {rows} scored rows have the same inputs as a training row: the scores measure "
        "new rows with known combinations of values, not new combinations."
    ),
    "summary_too_good": (
        "An R² of {r2} on rows that were not trained on is too good to be true: inputs probably contain "
        "the target."
    ),
    "summary_comparison": "For comparison: {values}.",
    "summary_comparison_item": "{name} {value}",
    "summary_comparison_comma": ", ",
    "summary_importance_classification": (
        'The most important column is "{column}": if its values are shuffled, the share of correct '
        "predictions falls from {before} to {after}."
    ),
    "summary_importance_probabilities": (
        'The most important column is "{column}": if its values are shuffled, the log-loss of the '
        "probabilities rises from {before} to {after}; hardly any predicted class changes."
    ),
    "summary_importance_regression": (
        'The most important column is "{column}": if its values are shuffled, the typical error rises '
        "from {before} to {after}."
    ),
    "summary_next": 'Then follow "{columns}".',
    "summary_next_comma": '", "',
    "summary_no_importance": "No column has a clear effect on the quality of the predictions.",
    "summary_effect": (
        "On average over the rows, {output} is {first} where {column} is {low}, and {last} where it is "
        "{high}."
    ),
    "caution_few_rows": "The scores are those of only {rows} rows and therefore rough.",
    "caution_imbalance": (
        'The class "{label}" has only {share} of the rows; the model finds {recall} of them.'
    ),
    "caution_overconfident": (
        "Probabilities are too high: predictions with a mean probability of {confidence} are correct in "
        "{accuracy} of the rows."
    ),
    "caution_underconfident": (
        "Probabilities are too low: predictions with a mean probability of {confidence} are correct in "
        "{accuracy} of the rows."
    ),
    "caution_finding": "{name}: {what}.",
    "caution_end": "{what} (at the end: {end})",
    "caution_unused": "{count} columns are not used: {columns}.",
    "caution_range": (
        "Predictions are reliable only for rows like those of the training; a value outside the training "
        "range, such as {column} below {low} or above {high}, is an extrapolation."
    ),
    "caution_cause": (
        "An important column need not be a cause: changing it in reality need not change the target."
    ),
    "card": "Model card",
    "card_parts": "; ",
    "card_title": "Model card: {target} ({data})",
    "card_model": "Model",
    "card_use": "Intended use",
    "card_use_text": "Predictions for rows with the columns and units of {data}, collected in the same way.",
    "card_no_use": (
        "Not intended: rows from other sources without a new evaluation, and decisions about people "
        "without review."
    ),
    "card_data": "Data",
    "card_rows": "{rows} rows: ",
    "card_fingerprint": "Fingerprint of the rows: {fingerprint}",
    "card_scores": "Scores on rows that were not used in training",
    "card_columns": "Important columns",
    "card_importance": "importance ({measure})",
    "card_column": "column",
    "card_limits": "Limits",
    "card_open": "Complete before use",
    "card_open_data": "Who collected the data, when, and which groups or situations are missing in it?",
    "card_open_errors": "What does a wrong prediction cost, and who reviews it?",
    "card_open_groups": "Are the scores acceptable in each group of people that is affected?",
    "card_file": (
        "model-card.md beside this page contains this with the data, the split, the scores and the limits."
    ),
    "card_again": "Reproduce",
    "card_reference": "Form of this card: Mitchell et al. (2019), Model cards for model reporting.",
}
