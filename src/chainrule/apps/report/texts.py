"""The texts of ``report.html`` in English and Chinese."""

from __future__ import annotations

from chainrule.apps.report.summary_texts import SUMMARY
from chainrule.messages import Texts

REPORT: Texts = {
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
    "report_confusion_caption": "Rows are true classes, columns predicted classes.",
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
    **SUMMARY,
}
