"""The texts of the page, by key."""

from __future__ import annotations

from chainrule.messages import Texts
from chainrule.texts.sentence import TextTable

FRAME: Texts = {
    "skip": "Skip to the content",
    "views": "Views",
    "opening": "Opening the data …",
    "tab_data": "Data",
    "tab_network": "Network",
    "tab_training": "Training",
    "tab_chain": "Chain rule",
    "tab_predict": "Predict",
    "tab_files": "Take away",
    "lessons": "Lessons",
    "light": "Light colors",
    "dark": "Dark colors",
    "close": "Close",
    "copy": "Copy",
    "copied": "Copied",
    "save_as": "Save as {name}",
    "use": "Use",
    "try": "How to fix it: {fix}",
    "place": "Place: {text}",
    "expected": "Expected: {text}",
    "received": "Received: {text}",
    "failed": "This did not work.",
    "no_server": "The studio does not respond. It may have been ended in its terminal; start it again.",
    "previous": "Previous",
    "next": "Next",
    "time": "Time of the training",
    "start": "Train",
    "pause": "Pause",
    "one_step": "One step",
    "one_epoch": "One epoch",
    "rewind": "Rewind to a step",
    "train_again": "Train again",
    "status": "Training",
    "status_none": "not started",
    "status_starting": "starting",
    "status_running": "running",
    "status_paused": "paused",
    "status_evaluating": "evaluating",
    "status_ended": "complete",
    "status_stopped": "stopped",
    "status_failed": "failed",
    "status_offline": "not connected",
    "step": "Step",
    "epoch": "Epoch",
    "loss": "Loss",
}

DATA: Texts = {
    "data_title": "Data",
    "data_empty": "Choose a set, drop your table, or draw points. Nothing leaves this machine.",
    "data_classes": "{rows} rows of {source}. The network predicts “{target}”, one of {classes} classes.",
    "data_values": "{rows} rows of {source}. The network predicts “{target}”, a number.",
    "choose_data": "Choose data",
    "two_inputs": "Two inputs",
    "tables_and_images": "Tables and images",
    "two_classes": "2 classes",
    "three_classes": "3 classes",
    "regression": "regression",
    "about_iris": "150 flowers",
    "about_wine": "178 wines",
    "about_breast_cancer": "569 tumors",
    "about_diabetes": "442 patients",
    "about_digits": "1,797 digits",
    "about_digit_images": "images, 8 × 8",
    "own_file": "your file",
    "own_folder": "your folder",
    "draw": "Draw points",
    "sets": "Sets",
    "draw_here": "Area to draw points in",
    "draw_hint": "Choose a color, then draw. At least 20 points of two colors are needed.",
    "draw_keys": "By keyboard: the arrow keys move the pen, Enter draws, with Shift they draw a line.",
    "use_points": "Use {n} points",
    "clear": "Clear",
    "class": "Class",
    "blue": "blue",
    "orange": "orange",
    "green": "green",
    "purple": "purple",
    "red": "red",
    "drop": "Drop a table here: CSV, Parquet, Excel, JSON",
    "choose_file": "Choose a file",
    "stays_here": "It is copied into the folder studio, on this machine.",
    "too_large_file": "{name} has {size} GiB, more than a browser can pass on. Open it from the terminal.",
    "columns": "Columns",
    "column": "Column",
    "kind": "Kind",
    "kind_number": "number",
    "kind_category": "category",
    "kind_date": "date",
    "kind_text": "text",
    "role": "Role",
    "input": "input",
    "target": "target",
    "role_ignored": "ignored",
    "missing": "Missing",
    "summary": "Summary",
    "left_out": "left out",
    "more_columns": "and {n} more columns",
    "features": "{n} encoded inputs",
    "rows": "Rows",
    "show_row": "Explain this row",
    "split": "Split",
    "part_training": "training",
    "part_validation": "validation",
    "part_test": "test",
    "findings": "Findings",
    "no_findings": "Nothing conspicuous in this table.",
    "standardized": "The training standardizes the numbers of this table.",
}

NETWORK: Texts = {
    "network_title": "Network",
    "network_text": (
        "{n} parameters in {layers} layers. Edit the drawing or the table; the program follows."
    ),
    "drawing": "Drawing of the network",
    "drawing_hint": "Click a weight or a unit to see its derivative.",
    "positive": "positive",
    "negative": "negative",
    "presets": "Presets",
    "preset_article": "2-3-1",
    "preset_line": "Linear",
    "preset_one": "4",
    "preset_two": "8-8",
    "preset_deep": "Deep",
    "preset_wide": "64-64",
    "preset_table": "Table default",
    "preset_lenet": "LeNet",
    "preset_transformer": "Transformer",
    "layers": "Layers",
    "layer": "Layer",
    "inputs": "Inputs",
    "units": "Units",
    "activation": "Activation",
    "output": "Output",
    "parameters": "Parameters",
    "dropout": "Dropout",
    "add_layer": "Layer",
    "remove": "Remove",
    "fewer_units": "Fewer units in layer",
    "more_units": "More units in layer",
    "insert_layer": "Insert a layer at position",
    "as_text": "The same as text, as chainrule train --net takes it",
    "optimization": "Training options",
    "optimizer": "Optimizer",
    "learning_rate": "Learning rate",
    "batch_size": "Batch size",
    "epochs": "Epochs",
    "penalty": "L2 penalty",
    "patience": "Patience",
    "seed": "Seed",
    "program": "Program",
    "program_python": "Python",
    "program_command": "Terminal",
    "program_layers": "Layers",
}

TRAINING: Texts = {
    "training_title": "Training",
    "training_text": "Network {layers}, {n} parameters. Train, pause, or go step by step; rewind below.",
    "training_done": "Complete. The RUN is in {run}; every command of chainrule reads it.",
    "training_stopped": "The training in {run} stopped after step {step}; “{start}” continues it.",
    "no_hidden": "without hidden layers",
    "batch_loss": "loss of each batch",
    "training_loss": "training loss",
    "validation_loss": "validation loss",
    "other_run": "{run}, kept",
    "logarithmic": "Logarithmic",
    "keep_to_compare": "Keep to compare",
    "stop_comparing": "Stop comparing",
    "compare_with": "Compare with another training",
    "compared_options": "{run} differs in {options}",
    "compared_equal": "{run} has the same options",
    "compared_epochs": "{run}, same epochs",
    "no_curve": "The curves begin with the first step.",
    "doctor": "Doctor",
    "doctor_quiet": (
        "No findings so far. The doctor reads gradients, updates and losses while the network trains."
    ),
    "process_ended": (
        "The process of the training ended unexpectedly (exit code {code}). “{start}” continues it from its "
        "latest checkpoint."
    ),
    "distributions": "Distributions over time",
    "distributions_text": "0 in the middle; darker: more values",
    "weights": "weights",
    "activations": "activations",
    "gradients": "gradients",
    "updates": "updates",
    "spread": "standard deviation",
    "test_scores": "Scores on the test rows",
    "model_net": "this network",
    "model_boosting": "gradient boosting",
    "model_linear": "linear model",
    "model_trivial": "always the same",
    "rate_text": "A change takes effect at the next step, and is part of the RUN.",
    "pause_between": "Pause after each step",
    "network_now": "Network",
    "network_now_text": "values for row {row}",
    "surface": "Decision surface",
    "surface_of": "Decision surface of the network with the rows of {source}",
    "ensemble_title": "An ensemble",
    "ensemble_text": "This RUN is an ensemble over folds, trained by chainrule train.",
    "ensemble_hint": "The other views show its first network. To watch a training, train a single network.",
    "train_single": "Train a single network",
}

CHAIN: Texts = {
    "chain_title": "The chain rule, live",
    "chain_text": (
        "Click a weight or a unit: its value, its local derivative, the gradient that arrives and the "
        "gradient that is passed on, in symbols and in numbers."
    ),
    "sample": "Row (0: the recorded batch)",
    "shown": "What the drawing shows",
    "forward_values": "Values",
    "backward_gradients": "Gradients",
    "walk": "Walk through",
    "walk_back": "One stop back",
    "walk_next": "Next ({n} of {total})",
    "batch_of": "mean over a batch of {n}",
    "last_update": "update {n}, the last one",
    "same_numbers": "The same numbers in a terminal",
    "same_numbers_when": (
        "For a row, the command prints the numbers after the last step of a complete training; for row 0, "
        "those of any step."
    ),
    "all_weights": "All weights",
    "pick_title": "Pick a weight",
    "pick_text": (
        "Every line is a weight, every circle a unit. Symbols in the formulas can be clicked, too."
    ),
    "value": "Value",
    "gradient": "∂J / ∂ this",
    "times_input": "Its input",
    "symbol": "Symbol",
    "what_if": "What if it had another value?",
    "new_value": "New value",
    "what_follows": "Everything that follows",
}

TAKE_AWAY: Texts = {
    "predict_title": "Predict",
    "predict_text": "Change the inputs; the prediction and its reasons follow.",
    "no_form": "A model of this kind has no form here. This command predicts with it:",
    "contributions": "Contributions of the inputs",
    "contribution": "Contribution",
    "compute": "Compute",
    "computing": "Computing …",
    "map_computed": "The button “Contributions” shows them on the image.",
    "nothing_predicted": "Nothing is predicted for this input.",
    "from_row": "Start from row",
    "draw_image": "Image to draw on",
    "draw_image_text": "Draw with the mouse or a finger, or choose an image; it is scaled for the network.",
    "show_map": "Contributions",
    "record": "Record",
    "stop_recording": "Stop",
    "recording": "Recording",
    "record_text": "Record a sound, or choose one. It stays on this machine.",
    "no_microphone": "There is no microphone, or its use was refused. Choose a file.",
    "prediction": "Prediction",
    "counterfactual": "What would change the prediction?",
    "counterfactual_text": "The smallest changes of a few columns with which another class is predicted.",
    "search": "Search",
    "searching": "Searching …",
    "attack": "Attack",
    "attack_size": "Largest change of each column of row {row}, in standard deviations",
    "attack_size_pixels": "Largest change of each pixel of row {row}, of brightness from 0 to 1",
    "attack_success": "The attack succeeds: {before} becomes {after} ({share}).",
    "attack_failed": "No attack of this size succeeds: it stays {before}.",
    "attack_wrong": "The row is {actual}, and {before} is predicted already without an attack.",
    "before": "before",
    "after": "after",
    "files_title": "Take away",
    "files_text": "Everything works without the studio, and most of it without chainrule.",
    "file_model": "Model file",
    "file_model_text": (
        "Weights, network, preparation and labels, as data alone: cr.load, chainrule predict."
    ),
    "file_program": "Python program",
    "file_program_text": "Trains the same network with the same bits.",
    "file_explanation": "Explanation",
    "file_explanation_text": (
        "One training step on the first row, every derivative, as a page in both languages."
    ),
    "file_page": "Page that predicts",
    "file_page_text": "The model in one file for any browser, offline; share it by mail.",
    "file_numpy": "NumPy program",
    "file_numpy_text": "Predicts with NumPy alone.",
    "file_c": "C source",
    "file_c_text": "C99 for one row at a time, for small devices; source and header.",
    "file_onnx": "ONNX",
    "file_onnx_text": "For other runtimes.",
    "file_data": "Data",
    "file_data_text": "The rows as a CSV file.",
    "writing": "Writing …",
    "in_terminal": "In a terminal",
    "run_is_here": "The RUN of this studio is {run}.",
    "run_comes": "After a training there is a RUN here. This command makes the same one:",
}

LESSONS: Texts = {
    "lessons_title": "Ten lessons",
    "lessons_done": "{n} of 10 done",
    "done": "done",
    "go_there": "Go there",
    "set_up": "Set it up",
    "lesson_neuron": "A neuron",
    "lesson_neuron_text": (
        "A neuron is a number: a weighted sum of its inputs, passed through an activation function."
    ),
    "lesson_neuron_task": "In “Chain rule”, click any circle and read how its value is computed.",
    "lesson_sum": "The weighted sum",
    "lesson_sum_text": (
        "Each line multiplies the value at its start by a weight. A neuron adds up all its lines and a bias."
    ),
    "lesson_sum_task": "Click a line. Find its weight and its input among the terms of the sum.",
    "lesson_activation": "The activation function",
    "lesson_activation_text": (
        "Without an activation function, several layers are no more than one: a linear map."
    ),
    "lesson_activation_task": "In “Network”, set the activation of a layer to sigmoid or relu.",
    "lesson_loss": "The loss",
    "lesson_loss_text": (
        "The loss J is one number: how far the predictions are from the targets. Training makes it smaller."
    ),
    "lesson_loss_task": "In “Training”, make one step, and read the loss below.",
    "lesson_gradient": "The gradient",
    "lesson_gradient_text": "∂J/∂w is how much the loss changes when the weight w changes by a little.",
    "lesson_gradient_task": "In “Chain rule”, switch the drawing from values to gradients.",
    "lesson_chain": "The chain rule",
    "lesson_chain_text": (
        "From the loss back to a weight, the derivative is a product of local derivatives along each path, "
        "and the sum over all paths."
    ),
    "lesson_chain_task": "Walk through the whole network, to the last stop.",
    "lesson_update": "The update",
    "lesson_update_text": "Gradient descent moves every weight against its gradient: w ← w − η · ∂J/∂w.",
    "lesson_update_task": "Train until the loss is below its first value.",
    "lesson_overfitting": "Overfitting",
    "lesson_overfitting_text": (
        "A network can learn its training rows by heart. Then the validation loss rises."
    ),
    "lesson_overfitting_task": (
        "Set up a large network, and train until its validation loss is 30 % above the training loss."
    ),
    "lesson_vanishing": "Vanishing gradients",
    "lesson_vanishing_text": (
        "The derivative of a sigmoid is at most 1/4. Through four of them, little of a gradient is left."
    ),
    "lesson_vanishing_task": (
        "Train a network of four sigmoid layers for 5 epochs, and compare the gradients of its layers."
    ),
    "lesson_relu": "Why ReLU",
    "lesson_relu_text": (
        "The derivative of ReLU is 1 for every positive value: the gradient passes unchanged."
    ),
    "lesson_relu_task": "Train the same network with ReLU for 5 epochs, and compare again.",
}

TEXTS: Texts = {**FRAME, **DATA, **NETWORK, **TRAINING, **CHAIN, **TAKE_AWAY, **LESSONS}
_TABLE = TextTable(TEXTS)


def all_texts(lang: str) -> dict[str, str]:
    """Return every text of the page in a language, by key."""
    return {key: _TABLE.text_in(key, lang) for key in TEXTS}
