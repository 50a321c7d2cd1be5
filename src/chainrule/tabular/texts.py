"""The texts of a training on a table, by key: columns, use of the rows, scores, status, report."""

from __future__ import annotations

from chainrule.messages import Texts
from chainrule.texts.sentence import TextTable

WORDS: Texts = {
    "comparing": "Training the baselines for comparison, on {rows:,} rows of {features:,} features.",
    "columns": "Columns",
    "name": "name",
    "kind": "kind",
    "missing": "missing",
    "summary": "summary",
    "why": "why",
    "range_and_mean": "{low} … {high}, mean {mean}",
    "as_features": "; features: {features}",
    "kind_number": "number",
    "kind_category": "category",
    "kind_yes_no": "yes/no",
    "kind_image": "image",
    "kind_date": "date",
    "kind_time": "time",
    "kind_duration": "duration",
    "kind_text": "text",
    "kind_constant": "constant, ignored",
    "kind_id": "id, ignored",
    "kind_empty": "empty, ignored",
    "is_target": "target",
    "more_columns": "... and {count} more; report.html lists all",
    "split": "{training} training, {validation} validation (early stopping), {test} test rows (seed {seed})",
    "split_without_stopping": "{training} training, {validation} validation, {test} test rows (seed {seed})",
    "split_time": ", divided by time: {column}",
    "split_group": ", divided by group: {column}",
    "split_scored": "; {scored} of the rows are scored",
    "split_test": "; the test rows are those of {file}",
    "split_folds": (
        "{rows} rows in {folds} folds: each of the {networks} networks is trained on {trained} folds, "
        "stopped on one and scored on one (seed {seed})"
    ),
    "split_folds_and_test": (
        "{rows} training rows in {folds} folds: each of the {networks} networks is trained on all folds "
        "but two and stopped on one; {test} test rows (seed {seed})"
    ),
    "net_heading": "Network",
    "layer": "layer",
    "what_layer": "type",
    "output": "output",
    "parameters": "parameters",
    "parameter_count": "{count} parameters",
    "how_trained": "loss {loss}; {optimizer}; penalty {penalty}",
    "none": "none",
    "end_epochs": "Completed all {epochs} epochs",
    "end_early_stopping": "Early stopping at epoch {epochs}",
    "kept_all": ".",
    "kept_last": "; the last one has the best weights, so that more epochs may help.",
    "kept_epoch": "; restored the best weights (epoch {best}).",
    "kept_members": "; restored the best weights of each network.",
    "weights_of_epoch": "{low}, the best",
    "weights_of_last": "{low}, the last",
    "weights_of_members": "{low} to {high}, the best of each network",
    "weights_of_all_members": "{low}, the best of each network",
    "all_rows": "all rows",
    "kinds": "Weights of the kinds of networks: {kinds}.",
    "kinds_joined": ", ",
    "kind_plain": "plain",
    "kind_intervals": "with intervals",
    "kind_linear": "linear",
    "kind_converged": "linear, fitted to convergence",
    "positive": "F1 of the class {label}.",
    "aside": " ({})",
    "net_classification": "network",
    "net_regression": "network",
    "calibrated_classification": "network, calibrated",
    "linear_classification": "linear model (logistic regression)",
    "linear_regression": "linear model (ridge regression)",
    "boosting_classification": "gradient boosting (scikit-learn)",
    "boosting_regression": "gradient boosting (scikit-learn)",
    "no_boosting": (
        "Gradient boosting is left out: {rows} x {columns} inputs would take longer than a minute."
    ),
    "trivial_classification": "most frequent class",
    "trivial_regression": "training mean",
    "loss": "loss",
    "history_epoch": "epoch",
    "history_loss": "loss",
    "history_data_loss": "data loss",
    "history_validation": "validation ",
    "metric_accuracy": "accuracy",
    "metric_balanced_accuracy": "balanced accuracy",
    "metric_precision": "precision",
    "metric_recall": "recall",
    "metric_f1": "F1",
    "metric_roc_auc": "ROC-AUC",
    "metric_log_loss": "log-loss",
    "metric_pr_auc": "PR-AUC",
    "metric_r2": "R2",
    "metric_rmse": "RMSE",
    "metric_mae": "MAE",
    "severity": "severity",
    "rule_why": "cause",
    "rule_try": "fix",
    "rule_command": "on the command line",
    "rule_end": "at the end",
    "rule_evidence": "evidence",
    "report_doctor": "Diagnosis",
    "report_ok": "Checks before, during and after the training found nothing.",
    "severity_error": "error",
    "severity_warning": "warning",
    "severity_info": "note",
    "value": "value",
    "fact_data": "data",
    "fact_training_rows": "training rows",
    "fact_kinds": "weights of the kinds of networks",
    "fact_privacy": "privacy",
    "fact_steps": "updates",
    "fact_batch_size": "batch size",
    "history_end": "Last epochs",
    "figure": "Diagram",
    "report_classification": "Predicts the class of a row; trained by chainrule.",
    "report_regression": "Predicts a number for a row; trained by chainrule.",
    "report_result": "Result on rows that were not used in training",
    "report_evaluation": "All were evaluated on the same rows, each by a model that was not trained on it.",
    "report_importance": "Importance of the columns",
    "report_importance_caption": (
        "How much the {measure} ({before} on these rows) rises when the values of a column are shuffled "
        "among {rows} rows that the model did not learn from: mean ± standard deviation over {repeats} "
        "repeats. Gray: no clear effect. Columns with the same information share their importance."
    ),
    "report_importance_more": "… and {count} less important columns",
    "report_effects": "Prediction by column",
    "report_effects_caption": (
        "Partial dependence: the mean prediction if the column had this value in every row. Marks on the "
        "axis are quantiles of the column; the shaded area contains the middle half of the rows. The "
        "charts show what the model learned, which need not be the cause of the target."
    ),
    "report_effects_value": "predicted {name}",
    "report_effects_probability": "probability of {name}",
    "report_effects_rows": "rows",
    "report_curves": "Learning curves",
    "report_history": "table of all epochs",
    "curve_loss": "training loss by epoch (without penalty, with dropout)",
    "curve_val_loss": "validation loss",
    "curve_val_loss_and_best": "validation loss; dashed: the epoch of the weights",
    "curve_val_accuracy": "validation accuracy",
    "curve_val_r2": "validation R2",
    "curve_against": "predicted (vertical) against true (horizontal); dashed: equal",
    "curve_residuals": "distribution of the errors (predicted - true)",
    "report_intervals": "Prediction intervals",
    "report_interval_level": "nominal",
    "report_interval_inside": "values inside",
    "report_interval_width": "mean width",
    "report_intervals_caption": "chainrule predict --interval 0.9 writes both ends for each new row.",
    "report_confusion": "Confusion matrix",
    "report_confusion_caption": "Rows are true classes, columns the likeliest ones.",
    "report_values": "Predictions and errors",
    "report_facts": "Training",
    "report_again": "Command that repeats the training:",
    "fact_rows": "rows",
    "fact_target": "target",
    "fact_split": "use of the rows",
    "fact_epochs": "epochs / maximum",
    "fact_best": "weights of epoch",
    "fact_seed": "seed",
    "fact_fingerprint": "fingerprint of the data",
    "fact_loss": "loss",
    "fact_optimizer": "optimizer",
    "fact_penalty": "penalty",
    "report_graph_caption": (
        "Each box is a layer with its output shape and number of parameters; repeated blocks are drawn once."
    ),
    "report_calibration": "Calibration",
    "curve_calibration": "accuracy (vertical) by confidence (horizontal); dashed: perfect calibration",
    "report_robustness": "Accuracy under attack",
    "report_risk": "Abstention",
    "curve_risk": "share of errors (vertical) by share of decided rows (horizontal), the most certain first",
    "curve_ideal_risk": "ideal: all errors last",
    "report_calibration_table": "The observed share of a range varies by chance; ± is one standard error.",
    "calibration_range": "probability",
    "calibration_count": "rows",
    "calibration_mean": "mean",
    "calibration_observed": "observed",
    "report_threshold": "Threshold",
    "report_threshold_caption": (
        "Rows whose probability of {label} is at least the threshold (horizontal) are predicted as "
        "{label}. A threshold chosen here looks better than it is; --threshold and --cost choose it on "
        "other rows."
    ),
    "threshold_rows": "predicted",
    "threshold_specificity": "specificity",
    "report_boundary": "Decision boundary",
    "report_boundary_caption": (
        "Predicted class for each pair of the features {x} (horizontal) and {y} (vertical); points are "
        "rows colored by their true class."
    ),
    "report_histograms": "Distributions by epoch",
    "report_histograms_caption": (
        "Values on the vertical axis, epochs on the horizontal; darker cells hold more values."
    ),
    "histograms_weights": "weights",
    "histograms_activations": "activations",
    "histograms_gradients": "gradients",
    "calibration_line": (
        "Calibration error {error}; largest deviation: {rows} rows with a mean probability of "
        "{predicted}, {observed} observed."
    ),
    "threshold_used": (
        "Rows with a probability of {label} of at least {value} are predicted as {label}; the training "
        "chose this threshold. --threshold 0.5 predicts the more likely class."
    ),
    "threshold_before_calibration": (
        "Rows with a probability of {label} of at least {value} before the calibration are predicted as "
        "{label}; the training chose this threshold. --threshold 0.5 predicts the more likely class."
    ),
    "learning_heading": "Learning curve",
    "learning_rows": "training rows",
    "threshold_heading": (
        "Threshold {value}: rows with at least this probability of {label} are predicted as {label}"
    ),
    "threshold_title": "threshold",
    "threshold_f1": "chosen for F1",
    "threshold_youden": "chosen for recall + specificity",
    "threshold_cost": "of cost {cost}",
    "threshold_default": "0.5",
    "threshold_accuracy": "accuracy",
    "threshold_precision": "precision",
    "threshold_recall": "recall",
    "threshold_score": "F1",
    "threshold_mean_cost": "cost per row",
    "interval_second": (
        "Prediction intervals: a second ensemble is trained on the {rows} earliest training rows and "
        "measured on the {later} rows after them."
    ),
    "interval_quantile": (
        "{level} prediction intervals: as wide as the row requires, {width} on average (conformalized "
        "quantile regression on the errors of {rows} rows outside the training)."
    ),
    "interval_constant": (
        "{level} prediction intervals: {width} wide for every row (from the errors of {rows} rows "
        "outside the training)."
    ),
    "interval_test": "They contain the value of {share} of the {count} test rows.",
    "interval_folds": (
        "They contain the value of {share} of the {count} scored rows, with margins from other rows."
    ),
    "interval_level": "  {level}: {share} contain the value, {width} wide on average",
    "interval_later": (
        "New rows are later than the rows of the intervals, so this coverage is measured, not guaranteed."
    ),
    "interval_lowest": "No end is negative, since no target of the training is.",
    "calibration_temperature": "temperature",
    "calibration_isotonic": "isotonic regression",
    "calibration_used": "The probabilities are calibrated ({method}, {rows} rows).",
    "robust_rows_validation": "Attack on validation rows, which the network was not trained on.",
    "robust_rows_test": "Attack on test rows, which the network was not trained on.",
    "robust_rows_training": (
        "Attack on rows that the network was trained on: its accuracy on new rows is lower."
    ),
    "robust_line_validation": "Accuracy under attack (radius {radius}, {rows} validation rows): {share}.",
    "robust_line_test": "Accuracy under attack (radius {radius}, {rows} test rows): {share}.",
    "robust_line_training": (
        "Accuracy under attack (radius {radius}, {rows} training rows; lower on new ones): {share}."
    ),
    "audit_training": "training {number} of {count}",
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
    "summary_score_known_classification": (
        "On {rows} rows, of which {known} are training rows, the network predicts {value} correctly (95% "
        "interval: {low} to {high}); new rows will be predicted less well."
    ),
    "summary_score_known_regression": (
        "On {rows} rows, of which {known} are training rows, the typical error (RMSE) of the network is "
        "{value} (95% interval: {low} to {high}); it explains {share} of the variance. The error of new rows "
        "is larger."
    ),
    "summary_threshold": (
        "This is the result of predicting the likelier class. `predict` predicts {label} from a probability "
        "of {threshold} on: {accuracy} of the rows are then right, {recall} of those of {label} are "
        "recognized, and {precision} of those predicted as {label} are right."
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
    # a search for settings
    "trial_line": "trial {number} of {trials}: validation {metric} {score:.4g} (best {best:.4g})  {settings}",
    "search_shared": "study {name}: {count} complete trials",
    "best_trials": "The {count} best of {trials} trials",
    "trial_number": "trial",
    "validation_score": "validation {metric}",
    "test_score": "test {metric}",
    "trial_settings": "settings",
    "search_gain": "What the search gained",
    "default_settings": "default settings",
    "best_trial": "best trial",
    "search_overfit": (
        "From the default settings to the best trial, {metric} changes by {validation} on the validation "
        "rows, which chose it, and by {test} on the test rows, which the search did not read. Search "
        "overfit: {overfit}."
    ),
}

_TABLE = TextTable(WORDS)
text_of, text_in, both_texts, sentence = _TABLE.text_of, _TABLE.text_in, _TABLE.both_texts, _TABLE.sentence
