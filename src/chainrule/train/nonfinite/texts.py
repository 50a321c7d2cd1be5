"""The sentences of the report, and the remedy for each cause as a line of code."""

from __future__ import annotations

from chainrule.messages import Texts

WORDS: Texts = {
    "step": "step {step} (epoch {epoch}, batch {batch})",
    "prediction": "prediction",
    "forward": "forward",
    "backward": "backward",
    "update": "update",
    "operation": "{op} in {place}",
    "loss": "the loss",
    "optimizer": "the optimizer",
    "result": "value",
    "rows": "rows",
    "inputs": "inputs",
    "cause": "cause",
    "try": "try",
    "weights": "weights",
    "value": "{value} at {index}; {count} of {size} values are not finite",
    "at_time": ", at index {time} of the sequence",
    "native": ", in compiled code only: NumPy rounds it to a finite number",
    "own_rows": "{rows}{more} of the data",
    "dominant_rows": "this operation combines all samples; {rows}{more} of the data contribute most",
    "more": " and {more} more",
    "largest_of": "the largest of {count} values: ",
    "row": " (row {row})",
    "columns": "step|loss|learning rate|largest value|gradient|weights",
    "then": "; ",
    "comma": ", ",
    "beside": ", ",
}

CAUSES: Texts = {
    "log_zero": "log of 0",
    "log_negative": "log of a negative number, {argument:.6g}",
    "zero_by_zero": "0 divided by 0",
    "division_by_zero": "division by 0",
    "sqrt_derivative": "division by 0: the derivative of a square root at 0 is infinite",
    "sqrt_negative": "square root of a negative number, {argument:.6g}",
    "exp_overflow": "exp overflow: the largest argument is {argument:.6g}, the limit is {limit:.4g}",
    "power_of_zero": "0 to the power of {exponent:.6g}",
    "power_of_negative": "a negative number, {base:.6g}, to the fractional power of {exponent:.6g}",
    "overflow_power": "overflow of a power: {base:.6g} to the power of {exponent:.6g}",
    "overflow_product": "overflow of a product: more than {limit:.3g}",
    "overflow_sum": "overflow of a sum: more than {limit:.3g}",
    "overflow_quotient": "overflow of a quotient: {numerator:.6g} / {denominator:.6g}",
    "cast": "overflow of a conversion: the maximum of {kind} is {limit:.3g}",
    "all_masked": "softmax of a fully masked row: every score is minus infinity",
    "constant_infinity": "an infinite constant of the network reaches the result",
    "zero_times_infinity": "0 times infinity",
    "infinity_minus_infinity": "infinity minus infinity",
    "nonfinite_weight": "{name} contained NaN or infinity before the step",
    "nonfinite_state": "the running statistic {name} contained NaN or infinity before the step",
    "nonfinite_slot": "the optimizer state {name} contained NaN or infinity before the step",
    "nonfinite_data": "the data {name} contain NaN or infinity",
    "data_outlier": "row {row} of {name} contains {value:.6g}, far larger than the other values",
    "loss_grew": (
        "the learning rate {learning_rate:.4g} is too large: the loss grew by a factor of {factor:.3g} "
        "(steps: {steps})"
    ),
    "weights_grew": (
        "the learning rate {learning_rate:.4g} is too large: the weights grew by a factor of "
        "{factor:.3g} (steps: {steps})"
    ),
    "large_learning_rate": "the learning rate {learning_rate:.4g} is too large",
    "large_weight": "{name} contains {value:.6g}, far larger than the weights of a trained network",
}

REMEDIES: dict[str, str] = {
    "log_zero": "cr.log(cr.maximum(x, 1e-7))",
    "log_negative": "cr.log(cr.maximum(x, 1e-7))",
    "zero_by_zero": "x / cr.maximum(d, 1e-7)",
    "division_by_zero": "x / cr.maximum(d, 1e-7)",
    "sqrt_derivative": "cr.sqrt(x + 1e-12)",
    "sqrt_negative": "cr.sqrt(cr.maximum(x, 1e-12))",
    "exp_overflow": "cr.exp(cr.minimum(x, 80.0))",
    "power_of_zero": "cr.maximum(x, 1e-7) ** p",
    "power_of_negative": "cr.maximum(x, 1e-7) ** p",
    "overflow_power": "cr.minimum(x, 1e3) ** p",
    "overflow_product": "clip=cr.ClipGlobalNorm(1.0)",
    "overflow_sum": "clip=cr.ClipGlobalNorm(1.0)",
    "overflow_quotient": "x / cr.maximum(d, 1e-7)",
    "cast": 'dtype="float64"',
    "all_masked": "cr.where(mask, scores, -1e9), or at least one unmasked position in every row",
    "constant_infinity": "cr.where(mask, scores, -1e9)",
    "zero_times_infinity": "cr.where(mask, x, 0.0) before the product",
    "infinity_minus_infinity": "cr.where(mask, scores, -1e9)",
    "nonfinite_weight": 'assert np.isfinite(values["{name}"]).all()  # the argument of load_parameters',
    "nonfinite_state": 'assert np.isfinite(model.states()["{name}"]).all()',
    "nonfinite_slot": "resume=False, which resets the optimizer state",
    "nonfinite_data": "keep = np.isfinite(x).all(axis=1); x, y = x[keep], y[keep]",
    "data_outlier": "x = (x - x.mean(0)) / x.std(0), after checking row {row}",
    "loss_grew": "optimizer=cr.{optimizer}({learning_rate})",
    "weights_grew": "optimizer=cr.{optimizer}({learning_rate})",
    "large_learning_rate": "optimizer=cr.{optimizer}({learning_rate})",
    "large_weight": "penalty=cr.L2(1e-4), after checking how {name} was set",
}
ALTERNATIVES = {"loss_grew": "clip=cr.ClipGlobalNorm(1.0)", "weights_grew": "clip=cr.ClipGlobalNorm(1.0)"}
"""Another remedy of some causes."""
