"""The texts of the command line, by key.

``text_of`` returns a text in the language of ``settings.lang``; its fields in braces are filled by the
caller.
"""

from __future__ import annotations

from chainrule.messages import Texts
from chainrule.tabular.texts import WORDS as OF_TABLES
from chainrule.texts.sentence import TextTable

# Texts of ``chainrule audit``, by key.

AUDIT: Texts = {
    "audit": (
        "measure whether rows of the training can be recognized (membership inference, bound of epsilon)"
    ),
    "audit_data": "rows of the training; by default the file that RUN records",
    "audit_others": "rows like those of the training that it did not use; by default its test rows",
    "audit_shadows": (
        "even number of models that are trained on random halves of the rows, 8 by default; 0: none"
    ),
    "audit_canaries": (
        "train once with this number of wrongly labeled rows, each used or not by a coin, and bound epsilon"
    ),
    "audit_claim": "epsilon that is claimed for the training; the audit states whether it is refuted",
    "audit_delta": "delta of the claim, 0 by default",
    "audit_seed": "seed of halves, canaries and trainings; coins have none",
    "audit_html": "file for the page; by default audit.html in RUN",
    "audit_out": "also write the score of each row",
    "audit_other_kind": (
        "The test rows are of a later time or of other groups: an attack may recognize that instead of "
        "the training."
    ),
}


# The sentence of each example.

EXAMPLE: Texts = {
    "example_article": "the article's 2-3-1 network: every partial derivative, derived",
    "example_moons": "classify two interleaved half circles with a small network",
    "example_digits": "classify handwritten digits of 8 x 8 pixels",
    "example_fashion-mnist": "classify images of clothes with four networks of increasing depth",
    "example_alexnet": (
        "train AlexNet, 57 million parameters, on enlarged images of clothes for a few hundred steps"
    ),
    "example_translate": "train a Transformer that translates menus and messages into Chinese",
    "example_poems": (
        "train a small GPT on Tang poems, compare it with n-grams, and write poems (--acrostic 春夏秋冬)"
    ),
    "example_risk": (
        "predict which loans are not repaid: probabilities, costs and groups, beside gradient boosting"
    ),
    "example_robot": "learn from rewards to swing up a pendulum, or to reach a target with an arm (TD3)",
    "example_connect-four": (
        "learn connect four from self-play, evaluated by an exact solver; --play plays against you"
    ),
    "example_microgpt": "train a GPT of 4,288 numbers to invent names, and derive one of its training steps",
    "example_detect": (
        "find red cells, white cells and platelets in images of blood smears, each with its box"
    ),
    "example_segment": "decide for every pixel of a street scene whether it is road, car, pedestrian, ...",
    "example_faces": (
        "recognize people: whose image is nearest, and are two images of the same person, also of strangers"
    ),
    "example_x-ray": (
        "recognize pneumonia in chest X-rays of children, with a threshold from validation images"
    ),
    "example_diagnose": (
        "diagnose narrowed coronary arteries, with abstention in doubt (not for clinical use)"
    ),
    "example_fraud": "rank web pages by the probability of phishing, each with reasons",
    "example_listen": (
        "transcribe letters, numbers and commands of unknown speakers, or single digits (--digits)"
    ),
    "example_speak": "learn the voice of 25 minutes of recordings, and speak any English text with it",
    "example_shares": (
        "predict tomorrow's variance of share prices, and show that the direction is not predictable"
    ),
    "example_recommend": (
        "recommend films to users, with reasons; stars of films without any rating (--content)"
    ),
    "example_molecules": "predict how well molecules dissolve in water, with colored atoms",
    "example_questions": (
        "answer questions about stories, or about paragraphs of the Chinese Wikipedia (--set drcd)"
    ),
    "example_sentiment": "decide whether Chinese reviews are positive, beside naive Bayes and a linear model",
}


# Help texts of the arguments and options of all commands.

OPTION: Texts = {
    "words": "argument",
    "predict_certify": (
        "prove each prediction for all changes of the inputs by at most RADIUS: proven, broken (with the "
        "prediction that a change leads to) or unknown"
    ),
    "export_to": "format: onnx, numpy, torch, c, html or stablehlo; by default the suffix of --out",
    "export_out": "the file; by default model with the suffix of the format (_torch.py), in this folder",
    "export_opset": "ONNX: version of the operations, by default 18, or 20 with columns of texts",
    "export_int8": "C: store weights in 8 bits, computed in float32",
    "verify_network": "ONNX file of a feed-forward network",
    "verify_property": "property in the VNN-LIB format, which describes its violations",
    "verify_timeout": "seconds after which the result is unknown",
    "verify_out": "file for the counterexample, in the format of VNN-COMP",
    "rows_file": (
        "file (CSV, .xlsx, JSON, Parquet, Arrow, SQLite, DuckDB, .npz, also compressed), - for standard "
        "input, folder of images, or name of a data set"
    ),
    "read_delimiter": "text file: delimiter, or its name: tab, space, semicolon, ...; detected by default",
    "read_skip": "lines above the header that are not read",
    "read_encoding": "text file: encoding, such as utf-8, gb18030, windows-1252; detected by default",
    "read_header": (
        "auto: detected; first: the first line contains the names; none: the columns are named x1, x2, ..."
    ),
    "read_table": "sheet of a workbook, table of a database, or file in an archive",
    "read_query": "SQL query of a database",
    "read_decimal": (
        'decimal mark, "." or ",", of numbers that could be read in two ways (1.234); detected by default'
    ),
    "read_day_first": "05/11/2020 is in November; the order is detected by default",
    "read_month_first": "05/11/2020 is in May; the order is detected by default",
    "read_missing": "cell that means a missing value in any column, besides those that are recognized",
    "run": "run folder of a training, or its model file",
    "target": "column to predict",
    "net": (
        'ensemble: networks over folds, averaged; or the hidden layers of one network, such as "64 relu, '
        'dropout 0.2"; "" is a linear model'
    ),
    "quick": "one small network instead of an ensemble",
    "epochs": "maximum number of epochs",
    "resumed_engine": "engine that computes the further steps; by default as before",
    "more_epochs": "maximum number of epochs, at least those that are complete; by default as before",
    "tune_trials": "number of trials, each of which is a training",
    "tune_workers": "number of processes; the result does not depend on it",
    "tune_sampler": "how settings are proposed: tpe or random",
    "tune_resume": "continue the search in --out with the same options",
    "mesh": "axes of the devices with their lengths, such as data=2,model=4; the first divides batches",
    "sharding": "with --parallel fast: copies, parameters (divided), or layers with axes: 'blocks.*=model'",
    "tune_cluster": "workers of Dask (tcp://HOST:8786) or Ray (ray://HOST:10001) that compute the trials",
    "tune_round_size": "trials that are proposed, and can be computed, at once; the result depends on it",
    "tune_storage": "a database (sqlite:///search.db) or a journal of Optuna, which several processes share",
    "resumed_run": "run folder of a training",
    "seed": "seed of the split, the initial weights and the order of rows",
    "engine": "engine that runs the graphs",
    "precision": "of matrix products and convolutions: float32, or bfloat16, which rounds their factors",
    "task": "classification or regression; inferred from the target by default",
    "batch_size": "rows per update",
    "learning_rate": "learning rate",
    "learning_rate_at": "later learning rate of one network, after this number of steps; can be repeated",
    "optimizer": "optimizer: sgd, adam, lion, ... (chainrule show optimizers)",
    "penalty": "strength of the L2 penalty on weights; 0 for none",
    "patience": "epochs without improvement before early stopping; 0 disables it",
    "units": "ensemble: units of each hidden layer",
    "dropout": "ensemble: dropout rate after each hidden layer",
    "weight_decay": "ensemble: decoupled weight decay of the optimizer",
    "intervals": "ensemble: intervals in which each number is encoded",
    "metric": "additional metric: mcc, log_loss, fbeta_2, ...",
    "histograms": "record distributions for the report every N epochs; 0 for never",
    "class_weight": "balanced: weight classes by their inverse frequency",
    "predict_interval": (
        "regression: add the columns lower and upper, which contain a new value with this probability "
        "(0.5, 0.8, 0.9 or 0.95)"
    ),
    "predict_threshold": (
        "probability from which the positive class is predicted; by default that of the training"
    ),
    "positive_label": (
        "the positive one of two classes, of --cost, --threshold and F1; default: the word for yes, the "
        "class with at most a third of the rows, or the second in order"
    ),
    "threshold": (
        "choose the threshold of two classes by f1 or youden (recall + specificity - 1); default 0.5"
    ),
    "robust": (
        "train against changes of the inputs: adversarial (PGD), trades, interval (provable) or noise; "
        "with --radius; interval trains all epochs"
    ),
    "radius": (
        "largest change of --robust: of images in pixels from 0 to 1 (8/255), of tables in standard "
        "deviations"
    ),
    "epsilon": (
        "train with differential privacy: a bound of what the model reveals about a row; with --delta "
        "and --public"
    ),
    "delta": "probability with which the bound of --epsilon may fail, well below 1 / rows",
    "public_file": (
        'TOML file: what is public about the columns, age = [0, 120] or city = ["Ulm", "Bonn"] below '
        "[columns], and target = [...]"
    ),
    "interval_method": (
        "regression: prediction intervals as wide as the row requires (quantile) or of constant width "
        "(constant)"
    ),
    "cost": "costs of a false positive and a false negative, FP:FN; the threshold is FP / (FP + FN)",
    "learning_curve": "train on 1/8, 1/4 and 1/2 of the rows, too, to see whether more rows would help",
    "robustness": (
        "classes: attack the model within this radius and report its accuracy (standard deviations of "
        "each column, or pixels from 0 to 1)"
    ),
    "size": "image folder: height and width in pixels to which all images are resized",
    "augment": "image folder: random transforms in every epoch: flip, crop 4, rotate 10",
    "damaged": "image folder: refuse or skip images that cannot be decoded",
    "category": "column to treat as a category",
    "number": "column to treat as a number",
    "date": "column to treat as a date",
    "text": "column to treat as free text",
    "test_file": (
        "file of the test rows; by default cross-validation scores an ensemble, and a fifth of DATA "
        "tests one network"
    ),
    "division": (
        "how DATA is divided: random, time:COLUMN (latest rows are test rows) or group:COLUMN (all rows "
        "of a group in one part); by default random folds for an ensemble, a random fifth as test rows "
        "for one network"
    ),
    "row_weight": "column with the weight of each row",
    "row_id": "column that identifies rows: not an input, but part of the output of predict",
    "drop": "column to leave out",
    "out": "run folder for the result; by default a new one under runs/",
    "processes": (
        "engine xla: number of processes that share the training; without --process all on this machine"
    ),
    "process": "number of this process, from 0, where each machine starts its own",
    "coordinator": "address on which process 0 connects the others",
    "devices": "engine xla: number of devices, of each process, that share a batch",
    "tracker": "record the training in mlflow, wandb or tensorboard; behind a colon the experiment, project "
    "or folder, by default the name of DATA",
    "resume_out": "continue the interrupted training in --out",
    "lang": "language: en or zh",
    "csv": "file for the predictions, in the format of its suffix (.csv, .parquet, .arrow, .sqlite, .xlsx); "
    "by default they are printed",
    "only_predictions": "only ids and predictions, without the other columns of DATA",
    "damaged_cells": (
        "rows that cannot be read: refuse all rows, skip these (no prediction), or missing (damaged cells "
        "of a table count as missing); the reason is in a column of its own"
    ),
    "proba": "also the probability of each class",
    "raw": (
        "labels exactly as in the data, without the apostrophe before text that a spreadsheet reads as a "
        "formula"
    ),
    "row": "row to explain, counted from 1",
    "weight": "a single weight, such as dense1.weight[0,1]",
    "explain_step": "replay an update of the training instead of a row; 1 is the first",
    "explain_set": "effect of another value of a weight, such as dense1.weight[0,1]=0.7",
    "depth": (
        "0: why this prediction, 1: one line for each step, 2: the derivation on a page, 3: every number"
    ),
    "explain_member": "network of an ensemble to derive, from 1; all: the ensemble as one network",
    "html": "write an HTML page to this file",
    "what": (
        "run folder, saved plan, weights file, building block by kind and name, term, error code, "
        "question, or network as text"
    ),
    "profile": "time of each part of a training step",
    "show_plan": "execution plan of a training step: tasks, memory, cost",
    "show_out": "also write the profile as an image (.svg) or the plan as .json",
    "inputs": "number of input features",
    "example_name": "name of the example",
    "example_words": "options of the example; NAME --help lists them",
    "attribute_data": "rows, as for predict; not needed with --text",
    "attribute_row": "row to attribute, counted from 1; 1 by default",
    "attribute_method": "integrated_gradients, shapley, occlusion, ...",
    "attribute_target": "class to attribute, or position,class; by default that of the prediction",
    "attribute_text": "text model: input text",
    "attribute_samples": "number of samples of a sampling method",
    "attribute_exact": "exact Shapley values, at most 12 columns",
    "attribute_baseline": "number of rows of DATA used as the baseline",
    "attribute_importance": "permutation importance: loss of accuracy when a column is shuffled",
    "attribute_metric": "metric of the importance",
    "attribute_repeats": "shuffles per column",
    "attribute_counterfactual": (
        'smallest changes that lead to this prediction: a class, a number, LOW..HIGH, or "*" for any other'
    ),
    "attribute_fixed": "column that must not change",
    "attribute_max_changes": "maximum number of changed columns",
    "labels_folds": "folds of the cross-validation, 5 by default; the network is trained once for each",
    "labels_epochs": "epochs of each training; by default as in RUN",
    "labels_seed": "seed of folds and trainings",
    "labels_out": "also write all rows with their suggestions",
    "drift_reference": "file of training rows",
    "drift_method": "also measure how strange the rows are: mahalanobis, energy or distance",
    "drift_level": "probability of a false alarm, 0.05 by default",
    "drift_seed": "seed of folds and permutations",
    "drift_json": "write the result as JSON",
    "drift_csv": "write each test of a column as CSV",
    "attack_radius": (
        "largest change: of images in pixels from 0 to 1 (8/255), of tables in standard deviations, of "
        "texts in elements of the embedding vectors"
    ),
    "attack_norm": "inf: largest change of an element; 2: Euclidean length",
    "attack_method": "ensemble (default), pgd, fgsm, apgd, apgd_dlr, apgd_targeted, square",
    "attack_target_class": "count only changes to this prediction; rows of the class are left out",
    "attack_columns": "columns of a table that may change; all numbers and categories by default",
    "attack_change": "column that may change, with its limit in its own units (income:1000), or a category",
    "attack_rows": "maximum number of rows, 500 by default",
    "attack_steps": "steps of an attack",
    "attack_restarts": "random starting points of an attack",
    "attack_seed": "seed of all random numbers",
    "attack_sweep": "noise, blur, contrast, missing cells, shifted columns at increasing severity",
    "attack_html": "file for the page; by default attack.html or corruptions.html in RUN",
    "attack_out": "also write the rows of a table with changed cells",
    "generate_text": "prompt; empty to generate from scratch",
    "generate_max_new_tokens": "maximum number of new tokens",
    "generate_temperature": "sampling temperature, above 0: below 1 more predictable, above 1 more varied",
    "generate_top_k": "sample from the k most likely tokens",
    "generate_top_p": "nucleus sampling: most likely tokens up to this cumulative probability",
    "generate_min_p": "only tokens whose probability is at least this fraction of the highest",
    "generate_repetition_penalty": "above 1: penalize tokens that have occurred",
    "generate_greedy": "always take the most likely token",
    "generate_num_beams": "number of beams of a beam search",
    "generate_samples": "number of texts",
    "generate_seed": "seed of the sampling",
    "plot_kind": "kind of plot: graph, learning_curves, confusion_matrix, ...",
    "plot_data": "rows, for plots that need data",
    "plot_out": "file: .svg, .png or .pdf; without it the plot is printed as text",
    "plot_of": "two features of a decision boundary (a,b), or the path of a layer",
}


# Texts about predictions.

PREDICTIONS: Texts = {
    "unknown_below": "Rows whose largest probability is below {level} are predicted as unknown.",
    "unlike_training": (
        "Rows farther from the training rows than all but {share} of {rows:,} validation rows are predicted "
        "as unknown; --every-class predicts them, too."
    ),
    "no_values_unlike_training": (
        "Rows farther from the training rows than all but {share} of {rows:,} validation rows have no "
        "predicted value; --every-class predicts them, too."
    ),
    "without_every_value": (
        "predict leaves {count} of these {rows} rows without a value; the metrics count all rows."
    ),
}


# Texts of ``chainrule train --epsilon``, by key.

PRIVATE: Texts = {
    "private_setup": (
        "{rows} rows from {data}; target: {target} ({kind}). Training with differential privacy."
    ),
    "private_classification": "classification",
    "private_regression": "regression",
    "private_columns": "Public columns",
    "private_column": "column",
    "private_values": "stated in {file}",
    "private_range": "{low:g} to {high:g}",
    "private_guarantee": (
        "Guarantee: epsilon {epsilon:g}, delta {delta:g}; {epochs} epochs, {batch_size} rows per step."
    ),
    "private_withheld": (
        "Not computed, since they would read rows without protection: losses, scores, baselines, "
        "validation, statistics of columns, diagnosis, report."
    ),
    "private_test": (
        "Test rows of {file}: {rows}. Their scores are exact: the guarantee does not cover these rows."
    ),
    "private_no_test": "No scores: with --test FILE, rows that need no protection are scored.",
    "private_spent": "Privacy spent: {spent}.",
    "private_budget": "The training ended early: steps that were lost in an interruption are spent.",
    "private_finished": "The private training in {run} is complete; {spent}.",
    "private_resuming": "Resuming after step {step}.",
    "private_next": "Next: chainrule predict {run} FILE, chainrule evaluate {run} FILE",
}


# Texts of the commands attack, labels and drift, by key.

ROBUSTNESS: Texts = {
    "attack": "measure the accuracy under attack, or under noise and other corruptions (--sweep)",
    "robust_setup": "Robust training: {name}, changes by at most {radius} {units}.",
    "robust_pixels": "(pixels: 0 to 1)",
    "robust_prepared": "in prepared columns (numbers: standard deviations)",
    "labels": "list the rows whose label probably is wrong",
    "studio": "see a network learn in the browser: data, layers, training, the chain rule for every weight",
    "studio_source": "a run folder, a table, a data set by name, or iris, moons, spiral, xor and others",
    "studio_port": "port to listen on; 0: any free one",
    "studio_no_browser": "print the address, and open no browser",
    "studio_ready": "The studio is at {url}",
    "studio_stop": "Ctrl-C ends it; a training that runs is saved, and `chainrule resume` continues it.",
    "plan": "estimate the time and memory of a training on one or many devices",
    "plan_devices": "largest number of devices",
    "plan_kind": "device: h100, a100, l4 or v5e",
    "plan_parallel": "deterministic or fast; see cr.settings.parallel",
    "plan_sharding": "copies of the parameters on each device, or parameters divided; with --parallel fast",
    "plan_note": (
        "Estimated from the operations of the network and published figures of the device (docs/xla.md)."
    ),
    "serve": "respond to requests for predictions over HTTP",
    "serve_runs": "run folders or model files, also NAME=RUN; the same name again is its next version",
    "serve_host": "address to listen on; another one than the default is reached by other machines",
    "serve_port": "port to listen on; 0: any free one",
    "serve_workers": "number of processes that respond; they share the memory of the models",
    "serve_token_file": "file with the token that clients send; without it a new one is printed",
    "serve_no_token": "no token is needed; only for an address of this machine alone",
    "serve_allow_host": "a further name by which clients reach the server; can be repeated",
    "serve_batch_rows": "largest number of rows that are computed together",
    "serve_batch_delay": "milliseconds that a batch waits for more rows",
    "serve_queue_rows": "rows that may wait; further requests are refused with 429",
    "serve_timeout": "seconds after which a request is refused with 504",
    "serve_max_body": "largest body of a request in bytes",
    "serve_ready": "Serving at {url}",
    "serve_token": "Clients send the header  Authorization: Bearer {token}",
    "serve_open": "Without a token, every program on this machine can send requests.",
    "serve_public": (
        "Other machines reach {host}: the connection is not encrypted, and clients need the token and a "
        "name of --allow-host."
    ),
    "drift": "compare a new file with the training rows, per column and as a whole",
    "attack_of_network": (
        "The attack is on the likeliest class of the network; "
        "`predict` prints classes by an isotonic calibration."
    ),
    "attack_selected": "{count} of {rows} rows, evenly spaced; --rows sets their number.",
}


# Texts about scores.

SCORES: Texts = {
    "scores_comma": ", ",
    "score_interval": "{name} {low} to {high}",
    "score_intervals": "95 % intervals of the network: {intervals}.",
    "class_recall": "{label} {recall} ({rows} rows)",
    "recalls": "Recall by class: {classes}.",
    "lowest_recalls": "Lowest recall by class: {classes}.",
}


# Texts of ``chainrule calibrate`` and of the options of ``predict`` about uncertainty, in both languages.

UNCERTAINTY: Texts = {
    "calibrate": (
        "calibrate the probabilities, or form the prediction intervals, of a RUN on new labeled rows"
    ),
    "quantize": "compute the predictions of a RUN with weights and inputs of products in 8 bits",
    "quantize_data": "rows as for predict, on which the ranges of the products' inputs are measured",
    "quantize_float": "return to predictions with the float weights, which the model file keeps",
    "quantize_labels": "{count} of {rows} predictions differ from those with the float weights.",
    "quantize_values": (
        "The predictions for {rows} rows differ from those with the float weights by at most {change} of "
        "their standard deviation."
    ),
    "quantized": "Stored in {file}: predict and evaluate compute in 8 bits.",
    "quantize_ended": "Stored in {file}: predict and evaluate use the float weights.",
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
    "predict_text": (
        "instead of DATA: a text, a molecule as SMILES; of questions the passage, then the question; may be "
        "repeated"
    ),
    "predict_every_class": "predict a class for rows unlike those of the training, too, instead of unknown",
    "predict_abstain": "leave the prediction of rows empty whose predicted class has a lower probability",
    "abstained": (
        "{count} of {rows} rows are not decided: their predicted class has a probability below {limit}."
    ),
}


# The texts of certificates and ``chainrule verify`` in English and Chinese.

VERIFICATION: Texts = {
    "certified": (
        "Certificates for changes of each input by at most {radius} {unit}: {proven} proven, {broken} "
        "broken, {unknown} unknown."
    ),
    "certified_class": "The certificates are about the class: a changed row may also be named unknown.",
    "certified_units": "(pixels: 0 to 1)",
    "certified_prepared": "in prepared columns (numbers: standard deviations)",
    "verify": (
        "prove a property of a network in an ONNX file, or find a counterexample (exit code 0: holds, 3: "
        "violated, 4: unknown, 5: the property is about no input)"
    ),
    "verify_holds": (
        "No input of the property violates it: proven in exact arithmetic, and for the network as it "
        "runs, with its rounding errors."
    ),
    "verify_violated": (
        "This input violates the property: the network was run on it, and exact arithmetic confirms it."
    ),
    "verify_unknown": "Neither a proof nor a counterexample was found in this time.",
    "verify_empty": (
        "No input satisfies all assertions, so the property is about nothing, and nothing was proven of "
        "the network. (In the verification competition this is unsat.) Check the bounds of the inputs."
    ),
    "verify_contradiction": "These bounds exclude one another: {bounds}",
    "verify_counts": (
        "{inputs} inputs, {outputs} outputs; cases of a violation: {cases}; parts examined: {boxes:,}; "
        "{seconds:.1f} s"
    ),
    "verify_variable": "variable",
    "verify_value": "value",
    "verify_more": "... only the first {count} of each; --out FILE writes all",
}


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
        "show a RUN, a building block (layer NAME, ...), all of a kind (layers, models), a term (term "
        "gradient), an error code (error E203), questions (faq) or a network (net WORDS)"
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
    "learn": "list the parts of the course, show one, or write it as a notebook or as slides",
    "learn_part": "number of a part, such as 3",
    "learn_slides": "write the part to this file as slides: a page for a browser, with notes (key N)",
    "learn_solutions": "show the solutions of the exercises, too",
    "learn_solutions_of": "Solutions: `{command}`",
    "learn_notebook": "write the part to this file as a Jupyter notebook, with the outputs of its code",
    "example": "list the examples, or run one",
    **OPTION,
    "tune": "search the settings of a training, then train with the best ones",
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
    "onnx_versions": "ONNX, version {version} of the operators; written by {producer}",
    "onnx_inputs": "Inputs",
    "onnx_outputs": "Outputs",
    "onnx_operators": "Operators",
    "onnx_operator": "operator",
    "onnx_nodes": "nodes",
    "onnx_name": "name",
    "onnx_values": "dtype and shape",
    "onnx_weights": "{arrays} arrays of weights, {numbers} values",
    "onnx_stated": "Metadata",
    "onnx_equal": (
        "Example rows in the file: {rows}; the network computes their outputs (largest difference "
        "{difference:.1e}, tolerance {tolerance:.0e})."
    ),
    "onnx_other": (
        "Example rows in the file: {rows}; the network computes other outputs (largest difference "
        "{difference:.1e}, tolerance {tolerance:.0e})."
    ),
    "onnx_next": "Predict: chainrule predict {file} rows.npz; as C: chainrule export {file} --to c",
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
    "evaluated_unknown": (
        "predict names {count} of these {rows} rows unknown; the metrics count the most probable class of "
        "every row."
    ),
    "trivial_classification_is": "Most frequent class of the training rows: {label}",
    "weighted_by": 'Rows are weighted by "{column}".',
    "drift_sample": "Compared with the training rows: {rows:,} of {total:,} rows, evenly spaced",
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
    "terms": "terms of neural networks",
    "term_see": "see also",
    "term_command": "in the terminal",
    "questions": "questions that users ask",
    "question_pages": "more in",
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
    "computed_from": "{tasks}; computed from {inputs}.",
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
    "plot_as_printed": "Probabilities and classes are those that `chainrule predict` prints.",
    "plot_threshold": (
        "Probabilities and classes are those that `chainrule predict` prints: {label} from a probability of "
        "{value} on."
    ),
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
