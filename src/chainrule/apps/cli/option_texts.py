"""Help texts of the arguments and options of all commands."""

from __future__ import annotations

from chainrule.messages import Texts

OPTION: Texts = {
    "words": "argument",
    "predict_certify": (
        "prove each prediction for all changes of the inputs by at most RADIUS: proven, broken (with the "
        "prediction that a change leads to) or unknown"
    ),
    "export_to": "format: onnx; by default the suffix of --out",
    "export_out": "the file; by default model with the suffix of the format, in the current folder",
    "export_opset": "ONNX: version of the operations, 18 by default",
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
    "run": "run folder of a training, or its model file",
    "target": "column to predict",
    "net": (
        'ensemble: networks over folds, averaged; or the hidden layers of one network, such as "64 relu, '
        'dropout 0.2"; "" is a linear model'
    ),
    "quick": "one small network instead of an ensemble",
    "epochs": "maximum number of epochs",
    "more_epochs": "maximum number of epochs, at least those that are complete; by default as before",
    "tune_trials": "number of trials, each of which is a training",
    "tune_workers": "number of processes; the result does not depend on it",
    "tune_sampler": "how settings are proposed: tpe or random",
    "tune_resume": "continue the search in --out with the same options",
    "resumed_run": "run folder of a training",
    "seed": "seed of the split, the initial weights and the order of rows",
    "engine": "engine that runs the graphs",
    "task": "classification or regression; inferred from the target by default",
    "batch_size": "rows per update",
    "learning_rate": "learning rate",
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
        "probability from which the second of two classes is predicted; by default that of the training"
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
    "resume_out": "continue the interrupted training in --out",
    "lang": "language: en or zh",
    "csv": "file for the predictions; by default they are printed",
    "only_predictions": "only ids and predictions, without the other columns of DATA",
    "damaged_cells": (
        "cells that are not what their column requires: refuse the table, skip their rows (no "
        "prediction), or missing (count them as missing); the reason is in a column of its own"
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
        "run folder, saved plan, weights file, building block by kind and name, error code, or network "
        "as text"
    ),
    "profile": "time of each part of a training step",
    "plan": "execution plan of a training step: tasks, memory, cost",
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
