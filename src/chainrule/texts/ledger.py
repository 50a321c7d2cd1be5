"""Texts of ledgers, error signals by layer, replays and what-if branches, by key."""

from __future__ import annotations

from chainrule.messages import Texts

LEDGER: Texts = {
    "paths_cut": (
        "In a network of this size, paths are followed from the weight only as far as every value can be "
        "inspected; from there they begin at the stored error signals."
    ),
    "replay_title": "Update {step} of the training. {title}",
    "replay_about": "The replayed update",
    "replay_place": (
        "Update {step}: epoch {epoch}, batch {batch}, {n} samples (rows {rows}). The training computed "
        "the loss {loss} and used the learning rate {rate}."
    ),
    "replay_exact": (
        "The training was replayed bit for bit up to this update. Below, the update is computed in "
        "float64 with the masks and batch statistics of that time; its loss differs by a relative {gap}."
    ),
    "rounding_learns": (
        "All values are computed in full precision (float64) and rounded only for display: to 6 decimal "
        "places, very small values to 6 significant digits. A product of displayed values may therefore "
        "differ from the displayed result in the last digit. ŷ and all derivatives are those of the "
        "network in training mode in this update: with its dropout mask and the statistics of this batch."
    ),
    "ladder_intro": (
        "From the loss to the first layer: the norm of the error signal at each layer, and the factors "
        "contributed by the weights (with all other operations between the layers) and by the "
        "derivatives of the activation function. The product of the factors is exactly the last column."
    ),
    "ladder_from": "from",
    "ladder_to": "to",
    "ladder_sent": "signal",
    "ladder_weights": "weights",
    "ladder_slopes": "derivatives",
    "ladder_left": "remaining",
    "ladder_all": "of the initial",
    "letters_time": (
        "h is the hidden state of a layer after a time step, c the cell state; the t in a superscript is "
        "the time step."
    ),
    "letters_calls": (
        "The u in a superscript is the call of a layer that is called several times; all its calls share "
        "the weights, and the derivative of the loss with respect to the weights is the sum over the "
        "calls."
    ),
    "letters_lstm": (
        "i, f and o are the input, forget and output gates; m is the candidate value of the cell."
    ),
    "letters_gru": "r and u are the reset and update gates; m is the candidate value of h.",
    "letters_attention": (
        "q, k and v are queries, keys and values; s are the scores, and a with four indices are the "
        "attention weights, both with the number of the layer of the queries."
    ),
    "letters_norm": "μ and var are the mean and variance used by a normalization layer; its z is its output.",
    "letters_scale": "γ and β are the scale and shift of a normalization layer.",
    "letters_between": "h with the number of a layer is the input of this layer.",
    "letters_rate": "η is the learning rate, t the number of the update.",
    "letters_noun": "{letter} is {noun}.",
    "letters_parameter": "{letters}: the parameters of that name in their layer.",
    "letters_input": "{letters}: given numbers.",
    "letters_memory": (
        "{letters}: stored by the optimizer for each weight; ′ marks the value after this update."
    ),
    "letters_hidden": "{letters}: further intermediate values.",
    "feature_whole": (
        "x is {raw} ({column}): {shape} values, from {low} to {high} as the network receives them"
    ),
    "path_penalty": "the penalty",
    "paths_nothing": "All other paths contribute nothing.",
    "if_title": "What if: the same samples with other weights",
    "if_edits": "Changed weights",
    "if_change": "change",
    "if_value": "value",
    "if_loss": "The loss goes from {old} to {new}: {change}.",
    "if_same": "The loss remains {loss}.",
    "if_promise": "The gradient predicts {promise}: the derivative at the old weights times the change.",
    "if_downstream": "All changes downstream, old and new",
    "if_nothing": "No named value changes.",
    "if_prediction": "prediction",
    "if_loss_value": "loss",
    "if_effect": "Effect on the loss",
    "if_all": "{name} ({layer}):",
    "if_many": "{name} ({layer}): {n} values changed; the {k} with the largest change:",
}
