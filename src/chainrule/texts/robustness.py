"""Texts of attacks, certificates, calibrations and audits, by key."""

from __future__ import annotations

from chainrule.messages import Texts

# Texts of certificates, by key.

CERTIFICATES: Texts = {
    "certificate_title": "Certificate",
    "certificate_changes": "Changes: {norm} at most {radius}.",
    "certificate_prepared": "Changes are in the units of prepared columns: standard deviations of numbers.",
    "certificate_proven": "proven: {share}; no such change changes the prediction",
    "certificate_broken": "broken: {share}; a change with another prediction was found",
    "certificate_unknown": "unknown: {share}; neither was shown",
    "certificate_limit_bounds": (
        "± is one standard error. Proofs hold in exact arithmetic, for the network with its stored "
        "weights, whether the prediction is right or wrong."
    ),
    "certificate_limit_smoothing": (
        "± is one standard error. The statements are about the smoothed classifier, which predicts the "
        "most frequent class under noise; each is wrong with a probability of at most {failure}."
    ),
    "certificate_counterexamples": "Counterexamples",
}


# Texts of calibrations, by key.

UNCERTAINTY: Texts = {
    "calibration_temperature": (
        "Temperature {value}, fitted on other rows; measured on {rows} rows (95 % intervals):"
    ),
    "calibration_isotonic": (
        "Isotonic regression, fitted on other rows; measured on {rows} rows (95 % intervals):"
    ),
    "calibration_identity": "The probabilities stay as they are; measured on {rows} rows (95 % intervals):",
    "calibration_refused": (
        "{method} is not used: on other rows, it changes the log-loss from {before} to {after}."
    ),
    "calibration_map_temperature": "A temperature",
    "calibration_map_isotonic": "Isotonic regression",
    "calibration_of_calibration_error": "calibration error",
    "calibration_of_log_loss": "log-loss",
    "calibration_of_accuracy": "accuracy",
    "calibration_metric": "  {name}: {before} before, {after} after",
    "calibration_sets": "Prediction sets: {rows} rows, each with thresholds of four fifths of the others:",
    "calibration_sets_threshold": "threshold (the smallest sets)",
    "calibration_sets_adaptive": "adaptive (larger where the network is less certain)",
    "calibration_sets_class": "class (coverage of every class)",
    "calibration_sets_level": "    {level}: {share} contain the true class, {size} classes on average",
    "calibration_sets_parts": "      lowest class {class_name}: {lowest} of {count} rows; {sizes}",
    "calibration_sets_size": "size {size}: {share} of {rows}",
    "calibration_sets_joined": ", ",
    "intervals_quantile": (
        "Prediction intervals as wide as the row requires, from the errors of {rows} rows, each with "
        "margins of four fifths of the others:"
    ),
    "intervals_constant": (
        "Prediction intervals of one width, from the errors of {rows} rows, each with margins of four "
        "fifths of the others:"
    ),
    "intervals_level": "  {level}: {share} contain the value, {width} wide on average",
    "intervals_before": "    before: {share} contain the value, {width} wide on average",
    "intervals_too_few": "There are too few rows for intervals of {levels}.",
    "intervals_lowest": "No end is negative, since no target of these rows is.",
    "calibration_decided": (
        "Accuracy and errors are of the classes that `predict` prints, by the threshold {threshold}."
    ),
    "calibration_risk": (
        "If the most certain {coverage} are decided (probability {confidence} or more): {risk} errors"
    ),
}


# Texts of membership inference and of audits in one training, by key.

AUDITING: Texts = {
    "membership_title": "Membership inference",
    "membership_rows": "{members} rows of the training against {others} rows that it did not use.",
    "membership_replaced": (
        "The model was trained on all rows, so none is left to compare with. A model trained in the same "
        "way on a random half of the rows was attacked in its place."
    ),
    "membership_accuracy": "Accuracy on rows of the training {inside}, on the others {outside}.",
    "membership_error": (
        "Mean squared error (standardized) on rows of the training {inside}, on the others {outside}."
    ),
    "membership_chance": (
        "No attack does better than chance: the area under the ROC curve of the best one, {attack}, is "
        "{area}; guessing has 0.5."
    ),
    "membership_recognizable": (
        "Rows of the training can be recognized somewhat better than by chance: the area under the ROC "
        "curve of the best attack, {attack}, is {area}; guessing has 0.5."
    ),
    "membership_clear": (
        "Rows of the training are clearly recognizable: the area under the ROC curve of the best attack, "
        "{attack}, is {area}; guessing has 0.5. Regularization lowers this; differential privacy limits "
        "it."
    ),
    "membership_level": "All intervals hold together with a probability of 95 %.",
    "membership_limit": (
        "An attack that fails proves nothing: another one may succeed. The rows must be alike but for "
        "their part in the training."
    ),
    "membership_attacks": "Attacks",
    "membership_attack": "attack",
    "membership_area": "area under the ROC curve",
    "membership_detected": "detected at {limit} false alarms",
    "membership_too_few": "needs {count} other rows",
    "membership_loss_threshold": "loss threshold",
    "membership_likelihood_ratio": "likelihood ratio (LiRA)",
    "membership_exposed": "The most exposed rows of the training",
    "membership_row": "row",
    "membership_score": "score",
    "one_run_title": "Lower bound of epsilon from one training",
    "one_run_guesses": (
        "{canaries} canaries, each used in the training or left out by a coin; {right} of {guesses} "
        "guesses were right."
    ),
    "one_run_bound": "Epsilon is more than {bound} (delta {delta}), with a confidence of {confidence}.",
    "one_run_no_bound": (
        "No lower bound of epsilon is shown (delta {delta}), with a confidence of {confidence}."
    ),
    "one_run_refuted": "The claim of epsilon {claim} is refuted: this training reveals more than it allows.",
    "one_run_compatible": "This is compatible with the claim of epsilon {claim}; it does not prove it.",
    "one_run_leaks": (
        "The training reveals its rows at least to this degree; without differential privacy there is no "
        "upper limit."
    ),
    "one_run_nothing": "Nothing is shown: the guesses are not better than chance.",
    "one_run_reachable": "With this number of canaries a bound of at most {reachable} can be shown.",
    "one_run_limit": "A low bound is no proof of privacy: a stronger attack may show more.",
}


ROBUSTNESS: Texts = {
    "attack_title": "Attack: {method}",
    "attack_ensemble": "ensemble of all attacks",
    "attack_columns": "cells of a table",
    "attack_threat_table": (
        "Each number may change by at most its limit and keeps the decimals and the range of its column; "
        "a category may become any level; {rows} rows."
    ),
    "attack_may_change": "May change: {columns}.",
    "attack_any_level": "{column} (any of {count} levels)",
    "attack_by": "{column} (by {limit})",
    "attack_norm_inf": "largest change of an element (L-inf)",
    "attack_norm_2": "Euclidean length of the change (L2)",
    "attack_threat_input": "Allowed changes: {norm} at most {radius}; {rows} samples.",
    "attack_threat_embedding": (
        "Allowed changes of the embedding vectors: {norm} at most {radius}; {rows} samples. Such vectors "
        "need not belong to any token, so this is no attack with real texts."
    ),
    "attack_tokens_inf": (
        "For comparison: the vectors of a token and of the nearest other one differ by up to {distance} "
        "in an element (median over the tokens)."
    ),
    "attack_tokens_2": (
        "For comparison: the vectors of a token and of the nearest other one have a distance of "
        "{distance} (median over the tokens)."
    ),
    "attack_goal": 'Goal: the prediction "{name}"; samples of this class are left out.',
    "attack_robust_goal": (
        'Accuracy under the attack, if only changes to "{name}" count: {share}; correct predictions that '
        "were changed to it: {broken}."
    ),
    "attack_clean": "Accuracy without attack: {share}.",
    "attack_robust": "Accuracy under the attack: {share}; correct predictions that were changed: {broken}.",
    "attack_strongest": "Strongest single attack: {name}.",
    "attack_unbelievable": (
        "This attack cannot be believed: the gradients of the network are masked. The true accuracy "
        "under attack may be far lower."
    ),
    "attack_limit": "± is one standard error. An attack that fails proves nothing: another one may succeed.",
    "attack_exhaustive": (
        "± is one standard error. Every allowed combination of cells was tried: no other one changes more."
    ),
    "attack_trials": "Each attack alone",
    "attack_name": "attack",
    "attack_rows": "samples",
    "attack_broken": "broken",
    "attack_evaluations": "evaluations",
    "attack_checks": "Can the attack be believed?",
    "attack_plausible": "as expected: {text}",
    "attack_suspicious": "suspicious: {text}",
    "masking_zero_gradient": "the gradient of {against} of {rows} samples is zero",
    "masking_not_uphill": "a short step along the gradient lowers the margin of {against} of {rows} samples",
    "masking_black_box": (
        "the attack without gradients broke {against} of {rows} samples that no attack with gradients broke"
    ),
    "masking_one_step": (
        "projected gradient descent did not break {against} of {rows} samples that one step broke"
    ),
    "masking_larger_radius": "at twice the radius, {against} of {rows} broken samples stay unbroken",
    "masking_unlimited": "without a limit of the change, {against} of {rows} samples stay unbroken",
    "sweep_title": "Accuracy under corruptions",
    "sweep_clean": "{rows} samples; accuracy without corruption: {share}.",
    "sweep_meaning": "± is one standard error. Corruptions are random, not chosen against the network.",
    "sweep_severity": "severity",
    "sweep_accuracy": "accuracy",
    "sweep_bar": "",
    "sweep_noise": "noise (standard deviation of a pixel)",
    "sweep_blur": "blur (standard deviation in pixels)",
    "sweep_contrast": "lower contrast (share that is lost)",
    "sweep_deviations": "noise (standard deviations of an element)",
    "sweep_token_vectors": "noise in the embedding vectors of the tokens (standard deviations of an element)",
    "sweep_cell_noise": "noise (standard deviations of a column)",
    "sweep_missing": "missing cells (share)",
    "sweep_shift": "shifted columns (standard deviations)",
    "issues_title": "Rows whose label probably is wrong",
    "issues_count": (
        "{count} of {rows} rows; each was predicted by a network trained on other rows ({folds} folds)."
    ),
    "issues_noise": (
        "Estimated share of wrong labels: {share}, on the assumption that it depends on the class alone."
    ),
    "issues_limit": (
        "A row that is hard to classify may be listed with a correct label: check each before changing it."
    ),
    "issues_list": "The most suspicious rows first",
    "issues_row": "row",
    "issues_label": "label",
    "issues_label_p": "its probability",
    "issues_suggested": "suggested",
    "issues_suggested_p": "its probability",
    "novelty_title": "Rows unlike the reference",
    "novelty_method": "Score: {method}.",
    "novelty_mahalanobis": "Mahalanobis distance of the features of the network",
    "novelty_energy": "energy of the logits",
    "novelty_distance": "distance to the nearest reference rows",
    "novelty_share": (
        "{share} of {rows} rows are stranger than 95 % of {reference} reference rows; 5 % are expected."
    ),
    "novelty_shifted": "That is more than chance explains: the rows are not like the reference.",
    "novelty_usual": (
        "That is not more than chance explains. Changes that the score does not see are possible."
    ),
    "drift_title": "Drift from the training rows",
    "drift_rows": "{rows} rows, compared with {reference} rows of the reference.",
    "drift_rows_stored": "{rows} rows, compared with the stored profiles of {reference} training rows.",
    "drift_found": (
        "The rows differ from the training rows: {columns} of {tested} columns do (probability of a "
        "false alarm: at most {level})."
    ),
    "drift_none_alone": (
        "The rows differ from the training rows, but none of {tested} columns does alone (probability of "
        "a false alarm: at most {level})."
    ),
    "drift_not_found": (
        "No difference beyond chance in {tested} columns (probability of a false alarm: at most {level})."
    ),
    "drift_joint": "A classifier distinguishes them from the reference rows: AUC {auc}, p = {p}.",
    "drift_joint_usual": (
        "A classifier does not distinguish them from the reference rows: AUC {auc}, p = {p}."
    ),
    "drift_joint_features": "What differs most: {features} (a product: how two features are related).",
    "drift_no_joint": (
        "With reference rows (--reference FILE, in Python reference=), rows are compared as a whole, too."
    ),
    "drift_list": "Columns that differ, the clearest first",
    "drift_column": "column",
    "drift_test": "test",
    "drift_before": "in training",
    "drift_after": "new rows",
    "drift_effect": "PSI",
    "drift_p": "corrected p",
    "drift_test_ks": "distribution",
    "drift_test_chi2": "shares",
    "drift_test_range": "outside the range",
    "drift_test_missing": "missing cells",
    "drift_fact_ks": "median {value}",
    "drift_fact_chi2": "{level}: {value}",
    "drift_fact_range": "{value} values",
    "drift_fact_missing": "{value}",
    "drift_small": "small",
    "drift_moderate": "moderate",
    "drift_large": "large",
    "drift_limits": (
        "Tests: {count}, corrected by Holm's method. In training, values outside the range are the "
        "number that chance explains. A difference can be clear and too small to matter: the effect is "
        "the population stability index (PSI), moderate from 0.1, large from 0.25. Dates are not "
        "compared, since later rows have later ones."
    ),
    "novelty_list": "The strangest rows",
    "novelty_score": "score",
    "novelty_level": "reference rows with at least this score",
    "attack_worst": "Worst examples",
    "attack_row": "row",
    "attack_true": "true",
    "attack_before": "prediction",
    "attack_after": "under attack",
    "attack_confidence": "probability",
    "attack_change": "change",
    "attack_more": "; {count} more",
    "attack_size": "largest {largest}, length {length}",
    "attack_picture": "row {row}: {before}, the change (gray is 0), and {after}",
}
