"""The sentences of an explanation, by key."""

from __future__ import annotations

from chainrule.messages import Texts

# Texts of derivations of weights, error signals by layer, replays and what-if branches, by key.

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


# Texts around the findings of the doctor, by key.

DOCTOR: Texts = {
    "doctor_title": "Diagnosis: {count} findings",
    "doctor_title_one": "Diagnosis: 1 finding",
    "doctor_well": "Diagnosis: no findings",
    "doctor_heading": "{severity}: {name} ({rule})",
    "doctor_error": "Error",
    "doctor_warning": "Warning",
    "doctor_info": "Note",
    "doctor_numbers": "evidence: {text}",
    "doctor_why": "why: {text}",
    "doctor_try": "try: {text}",
    "doctor_see": "see: {text}",
    "doctor_number": "{value} (threshold {threshold})",
    "doctor_source": "source: {source}",
    "doctor_step": "step {step}",
    "doctor_comma": ", ",
    "doctor_end": "at the end: {text}",
    "doctor_over": "no longer found in the complete training",
}


WORDS: Texts = {
    # titles and headings
    "title": "One training step, explained with the numbers of one sample",
    "title_many": "One training step, explained with the numbers of {n} samples",
    "title_weight": "Derivation of {weight}",
    "one_line": "Summary",
    "notation": "Notation",
    "forward": "Forward pass",
    "backward": "Backward pass",
    "derivatives": "All partial derivatives ({n})",
    "chain_letters": "The chain rule in symbols",
    "full": "Every derivative, fully expanded",
    "update": "Parameter update",
    "effect": "Did the step reduce the loss?",
    "shrinking": "Why do early layers learn more slowly?",
    "signal_sizes": "How does the error signal change from layer to layer?",
    "samples": "Comparison of the {n} samples",
    "matrices": "Matrix form: all samples at once",
    "pitfalls": "Common mistakes",
    "checked": "Numerical gradient check",
    "cautions": "Warnings",
    "not_finite": "A value is not finite: explained first",
    "chain": "From the loss to this weight",
    "product": "The derivative as one product",
    # labels of formulas
    "F": "F",
    "B": "B",
    "U": "U",
    "C": "C",
    # small words
    "comma": ", ",
    "clause": "{clause}",
    "equal": "{name} = {value}",
    "moved": "{name} {old} → {new}",
    "outputs_moved": "{outputs}.",
    "falls": "falls",
    "rises": "rises",
    "stays": "stays the same",
    "label_of": "{number} ({label})",
    "more_lines": "... and {n} more",
    "more_short": "... and {n} more",
    # heads of tables
    "derivative": "derivative",
    "derivative_short": "gradient",
    "formula": "formula",
    "numbers": "with numbers",
    "result": "result",
    "meaning": "meaning",
    "parameter": "parameter",
    "old": "old value",
    "new": "new value",
    "move": "change",
    "of_size": "of its size",
    "term": "term",
    # in one line
    "line_value": (
        "The network outputs {output}; the target is {target}. After one update the output {moves}, and "
        "the loss {change}."
    ),
    "line_class": (
        "The network assigns probability {output} to the target class {target}. After one update this "
        "probability {moves}, and the loss {change}."
    ),
    "line_mean": "The mean loss over {n} samples is {old}; after one update it {change}.",
    "line_loss": "The loss is {old}; after one update it {change}.",
    "changes_from": "{moves} from {old} to {new}",
    "changes_to": "{moves} to {new}",
    "line_price": (
        "Of this loss, {data} is the error and {cost} is the penalty on large weights: an update may "
        "reduce the penalty more than the error."
    ),
    # notation
    "letters": (
        "x is an input, w a weight, b a bias, z a weighted sum, a the activation computed from it, ŷ the "
        "output of the network, y the target, J the loss; δ = ∂J/∂z is the error signal of a weighted "
        "sum. Subscripts count from 1. The number in parentheses in the superscript is the layer."
    ),
    "letters_weight": "For example, {weight} connects input {input} to unit {unit} of layer {layer}.",
    "letters_member_weight": (
        "In an ensemble the first subscript is the number of the network: {weight} connects input "
        "{input} to unit {unit} of layer {layer} of network {member}."
    ),
    "letters_state": "{letters}: stored numbers of the network that are not trained.",
    "letters_also_feeds": "{value} is also the input of layer {layers}.",
    "features": "The inputs are:",
    "feature": "x{i} ({name}) = {raw}, which the network receives as {value}",
    "rounding": (
        "All values are computed in full precision (float64) and rounded only for display: to 6 decimal "
        "places, very small values to 6 significant digits. A product of displayed values may therefore "
        "differ from the displayed result in the last digit. ŷ and all derivatives are those of the "
        "network in evaluation mode (without dropout)."
    ),
    "rounding_bfloat16": (
        "Trainings and predictions of this model round the factors of the matrix products and convolutions "
        "in {layers} to bfloat16, which has 8 binary digits: inputs, weights, activations and, in the "
        "backward pass, error signals. The values here are computed without this rounding."
    ),
    "rounding_int8": (
        "Predictions of this model compute the matrix products and convolutions in {layers} with weights and "
        "inputs in 8 bits. The values here are computed with its float weights."
    ),
    "mean_one": "There is one sample, n = 1: J is its loss J⁽¹⁾.",
    "mean_weighted": (
        "There are n = {n} samples with weights ω⁽ⁱ⁾: J = Σ ω⁽ⁱ⁾·J⁽ⁱ⁾ / Σ ω⁽ⁱ⁾. Class weights and the "
        "number of positions that have a label are factors of ω⁽ⁱ⁾. The second number in a superscript "
        "is the sample (the only number for x, y, ŷ, J and ω). The error signal δ is the derivative of "
        "ω⁽ⁱ⁾·J⁽ⁱ⁾; the division by Σ ω⁽ⁱ⁾ = {sum} occurs once, in the gradients of the parameters."
    ),
    "mean_many": (
        "There are n = {n} samples: J = (1/n) Σ J⁽ⁱ⁾. The second number in a superscript is the sample "
        "(the only number for x, y, ŷ and J). The error signal δ is the derivative of the sample's own "
        "loss J⁽ⁱ⁾; the factor 1/n occurs once, in the gradients of the parameters."
    ),
    "mean_one_penalty": "There is one sample, n = 1: J is its loss J⁽¹⁾ plus the penalty on large weights.",
    "layer_names": "The layers are {names}.",
    "layer_name": "Layer ({number}) is {path}.",
    # forward
    "forward_intro": (
        "Each unit computes the weighted sum of its inputs and applies its activation function, if it "
        "has one, to it."
    ),
    "shown_sample": "The values shown are those of sample {i}.",
    "losses_weighted": ("{name}Σ ω⁽ⁱ⁾·J⁽ⁱ⁾ / Σ ω⁽ⁱ⁾ = {mean}, where Σ ω⁽ⁱ⁾ = {sum} and {losses}{more}."),
    "losses_of_samples": "{name}(1/{n}) Σ J⁽ⁱ⁾ = {mean}, where {losses}{more}.",
    "mean_penalty": "J also contains the penalty on large weights.",
    "penalty": ("The penalty on the weights is {cost}; with the loss of the samples, {data}, J = {loss}."),
    # backward
    "backward_intro": (
        "Start at the loss and go backward: at each stop, multiply the incoming gradient by the local "
        "derivative of that stop."
    ),
    "backward_weighted": (
        "The error signals are those of the displayed sample; the gradients of the parameters are "
        "weighted means over all {n} samples."
    ),
    "backward_mean": (
        "The error signals are those of the displayed sample; the gradients of the parameters are means "
        "over all {n} samples."
    ),
    "too_low": "the output is too low by {by}",
    "too_high": "the output is too high by {by}",
    "exact": "the output equals the target",
    "saliency": "How much the loss would change with the inputs themselves:",
    # all derivatives
    "raise_it": "raising it lowers the loss",
    "lower_it": "raising it raises the loss: lower it",
    "no_influence": "no influence to first order",
    "largest": (
        "The {n} largest are shown, {left} are omitted. The {n} account for {share}% of the squared norm "
        'of the gradient. To see any other, pass its name: weight="{path}".'
    ),
    "letters_intro": (
        "Each factor is one stop of the backward pass; where a layer has several units, the "
        "contributions of all paths are added."
    ),
    "full_intro": (
        "Expanded down to the error, the weights and the inputs, as far as the formula stays readable."
    ),
    # update
    "update_intro": (
        "First compute all gradients, then change all parameters at once ({optimizer}, η = {rate})."
    ),
    "memory_names": (
        "For each weight the optimizer stores {names}; ′ marks the value after this update, and t is the "
        "number of the update."
    ),
    "memory_first": "The optimizer state has its initial values (zeros), as in the first update.",
    "memory_initial": "The optimizer state has its initial values, as in the first update.",
    "memory_given": "The optimizer state is the one that was passed.",
    "clipped": ("The gradients were clipped before the update ({clip}); ĝ is the clipped gradient."),
    "loss_moved": "J: {old} → {new}, a change of {change} (the gradient predicts {promise}).",
    "promise_sgd": (
        "The predicted change is −η‖∇J‖² = {promise}: gradient times change, summed over all parameters."
    ),
    "promise": ("The predicted change is gradient times change, summed over all parameters: {promise}."),
    "curvature": (
        "The loss decreased. The difference of {gap} ({percent}% of the prediction) is due to curvature: "
        "the gradient changes along the step."
    ),
    "too_far": (
        "The loss did not decrease although the gradient predicts it: the step is too long for the "
        "curvature at this point."
    ),
    "flat": "The gradient is 0: this update changes nothing.",
    "no_move": "No parameter changes in this update.",
    "uphill": (
        "The gradient predicts no decrease of the loss: the update does not follow the gradient of this "
        "sample alone, but also the state of the optimizer, such as momentum or weight decay."
    ),
    # why is an early layer slower
    "shrinking_intro": (
        "The norm ‖δ‖ of the error signal, layer by layer in the backward pass, as an exact product of "
        "two factors: that of the weights, with all other operations between the layers, and that of the "
        "derivatives of the activation function."
    ),
    "split": (
        "Layer ({near}) → ({far}): {sent}; after the weights {arrived} (×{weights}); after the "
        "activation derivatives {left} (×{slopes}); in total ×{total}."
    ),
    "split_weights": "Layer ({near}) → ({far}): {sent}; after the weights {arrived} (×{weights}).",
    "lost_in_slopes": (
        "{percent}% is lost to the derivatives of the activation function: a vanishing gradient in its "
        "smallest form."
    ),
    "lost_in_weights": "{percent}% is lost to the weights.",
    "lost_of_slopes": "{percent}% is lost to the derivatives of the activation function.",
    "grew": "The error signal grew by {percent}%.",
    # samples
    "samples_weighted": (
        "J is the weighted mean of {n} losses: each sample contributes ω⁽ⁱ⁾/{sum} of its own gradient."
    ),
    "samples_intro": ("J is the mean of {n} losses, so each sample contributes 1/{n} of its own gradient."),
    "opposite": (
        "Samples {i} and {j} pull {parameter} in opposite directions ({one} and {two}); the mean over "
        "all samples is {mean}."
    ),
    # matrices and pitfalls
    "numbered": "{i}. {text}",
    "matrices_penalty": "R is the penalty.",
    "matrices_intro": (
        "X has one row per sample; ⊙ is the elementwise product; g is the activation function of the layer."
    ),
    "simultaneous": (
        "Changing a weight before the gradients of the others are computed: compute all gradients first, "
        "then change all weights."
    ),
    "one_over_n": (
        "Dropping the 1/n or the 1/2: the direction stays the same, the length of the step is wrong."
    ),
    "z_for_a": ("Using z where a belongs: the derivative of the sigmoid is a(1 − a), not z(1 − z)."),
    "forgotten_bias": (
        "Forgetting the bias: it is a weight whose input is always 1, so its gradient is δ itself."
    ),
    "sum_for_mean": ("Summing over a batch instead of averaging: the step then grows with the batch size."),
    "sign": (
        "The sign of the update: go against the gradient, w − η·∂J/∂w; with a plus sign the loss rises."
    ),
    # check and cautions
    "checked_all": (
        "Each of the {total} parameters was changed by ±{step} and the loss recomputed; the largest "
        "relative difference from the formula is {error}, at {where}."
    ),
    "checked_one": (
        "The only parameter was changed by ±{step} and the loss recomputed; the relative difference from "
        "the formula is {error}, at {where}."
    ),
    "checked_some": (
        "A sample of {n} of the {total} parameters (fixed seed) was changed by ±{step}, one parameter at a "
        "time, and the loss recomputed; the largest relative difference from the formula is {error}, "
        "at {where}."
    ),
    "check_differs": (
        "The formula gives {analytic}, the finite difference gives {numeric}. At a kink (ReLU at 0) or "
        "in a very flat region the two may differ; anywhere else a difference indicates an error."
    ),
    "saturated": (
        "{n} of {total} values of {where} ({percent}%) are where the derivative of the activation is "
        "below {limit}: saturated units pass almost no error signal."
    ),
    "silent": (
        "{n} of {total} values of {where} ({percent}%) are inactive: no error signal passes through them."
    ),
    "tiny": (
        "The norm of the whole gradient is only {length}: this sample changes almost nothing at this point."
    ),
    "given_not_finite": "The input {where} is {value}; nothing can be derived from it.",
    "arose_not_finite": (
        "The first non-finite value occurs in {op} ({word}), layer {path}, at index {index}: {value}."
    ),
    "from_numbers": "It is the result of {formula} = {numbers}.",
    # depth 1
    "stop_forward": (
        "{layer}: inputs {n_in}, outputs {n_out} ({name}); largest value {most}, at unit {unit}."
    ),
    "the_output": "output",
    "stop_class": "Target {target}, predicted with probability {output}: loss {loss}.",
    "stop_places": "Targets, with their predicted probabilities: {pairs}: loss {loss}.",
    "stop_loss": "Target {target}, output {output}: loss {loss}.",
    "stop_backward": (
        "{name}: gradient {gradient}; increasing it by {step} would change the loss by about {change}."
    ),
    "stop_update": "{name}: {old} → {new} (change {move}, {part} of its size).",
    "stop_update_zero": "{name}: {old} → {new} (change {move}).",
    # one value
    "element_is": "{name} = {value}, an input of the network.",
    "element_constant": "No derivative is computed for it: nothing that is trained depends on it.",
    "element_upstream": "the gradient that arrives",
    "element_downstream": "the gradient that is passed on: the arriving one times the local derivative",
    "element_meaning": "Raising it by {step} would change the loss by about {change}.",
    # the derivation of a weight
    "weight_is": "{name} is {symbol} = {value}, one element of a parameter of shape {shape}.",
    "weight_meaning": "Its derivative is {gradient}: {meaning}.",
    "chain_intro": (
        "Step by step from the output back to the weight; where several paths continue, the three with "
        "the largest contributions are followed."
    ),
    "chain_intro_short": (
        "Step by step from the output back to the weight; where several paths continue, only the one "
        "with the largest contribution is followed, and the three largest are listed."
    ),
    "residual": (
        "The formula alone gives {value}; relative difference from the stored gradient: {residual}."
    ),
    "contributors_within": (
        "It contains a sum of {n} terms with total {total}; the {k} largest add up to {shown}:"
    ),
    "contributors": ("This is a sum of {n} terms with total {total}; the {k} largest add up to {shown}:"),
    "paths": "All paths from the loss",
    "paths_intro": "Each path is a product of factors; the derivative is the sum over all paths.",
    "paths_one": "There is one path, with value {total}.",
    "paths_count": "There are {n} paths with total {total}; the {k} largest add up to {shown}{share}.",
    "paths_cancel": (
        "There are {n} paths with total 0 within the rounding error of their sum; the {k} largest add up "
        "to {shown}."
    ),
    "paths_share": " ({percent}%)",
    "path": "path",
    "contribution": "contribution",
    "if": "if",
    "else": "else",
    "weight_checked": (
        "The chain rule gives {analytic}, a finite difference with ±{step} gives {numeric}: relative "
        "difference {error}."
    ),
    "frozen": "This parameter is frozen: it does not change.",
    "weight_moves_up": (
        "It increases by {change}; its own part of the gradient changes the loss by about {promise}."
    ),
    "weight_moves_down": (
        "It decreases by {change}; its own part of the gradient changes the loss by about {promise}."
    ),
    "weight_stays": "It does not change.",
    "weight_share": "That is {percent}% of the change predicted for the whole step.",
    # where the time of a training step goes
    "profile_title": "Time of one training step",
    "profile_layers": "Stages and layers",
    "profile_steps": "Whole steps",
    "profile_kernels": "Kernels, in execution order",
    "profile_whole": "Batch size {batch}.",
    "profile_divided": (
        "Batch size {batch}, split into {parts} parts of up to {rows} samples, {replicas} computed at a time."
    ),
    "profile_given": ("Measured over {steps} steps on the {rows} rows passed, on a copy of the model."),
    "profile_made_up": (
        "Measured over {steps} steps on {rows} random rows of matching shape, on a copy of the model."
    ),
    "profile_peak": (
        "Peak of one core: {flops} (product of large matrices), {bytes} (copy of a large array)."
    ),
    "profile_cached": "More than 100% of the copy speed: the data was still in the cache.",
    "profile_stage": "stage",
    "profile_layer": "layer",
    "profile_kernel": "kernel",
    "profile_calls": "calls",
    "profile_computes": "computes",
    "profile_time": "time",
    "profile_share": "share",
    "profile_flops": "flops",
    "profile_flop_rate": "speed",
    "profile_of_peak": "of peak",
    "profile_bytes": "bytes",
    "profile_byte_rate": "speed",
    "profile_of_copy": "of copy",
    "profile_against": "relative to the line above",
    "profile_all": "all kernels",
    "profile_alone": "one step, 1 thread",
    "profile_together": "one step, {threads} threads",
    "profile_loss": "(loss)",
    "profile_optimizer": "(optimizer)",
    "stage_gather": "gather",
    "stage_forward": "forward",
    "stage_backward": "backward",
    "stage_join": "merge",
    "stage_update": "update",
}
