"""The texts of the command line, by key.

``text_of`` returns a text in the language of ``settings.lang``; its fields in braces are filled by the
caller.
"""

from __future__ import annotations

from chainrule.apps.cli.audit_texts import AUDIT
from chainrule.apps.cli.example_texts import EXAMPLE
from chainrule.apps.cli.option_texts import OPTION
from chainrule.apps.cli.prediction_texts import PREDICTIONS
from chainrule.apps.cli.privacy_texts import PRIVATE
from chainrule.apps.cli.robustness_texts import ROBUSTNESS
from chainrule.apps.cli.score_texts import SCORES
from chainrule.apps.cli.tuning_texts import TUNING
from chainrule.apps.cli.uncertainty_texts import UNCERTAINTY
from chainrule.apps.cli.verification_texts import VERIFICATION
from chainrule.messages import Texts
from chainrule.tabular.texts import WORDS as OF_TABLES
from chainrule.texts.text_table import TextTable

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
    "export": "write a model as a file for other programs, compared with the model before it is written",
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
    "test_again": (
        "These test rows have been used before. Choosing among trainings by their score makes it too "
        "optimistic."
    ),
    "tensor": "tensor",
    "shape": "shape",
    "dtype": "dtype",
    "tensor_count": "{tensors} tensors, {numbers} values",
    "tensors_next": 'Load into a model: cr.load_weights(model, "{file}", x)',
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
    **OF_TABLES,
    **ROBUSTNESS,
    **AUDIT,
    **SCORES,
    **PREDICTIONS,
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
    "doctor_scope": (
        "The rules check how the training ran. The scores beside the baselines: chainrule show {run}"
    ),
    "check_net": 'hidden layers of a network whose first steps are checked too: "64 relu"',
    "check_heading": "Network on this data",
    "net_ok": "Checks before training and of the first steps found nothing.",
    "standardized": (
        "`chainrule train` standardizes the numbers of a table; standardize your own arrays yourself."
    ),
    "nothing_found": "Checked {rows} rows; found nothing.",
    "fact": "fact",
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

_TABLE = TextTable(WORDS)
text_of, text_in, both_texts, sentence = _TABLE.text_of, _TABLE.text_in, _TABLE.both_texts, _TABLE.sentence
