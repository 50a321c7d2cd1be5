"""Texts of plots: titles, axis labels and descriptions, by key."""

from __future__ import annotations

from chainrule.messages import Texts, translated
from chainrule.settings import settings

PLOTS: Texts = {
    "graph": "The network",
    "graph.description": (
        "The network as boxes and arrows, with shapes and parameter counts; repeated blocks are folded."
    ),
    "learning_curves": "Learning curves",
    "learning_curves.description": (
        "Loss and metrics over the epochs, with the best epoch and the learning rate."
    ),
    "weights": "Weights",
    "weights.description": (
        "The distribution of the weights of each layer, at present or, where it was recorded, over "
        "the epochs."
    ),
    "activations": "Activations",
    "activations.description": (
        "The distribution of the outputs of each layer, at present or, where it was recorded, over "
        "the epochs."
    ),
    "gradients": "Gradients",
    "gradients.description": (
        "The distribution of the gradients of each layer, at present or, where it was recorded, over "
        "the epochs."
    ),
    "filters": "Kernels of {layer}",
    "filters.description": "The kernels of a convolution as small images.",
    "feature_maps": "Layer outputs for one sample",
    "feature_maps.description": (
        "One sample passed through the network: the feature maps, or the values, that each layer outputs."
    ),
    "attention": "Attention: {layer}",
    "attention.description": "Which positions of a sequence each position attends to, for every head.",
    "embedding": "Embedding: {layer}",
    "embedding.description": "The rows of an embedding table, projected onto their two principal directions.",
    "loss_landscape": "Loss landscape",
    "loss_landscape.description": (
        "The loss around the current weights, along two random directions of the same norm as the weights."
    ),
    "trajectory": "Path of the training on the loss surface",
    "trajectory.description": (
        "The weights at each stage of a training, projected onto the two principal directions of their path."
    ),
    "decision_boundary": "Decision boundary",
    "decision_boundary.description": (
        "The prediction for every pair of values of two features, with the other features at their medians."
    ),
    "confusion_matrix": "Confusion matrix",
    "confusion_matrix.description": "How often each class is predicted as each class.",
    "calibration": "Calibration: ECE {ece:.3f}",
    "calibration.description": (
        "Reliability diagram: whether predictions of 0.9 are correct nine times out of ten."
    ),
    "risk_coverage": "Risk and coverage: mean risk {area:.3f}",
    "risk_coverage.description": "How the share of errors falls if only the most certain rows are decided.",
    "coverage": "share of decided rows",
    "risk": "share of errors among them",
    "threshold": "confidence",
    "risk_of_model": "this model",
    "ideal_order": "ideal: all errors last",
    "roc": "ROC curve",
    "roc.description": "True positive rate over false positive rate, for each class.",
    "precision_recall": "Precision–recall curve",
    "precision_recall.description": "Precision over recall, for each class.",
    "residuals": "Predictions and errors",
    "residuals.description": "Predicted over true values, and the distribution of the errors.",
}

AXES: Texts = {
    "epoch": "epoch",
    "loss": "loss",
    "training": "training",
    "validation": "validation",
    "best": "best epoch: {epoch}",
    "rate": "learning rate",
    "rate_at_end": "learning rate: {value}",
    "last_and_best": "{name}: {last} at the end, best {best}",
    "data_loss": "loss without penalty",
    "validation_of": "validation {title}",
    "spread": "{name}: mean {mean}, standard deviation {std}",
    "no_values": "{name}: no finite value",
    "axis_value": "value",
    "values": "value (each image has its own range)",
    "share": "share of the values",
    "numbers": "{n:,} values",
    "inputs_now": "over {n} rows",
    "over_epochs": "{title} over the epochs",
    "density": "square root of the share relative to the most frequent value",
    "weight": "weight",
    "sample": "the sample",
    "activation": "value relative to the layer's largest",
    "channel": "channel {n}",
    "head": "head {n}",
    "query": "query position",
    "key": "key position",
    "attention_weight": "weight (each row sums to 1)",
    "component": "direction {n}, {share:.0%} of the variance",
    "direction": "direction {n} (1: the norm of the weights)",
    "loss_rows": "loss, mean over {n} rows",
    "current": "current weights",
    "standardized": "{name} (standardized)",
    "probability_of": "probability of {label}",
    "sureness": "class; paler is less certain",
    "predicted_value": "predicted value",
    "others": "the other {n} features are set to their medians",
    "predicted": "predicted class",
    "true": "true class",
    "share_of_row": "share of the true class",
    "confidence": "confidence (probability of the predicted class)",
    "right": "share of correct predictions",
    "perfect": "perfectly calibrated",
    "axis_rows": "rows",
    "gap": "gap",
    "false_positive": "false positive rate",
    "true_positive": "true positive rate",
    "recall": "recall",
    "precision": "precision",
    "chance": "random guessing",
    "area": "{label}: area {area:.3f}",
    "average": "{label}: mean {area:.3f}",
    "true_value": "true value",
    "equal": "equal",
    "error": "predicted - true",
    "shown": "{shown} of {all} shown",
    "known_rows": (
        "These rows include the {training} training and {validation} validation rows of this model: "
        "the results look better than they are on new data."
    ),
    "input": "input",
    "parameters": "{n:,} parameters",
    "folded": "× {n}",
}


def plot_text(key: str, **facts: object) -> str:
    """Return the text of ``key`` in the language of ``settings.lang``, with ``facts`` put in for its
    placeholders.

    Example:
        >>> with settings.using(lang="zh"):
        ...     plot_text("parameters", n=61706)
        '61,706 个参数'
    """
    return translated((AXES | PLOTS)[key], settings.lang, key).format(**facts)
