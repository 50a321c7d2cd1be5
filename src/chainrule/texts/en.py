"""The sentences of an explanation in English."""

WORDS: dict[str, str] = {
    # titles and headings
    "title": "One training step, explained with the numbers of one sample",
    "title_many": "One training step, explained with the numbers of {n} samples",
    "title_weight": "The ledger of {weight}",
    "one_line": "In one line",
    "notation": "Notation",
    "forward": "Forward",
    "backward": "Backward",
    "derivatives": "All partial derivatives ({n})",
    "chain_letters": "The chain rule in letters",
    "full": "Every derivative by the whole chain",
    "update": "Update",
    "effect": "Did it help?",
    "shrinking": "Why is an early layer slower?",
    "samples": "The {n} samples side by side",
    "matrices": "All samples at once, in matrices",
    "pitfalls": "Pitfalls",
    "checked": "Numerical check",
    "cautions": "Cautions",
    "not_finite": "A number is not finite: this first",
    "chain": "From the loss to the weight",
    "product": "The whole as one product",
    # labels of formulas
    "F": "F",
    "B": "B",
    "U": "U",
    "C": "C",
    # small words
    "comma": ", ",
    "stop": ".",
    "falls": "falls",
    "rises": "rises",
    "label_of": "{number} ({label})",
    "more_lines": "... and {n} more",
    "more_short": "... and {n} more",
    # heads of tables
    "derivative": "derivative",
    "derivative_short": "gradient",
    "formula": "formula",
    "numbers": "numbers put in",
    "result": "result",
    "meaning": "meaning",
    "parameter": "parameter",
    "old": "old",
    "new": "new",
    "move": "move",
    "of_size": "of its size",
    "term": "term",
    # in one line
    "line_value": (
        "The network answers {answer} where {wanted} was wanted; one step moves the weights so "
        "that the answer {moves}, and the loss {falls} from {old} to {new}."
    ),
    "line_class": (
        "The network gives the wanted class {wanted} the probability {answer}; one step moves the "
        "weights so that it {moves}, and the loss {falls} from {old} to {new}."
    ),
    "line_mean": "Over {n} samples the mean loss is {old}; after one step it {falls} to {new}.",
    "line_loss": "The loss is {old}; after one step it {falls} to {new}.",
    "line_price": (
        "Of this loss {data} is the error and {cost} the price of large weights (the penalty): a step may "
        "lower the price more than the error."
    ),
    # notation
    "letters": (
        "x is an input, w a weight, b a bias, z a weighted sum, a the activation made of it, ŷ the answer, "
        "y what was wanted, J the loss; δ = ∂J/∂z is the signal that comes back to a weighted sum. Indices "
        "below count from 1: w₁₂ leads from input 2 to unit 1; the number in brackets above is the layer."
    ),
    "features": "The inputs are:",
    "feature": "x{i} ({name}) = raw {raw} → {value} as the network sees it",
    "rounding": (
        "Every number is computed in full (float64) and only shown rounded, to 6 places "
        "after the point, very small ones to 6 digits; so the "
        "product of the shown numbers may differ from the shown result in the last digit. ŷ and "
        "all slopes are those of the net as it answers (without dropout)."
    ),
    "mean_one": "There is one sample, n = 1: J is its loss J⁽¹⁾.",
    "mean_weighted": (
        "There are n = {n} samples with weights ω⁽ⁱ⁾: J = Σ ω⁽ⁱ⁾·J⁽ⁱ⁾ / Σ ω⁽ⁱ⁾. Weights of classes, and "
        "the number of places that have a label, are factors of ω⁽ⁱ⁾. The second number in brackets above "
        "is the sample (for x, y, ŷ, J and ω the only one). What comes back, δ, is the derivative of "
        "ω⁽ⁱ⁾·J⁽ⁱ⁾; the division by Σ ω⁽ⁱ⁾ = {sum} enters once, in the gradients of the parameters."
    ),
    "mean_many": (
        "There are n = {n} samples: J = (1/n) Σ J⁽ⁱ⁾. The second number in brackets above is the "
        "sample (for x, y, ŷ and J the only one). What comes back, δ, is the derivative of the "
        "sample's own loss J⁽ⁱ⁾; 1/n enters once, in the gradients of the parameters."
    ),
    "mean_one_penalty": (
        "There is one sample, n = 1: J is its loss J⁽¹⁾ and the price of large weights (the penalty)."
    ),
    "layer_names": "The layers are {names}.",
    "layer_name": "Layer ({number}) is {path}.",
    # forward
    "forward_intro": "Each unit adds up its inputs, each times its weight; a curve may bend the sum.",
    "shown_sample": "The formulas are those of sample {i}.",
    "losses_weighted": "J = Σ ω⁽ⁱ⁾·J⁽ⁱ⁾ / Σ ω⁽ⁱ⁾ = {mean}, with Σ ω⁽ⁱ⁾ = {sum}, from {losses}{more}.",
    "losses_of_samples": "J = (1/{n}) Σ J⁽ⁱ⁾ = {mean}, from {losses}{more}.",
    "penalty": ("The size of the weights costs {cost}; with the loss of the samples, {data}, J = {loss}."),
    # backward
    "backward_intro": (
        "Start from the loss and walk back; at each stop multiply what arrived by the slope of "
        "that stop alone."
    ),
    "backward_weighted": (
        "The signals are those of the shown sample; the gradients of parameters are weighted means over "
        "all {n}."
    ),
    "backward_mean": (
        "The signals are those of the shown sample; the gradients of parameters are means over all {n}."
    ),
    "too_low": "the answer is too low by {by}",
    "too_high": "the answer is too high by {by}",
    "exact": "the answer is exact",
    "saliency": "How much the loss would change with the inputs themselves:",
    # all derivatives
    "raise_it": "raising it lowers the loss",
    "lower_it": "raising it raises the loss: lower it",
    "no_influence": "no influence here",
    "largest": (
        "The {n} largest; {left} more are not shown. They hold {share}% of the squared length of "
        'the gradient. Any one is told by its name: weight="{path}".'
    ),
    "letters_intro": (
        "Each factor is one stop of the way back; where a layer has several units, all ways are added."
    ),
    "full_intro": ("Opened down to the error, the weights and the inputs, as far as a formula can be read."),
    # update
    "update_intro": (
        "All gradients are computed first, then all parameters move at once ({optimizer}, η = {rate})."
    ),
    "memory_names": (
        "For each weight it remembers {names}; ′ marks the value after this update, and t is the number of "
        "the update."
    ),
    "memory_first": (
        "What the optimizer remembers has its first values here (zeros), as in its first update."
    ),
    "memory_given": "What the optimizer remembers is as it was given.",
    "clipped": "The gradients were limited before ({clip}); ĝ is what is left.",
    "loss_moved": "J {old} → {new}, a change of {change} (the gradient promised {promise}).",
    "promise_sgd": ("The promise is −η‖∇J‖² = {promise}: gradient times move, added up over all parameters."),
    "promise": "The promise is gradient times move, added up over all parameters: {promise}.",
    "curvature": (
        "The loss fell. The gap of {gap} ({percent}% of the promise) is curvature: the slope "
        "changes on the way."
    ),
    "too_far": (
        "The loss did not fall although the gradient promised it: the step was too long for the "
        "curvature here."
    ),
    "flat": "The gradient is 0: this step changes nothing.",
    # why is an early layer slower
    "shrinking_intro": (
        "The length ‖δ‖ of the signal, layer by layer on the way back, split exactly into two factors:"
    ),
    "split": (
        "Layer ({near}) → ({far}): {sent}; after the weights {arrived} (×{weights}); after the "
        "slopes {left} (×{slopes}); together ×{total}."
    ),
    "split_weights": "Layer ({near}) → ({far}): {sent}; after the weights {arrived} (×{weights}).",
    "lost_in_slopes": (
        "{percent}% are lost in the slopes of the curve: the vanishing gradient in its smallest form."
    ),
    "lost_in_weights": "{percent}% are lost in the weights.",
    "lost_of_slopes": "{percent}% are lost in the slopes of the curve.",
    "grew": "The signal grew by {percent}%.",
    # samples
    "samples_weighted": (
        "J is the weighted mean of {n} losses: each sample pulls with ω⁽ⁱ⁾/{sum} of its own gradient."
    ),
    "samples_intro": ("J is the mean of {n} losses, so each sample pulls with 1/{n} of its own gradient."),
    "opposite": (
        "Sample {i} and sample {j} pull {parameter} in opposite directions ({one} and {two}); the "
        "mean of all is {mean}."
    ),
    # matrices and pitfalls
    "matrices_intro": ("X has one row for each sample; ⊙ multiplies number by number; g is the activation."),
    "simultaneous": (
        "Moving a weight before the gradients of the others are known: all gradients first, then all moves."
    ),
    "one_over_n": "Losing the 1/n or the 1/2: the direction stays, the length of the step is wrong.",
    "z_for_a": "Using z where a belongs: the slope of a sigmoid is a(1 − a), not z(1 − z).",
    "forgotten_bias": (
        "Forgetting the bias: it is a weight whose input is always 1, so its gradient is δ itself."
    ),
    "sum_for_mean": "Adding over a batch instead of averaging: the step then grows with the batch.",
    "sign": "The sign of the update: against the gradient, w − η·∂J/∂w; with plus the loss rises.",
    # check and cautions
    "checked_all": (
        "Each of the {total} numbers was moved by ±{step} and the loss computed anew; the largest "
        "relative difference from the formula is {error}, at {where}."
    ),
    "checked_some": (
        "{n} of the {total} numbers, drawn by a fixed key, were moved by ±{step} and the loss "
        "computed anew; the largest relative difference from the formula is {error}, at {where}."
    ),
    "check_differs": (
        "The formula says {analytic}, the small step {numeric}. Near a corner (relu at 0) or a "
        "very flat place the two rightly differ; elsewhere it is a fault."
    ),
    "saturated": (
        "{n} of {total} values of {where} ({percent}%) lie where the curve is flatter than "
        "{limit}: saturated units hardly let a signal back."
    ),
    "silent": (
        "{n} of {total} values of {where} ({percent}%) are switched off: nothing comes back through them."
    ),
    "tiny": ("The whole gradient has a length of only {length}: this sample teaches next to nothing now."),
    "given_not_finite": "The given {where} is {value}; nothing can be derived from it.",
    "arose_not_finite": "The first one arose in {op} ({word}), layer {path}, at {index}: {value}.",
    "from_numbers": "It came from {formula} = {numbers}.",
    # depth 1
    "stop_forward": "{layer}: {n_in} in, {n_out} out ({name}); largest {most} at unit {unit}.",
    "the_answer": "answer",
    "stop_class": "Wanted {wanted}, given the probability {answer}: loss {loss}.",
    "stop_places": "Wanted, with the probability given to it: {told}: loss {loss}.",
    "stop_loss": "Wanted {wanted}, got {answer}: loss {loss}.",
    "stop_backward": (
        "{name}: gradient {gradient}; raising it by {step} would change the loss by about {change}."
    ),
    "stop_update": "{name}: {old} → {new} (moved {move}, {part} of its size).",
    # the ledger of a weight
    "weight_is": "{name} is {symbol} = {value}, one number of a parameter of shape {shape}.",
    "weight_meaning": "Its derivative is {gradient}: {meaning}.",
    "chain_intro": (
        "Stop by stop from the answer back to the weight; where many ways lead on, the three that "
        "weigh most are followed."
    ),
    "chain_intro_short": (
        "Stop by stop from the answer back to the weight; where many ways lead on, only the one that weighs "
        "most is followed, and the three that do are listed."
    ),
    "residual": (
        "The formula alone gives {value}; relative difference from the stored gradient: {residual}."
    ),
    "contributors": "That sum has {n} terms, {total} in all; the {k} largest make {shown}:",
    "ways": "All ways from the loss",
    "ways_intro": "Each way is one product of factors; the derivative is the sum of all.",
    "ways_count": "There are {n} ways, {total} in all; the {k} largest make {shown}",
    "ways_share": " ({percent}%).",
    "way": "way",
    "contribution": "contribution",
    "if": "if",
    "else": "else",
    "weight_checked": (
        "By the chain {analytic}, by a step of ±{step} {numeric}: relative difference {error}."
    ),
    "frozen": "This parameter is frozen: it does not move.",
    "weight_moves_up": (
        "It moves up by {change}; by its own part of the gradient the loss changes by {promise}."
    ),
    "weight_moves_down": (
        "It moves down by {change}; by its own part of the gradient the loss changes by {promise}."
    ),
    "weight_stays": "It stays where it is.",
    "weight_share": "That is {percent}% of what the whole step promises.",
    # where the time of a training step goes
    "profile_title": "Where the time of a training step goes",
    "profile_layers": "Stages and layers",
    "profile_steps": "Whole steps",
    "profile_kernels": "Kernels, in the order in which they run",
    "profile_whole": "A batch of {batch}.",
    "profile_divided": "A batch of {batch} in {parts} parts of up to {rows} samples, {lanes} at a time.",
    "profile_given": "Taken from {steps} steps on the {rows} rows given, on a copy of the model.",
    "profile_made_up": "Taken from {steps} steps on {rows} random rows of its form, on a copy of the model.",
    "profile_peak": "One core at most: {flops} (a large product of matrices), {bytes} (a large copy).",
    "profile_cached": "More than 100% of a copy: the numbers were still in the cache.",
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
    "profile_against": "against the line above",
    "profile_all": "all kernels",
    "profile_alone": "a step, 1 thread",
    "profile_together": "a step, {threads} threads",
    "profile_loss": "(loss)",
    "profile_optimizer": "(optimizer)",
    "stage_gather": "gather",
    "stage_forward": "forward",
    "stage_backward": "backward",
    "stage_join": "join",
    "stage_update": "update",
}
