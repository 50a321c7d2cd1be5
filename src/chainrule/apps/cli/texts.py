"""The texts of the command line, by key.

``text_of`` returns a text in the language of ``settings.lang``; its fields in braces are filled by the
caller.
"""

from __future__ import annotations

from typing import Any

from chainrule.apps.cli.audit_texts import AUDIT
from chainrule.apps.cli.example_texts import EXAMPLE
from chainrule.apps.cli.option_texts import OPTION
from chainrule.apps.cli.prediction_texts import PREDICTIONS
from chainrule.apps.cli.privacy_texts import PRIVATE
from chainrule.apps.cli.question_texts import QUESTIONS
from chainrule.apps.cli.robustness_texts import ROBUSTNESS
from chainrule.apps.cli.score_texts import SCORES
from chainrule.apps.cli.tuning_texts import TUNING
from chainrule.apps.cli.uncertainty_texts import UNCERTAINTY
from chainrule.apps.cli.verification_texts import VERIFICATION
from chainrule.apps.report.texts import REPORT
from chainrule.messages import LANGUAGES, Texts, translated
from chainrule.settings import settings

WORDS: Texts = {
    # commands
    "usage": "chainrule COMMAND ...: neural networks that train, explain and ship",
    "usage_end": (
        "Run `chainrule COMMAND --help` for details. --lang zh|en sets the language, --debug shows "
        "tracebacks."
    ),
    "train": "train a network on a table and compare it with baselines",
    "predict": "predict every row of a table",
    "resume": "resume a training, also one that is complete, with more epochs",
    "evaluate": "evaluate a model on a table with known labels",
    "explain": "derive one prediction and its gradients, number by number",
    "show": (
        "show a RUN, a building block (layer NAME, ...), all of a kind (layers, models), an error code "
        "(error E203) or a network (net WORDS)"
    ),
    "attribute": "attribute a prediction to its inputs, measure importance, or find counterfactuals",
    "generate": "generate text with a language model",
    "plot": "plot a network, its training or its predictions",
    **VERIFICATION,
    **PRIVATE,
    **UNCERTAINTY,
    "check": "check data for common problems; with --net also the first steps of a training",
    "doctor": "diagnose a training and suggest fixes",
    "data": "list the data sets of the examples, download one (get NAME), or print its path (where NAME)",
    "data_action": "list, get or where",
    "data_name": "name of a data set",
    "data_set": "data set",
    "data_contents": "contents",
    "data_copy": "copy",
    "data_here": "yes",
    "data_credit": "Source: {credit}. License: {license}.",
    "data_checksum": "SHA-256 of the names and contents of these files: {digest}",
    "data_md5": "MD5 of the download, as published: {digest}",
    "data_unchecked": "No checksum: the address names a commit, but the files are not compared.",
    "data_source": "Downloaded from {source}; files {members}",
    "example": "list the examples, or run one",
    **OPTION,
    **TUNING,
    # train
    "classification": '{data}: {rows} rows; target "{target}", {classes} classes',
    "regression": '{data}: {rows} rows; target "{target}", a number',
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
    "split_time": ", divided by time: {column}",
    "split_group": ", divided by group: {column}",
    "split_scored": "; {scored} of the rows are scored",
    "split_test": "; the test rows are those of {file}",
    "comparing": "Training the baselines for comparison, on {rows:,} rows of {features:,} features.",
    "test_again": (
        "These test rows have been used before. Choosing among trainings by their score makes it too "
        "optimistic."
    ),
    "split_folds": (
        "{rows} rows in {folds} folds: each of the {networks} networks is trained on {trained} folds, "
        "stopped on one and scored on one (seed {seed})"
    ),
    "split_folds_and_test": (
        "{rows} training rows in {folds} folds: each of the {networks} networks is trained on all folds "
        "but two and stopped on one; {test} test rows (seed {seed})"
    ),
    "net_heading": "Network",
    "tensor": "tensor",
    "shape": "shape",
    "dtype": "dtype",
    "tensor_count": "{tensors} tensors, {numbers} values",
    "tensors_next": 'Load into a model: cr.load_weights(model, "{file}", x)',
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
    "interrupted": "Interrupted; all progress is saved. To continue:\n  {command}",
    "progress_saved": "progress up to step {step} is saved; continue after the fix: {command}",
    "finished_already": "The training in {run} is complete. To continue with more epochs:\n  {command}",
    "result_heading": "Result on the {test} test rows",
    "result_heading_folds": (
        "Result of cross-validation on {test} rows, each predicted by networks that it did not influence"
    ),
    "written": "Written to {run}: {files}",
    "next": "Next: chainrule predict {run} {data}",
    "stopped_early": (
        "Early stopping ended the training in {run} after epoch {epochs}, and with more epochs it ends "
        "there, too. To train longer, start a training without early stopping:\n  {command}"
    ),
    "resuming": "Resuming after step {step}, in epoch {epoch}.",
    "positive": "F1 of the class {label}.",
    "aside": " ({})",
    "net_classification": "network",
    "net_regression": "network",
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
    **REPORT,
    **ROBUSTNESS,
    **AUDIT,
    **SCORES,
    **PREDICTIONS,
    **QUESTIONS,
    # evaluate, check, show, explain, example
    "evaluated": "{rows} rows of {data}",
    "trivial_classification_is": "Most frequent class of the training rows: {label}",
    "weighted_by": 'Rows are weighted by "{column}".',
    "drift_title": "Differences from the training rows",
    "drift_column": "column",
    "drift_what": "difference",
    "drift_values": "values",
    "drift_example": "example",
    "drift_training": "in training",
    "drift_is_missing": "missing",
    "drift_is_below": "below the range",
    "drift_is_above": "above the range",
    "drift_is_unseen": "did not occur",
    "drift_range": "{low} to {high}",
    "drift_levels": "{count} levels",
    "drift_more": "and {count} more",
    "evaluated_known": (
        "The model was trained on these rows ({training} training, {validation} validation rows), so "
        "these results are too optimistic. Results on the {test} test rows: chainrule show {run}"
    ),
    "evaluated_known_folds": (
        "The model was trained on these rows, so these results are too optimistic. Results of "
        "cross-validation: chainrule show {run}"
    ),
    "trivial_regression_is": "Mean of the training rows: {mean}",
    "severity": "severity",
    "finding": "finding",
    "rule_times": "Checked",
    "rules": "rules: problems of a training that can be measured",
    "errors": "errors: codes of error messages",
    "error_codes": "a code, {first} to {last}",
    "error_title": "{code}: {clause}",
    "rule": "rule",
    "rule_when": "checked",
    "rule_threshold": "condition",
    "rule_source": "source",
    "rule_why": "cause",
    "rule_try": "fix",
    "rule_end": "at the end",
    "rule_evidence": "evidence",
    "report_doctor": "Diagnosis",
    "doctor_scope": (
        "The rules check how the training ran. The scores beside the baselines: chainrule show {run}"
    ),
    "report_ok": "Checks before, during and after the training found nothing.",
    "check_net": 'hidden layers of a network whose first steps are checked too: "64 relu"',
    "check_heading": "Network on this data",
    "net_ok": "Checks before training and of the first steps found nothing.",
    "standardized": (
        "`chainrule train` standardizes the numbers of a table; standardize your own arrays yourself."
    ),
    "nothing_found": "Checked {rows} rows; found nothing.",
    "severity_error": "error",
    "severity_warning": "warning",
    "severity_info": "note",
    "fact": "fact",
    "value": "value",
    "fact_data": "data",
    "fact_training_rows": "training rows",
    "fact_kinds": "weights of the kinds of networks",
    "fact_privacy": "privacy",
    "fact_steps": "updates",
    "fact_batch_size": "batch size",
    "history_end": "Last epochs",
    "nonfinite": "Why the training stopped",
    "formula": "Formula",
    "block_Shapes": "Shapes",
    "block_Tasks": "Tasks",
    "task_classification": "classification",
    "task_multilabel": "multilabel",
    "task_distribution": "distribution",
    "task_regression": "regression",
    "reads_classes": "classes",
    "reads_probabilities": "probabilities",
    "reads_values": "values",
    "block_Numerics": "Numerics",
    "block_Cost": "Cost",
    "block_Raises": "Raises",
    "block_Reference": "Reference",
    "block_example": "Example",
    "models": "models: published architectures",
    "figure": "Diagram",
    "model_count": "{count} parameters",
    "arguments": "Arguments",
    "argument": "argument",
    "default": "default",
    "meaning": "description",
    "elsewhere": "In other libraries",
    "series_f": "f",
    "series_f′": "f′",
    "series_rate": "rate",
    "backward": "Backward (dy: incoming gradient)",
    "constraints": "Constraints",
    "batch": "Batch",
    "no_gradient": "no gradient",
    "batch_apart": "samples are independent",
    "batch_reduced": "samples are reduced to one result",
    "batch_shared": "the result is the same for all samples",
    "batch_whole": "needs the whole batch at once",
    "explain_next": (
        "More:\n  {command} --depth 2\n      the derivation: every value and derivative of this row\n  "
        "{attribute}\n      all inputs, and other methods"
    ),
    "explain_next_member": (
        "More:\n  {command} --member 1\n      the derivation of network 1 of {count}\n  {command} --member "
        "all\n      the derivation of all networks as one\n  {attribute}\n      all inputs, and other "
        "methods"
    ),
    "page_written": "Written to {file}",
    "profile_without_data": "Cannot read the rows of {data} ({reason}); using random rows.",
    **EXAMPLE,
    # words of typer in --help
    "with_default": " (default: {default})",
    "by_rows": " by the rows of the table",
    "default_of_ensemble": "{values}",
    "default_of_both": "ensemble {values}, one network {single}",
    "help_usage": "Usage: ",
    "help_arguments": "Arguments:",
    "help_options": "Options:",
    "help_required": "[required]",
    "help_default": "[default: ",
    "help_help": "Show this message and exit.",
    "stopped": "Stopped.",
    "unexpected": "unexpected {kind}: {text} (a bug in chainrule; --debug shows the traceback)",
}


def sentence(key: str, **facts: Any) -> tuple[str, str]:
    """The text with this key in English and Chinese; a fact that is a pair has a text for each."""
    values = [
        {name: fact[i] if isinstance(fact, tuple) else fact for name, fact in facts.items()} for i in (0, 1)
    ]
    english, chinese = both_texts(key)
    return english.format(**values[0]), chinese.format(**values[1])


def text_of(key: str) -> str:
    """The text with this key in the language of the settings.

    Example:
        >>> with settings.using(lang="zh"):
        ...     text_of("metric_accuracy")
        '准确率'
    """
    return text_in(key, settings.lang)


def text_in(key: str, lang: str) -> str:
    """The text with this key in a language; its fields in braces are filled by the caller."""
    return translated(WORDS[key], lang, key)


def both_texts(key: str) -> tuple[str, str]:
    """The text with this key in English and Chinese, for pages that show either."""
    english, chinese = (text_in(key, lang) for lang in LANGUAGES)
    return english, chinese
