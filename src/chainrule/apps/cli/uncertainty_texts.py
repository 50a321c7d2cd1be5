"""Texts of ``chainrule calibrate`` and of the options of ``predict`` about uncertainty, in both languages."""

from __future__ import annotations

from chainrule.messages import Texts

UNCERTAINTY: Texts = {
    "calibrate": (
        "calibrate the probabilities, or form the prediction intervals, of a RUN on new labeled rows"
    ),
    "calibrate_method": (
        "of classes: temperature (one number; default) or isotonic (any increasing function; needs about "
        "1000 rows); of values: quantile (intervals as wide as the row requires; default) or constant"
    ),
    "calibrate_seed": "seed of the division into two halves",
    "calibrated": (
        "Stored in {file}: predict --proba prints calibrated probabilities, --sets 0.9 prediction sets."
    ),
    "calibrated_intervals": "Stored in {file}: predict --interval 0.9 adds the columns lower and upper.",
    "predict_uncertainty": (
        "add columns: entropy and disagreement of the members of an ensemble (nats), or the spread of values"
    ),
    "predict_novelty": (
        "add a column: the share of training rows that are at least as strange; 0.05 and below is strange"
    ),
    "predict_novelty_method": (
        "score of --novelty: mahalanobis (default), energy or distance; several, separated by commas, "
        "have a column each"
    ),
    "predict_reference": "file of training rows for --novelty; by default the one that RUN records",
    "uncertainty_by_dropout": "The uncertainty is that of {count} predictions with dropout.",
    "novelty_column": (
        "{column}: {count} of {rows} rows are strange (at most {limit}; compared with {reference} "
        "reference rows). Score: {score}."
    ),
    "calibrate_data": "labeled rows that the model was not trained on; by default those that RUN set aside",
    "calibrate_folds": (
        "Calibrated on {rows} rows of {data}, each predicted by members of the ensemble that were not "
        "trained on it."
    ),
    "calibrate_validation": "Calibrated on the {rows} validation rows of {data}.",
    "predict_sets": (
        "add a column with the classes of which one is the true one with this probability (0.8, 0.9, "
        "0.95 or 0.99); requires chainrule calibrate"
    ),
    "predict_sets_method": (
        "of --sets: threshold (default, the smallest sets), adaptive (larger where the network is less "
        "certain) or class (the coverage holds for every class)"
    ),
    "predict_abstain": "leave the prediction of rows empty whose most likely class has a lower probability",
    "abstained": (
        "{count} of {rows} rows are not decided: their most likely class has a probability below {limit}."
    ),
}
