"""The report as text in English or Chinese: one line, a summary, or all details."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from chainrule.errors import Message, alternatives, fact, join_facts
from chainrule.messages import Texts, in_language

if TYPE_CHECKING:
    from chainrule.train.nonfinite.record import InputValue, NonfiniteReport, StepStatistics

MAX_INPUTS, MAX_ROWS = 3, 10  # at depth 2; unlimited at depth 3


def report_lines(report: NonfiniteReport, lang: str = "en", depth: int = 2) -> list[str]:
    """Return the report as lines of text.

    Args:
        report: the report.
        lang: ``"en"`` or ``"zh"``.
        depth: 0 for the cause alone; 1 for location, cause and remedy; 2 also for value, rows, inputs and the
            last steps; 3 for all rows, all inputs and the weights of every layer.
    """
    words, cause = in_language(WORDS, lang), cause_of(report).render(lang)
    if depth == 0:
        return [cause]
    rows = [(words["cause"], cause)]
    if depth > 1:
        max_rows, max_inputs = (MAX_ROWS, MAX_INPUTS) if depth == 2 else (None, None)
        rows = [(words["result"], _value(report, lang)), *_rows(report, lang, max_rows)]
        if report.inputs:
            rows.append((words["inputs"], _inputs(report, lang, max_inputs)))
        rows.append((words["cause"], cause))
    rows.append((words["try"], report.remedy.render(lang)))
    lines = [headline(report).render(lang), *_aligned(rows)]
    steps = report.recent_steps
    if depth > 1 and steps:
        lines += ["", *_table(_steps(steps, lang))]
    if depth > 2 and steps and steps[-1].weights:
        weights = [(path, _figure(value)) for path, value in steps[-1].weights.items()]
        lines += ["", words["weights"], *_table(weights)]
    return lines


def cause_of(report: NonfiniteReport) -> Message:
    """Return the causes, from the first to the root cause, as one line."""
    return join_facts("; ", (fact(CAUSES[cause.key], **cause.facts) for cause in report.causes))


def remedy_of(report: NonfiniteReport) -> Message:
    """Return a line of code that addresses the last cause, which is the root cause if there is one."""
    key, facts = report.causes[-1].key, report.causes[-1].facts
    growth = float(facts.get("factor", 0.0)) ** (1 / max(1, int(facts.get("steps", 1))))
    growth = math.sqrt(growth) if key == "loss_grew" else growth  # of the weights: the loss grows as a square
    lower = stable_rate(float(facts.get("learning_rate", 0.0)), growth)
    remedy = fact(REMEDIES[key], **{**facts, "learning_rate": f"{lower:g}", "optimizer": report.optimizer})
    return alternatives(remedy, ALTERNATIVES[key]) if key in ALTERNATIVES else remedy


def stable_rate(learning_rate: float, growth: float) -> float:
    """Return a learning rate at which the weights do not grow, rounded to one digit.

    Where a step multiplies the distance to a minimum by 1 - r c, for a learning rate r and a curvature c, the
    growth is r c - 1. The rate 1 / c reaches the minimum in one step.

    Args:
        learning_rate: the rate at which they grow.
        growth: the factor of each step.

    Example:
        >>> stable_rate(50.0, 39.0), stable_rate(0.5, 2.0)
        (1.0, 0.05)
    """
    return float(f"{min(learning_rate / 10, learning_rate / (1 + growth)):.0e}")


def headline(report: NonfiniteReport) -> Message:
    """Return step, phase, operation and layer in one line."""
    step = _word("step", step=report.step, epoch=report.epoch, batch=report.batch)
    place = _word("operation", op=report.op, place=layer_text(report))
    return join_facts(
        ", ", [step if report.step else _word("prediction"), _word(report.phase), place], "beside"
    )


def _word(key: str, **values: object) -> Message:
    return Message(WORDS[key], values, key)


def layer_text(report: NonfiniteReport) -> str:
    """Return the layer in the notation of errors, or ``the loss`` or ``the optimizer``."""
    if not report.kind:
        return _word(report.layer) if report.layer in WORDS else report.layer
    layer = f'{report.kind} "{report.layer}"'
    return f"{layer} ({report.place})" if report.place else layer


def _value(report: NonfiniteReport, lang: str) -> str:
    words = in_language(WORDS, lang)
    text = words["value"].format(
        value=_figure(report.value), index=_index(report.index), count=report.count, size=report.size
    )
    text += words["at_time"].format(time=report.time) if report.time >= 0 else ""
    text += words["native"] if report.engine == "native" else ""
    return text + (words["bfloat16"] if report.precision == "bfloat16" else "")


def _rows(report: NonfiniteReport, lang: str, limit: int | None) -> list[tuple[str, str]]:
    words = in_language(WORDS, lang)
    key, rows = ("own_rows", report.rows) if report.rows else ("dominant_rows", report.dominant_rows)
    if not rows:
        return []
    text = words["comma"].join(map(str, rows[:limit]))
    more = words["more"].format(more=len(rows) - limit) if limit is not None and len(rows) > limit else ""
    return [(words["rows"], words[key].format(rows=text, more=more))]


def _inputs(report: NonfiniteReport, lang: str, limit: int | None) -> str:
    words = in_language(WORDS, lang)
    texts = [_input(value, lang) for value in report.inputs[:limit]]
    total = report.input_count
    prefix = words["largest_of"].format(count=total) if total > len(texts) else ""
    return prefix + words["comma"].join(texts)


def _input(value: InputValue, lang: str) -> str:
    row = in_language(WORDS, lang)["row"].format(row=value.row) if value.row >= 0 else ""
    return f"{value.name}{_bracketed(value.index)} = {_figure(value.value)}{row}"


def _steps(steps: Sequence[StepStatistics], lang: str) -> list[tuple[str, ...]]:
    """Return the last steps as rows of a table, after its header."""
    header = tuple(in_language(WORDS, lang)["columns"].split("|"))
    norms = [math.hypot(*step.weights.values()) if step.weights else math.nan for step in steps]
    rows = [header]
    for step, norm in zip(steps, norms, strict=True):
        measured = (_figure(step.loss), _figure(step.learning_rate))
        sizes = (_figure(size, "-") for size in (step.largest, step.gradient, norm))
        rows.append((str(step.step), *measured, *sizes))
    return rows


def _figure(value: float, unknown: str = "nan") -> str:
    return unknown if math.isnan(value) else f"{value:.6g}"


def _index(index: Sequence[int]) -> str:
    return f"({', '.join(map(str, index))})"


def _bracketed(index: Sequence[int]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return labels and texts in two columns."""
    width = max(_width(label) for label, _ in rows)
    return [f"  {label}{' ' * (width - _width(label))}  {text}" for label, text in rows]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of right-aligned columns."""
    widths = [max(_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(" " * (w - _width(cell)) + cell for cell, w in zip(row, widths, strict=True))
        for row in rows
    ]


def _width(text: str) -> int:
    """Return the width in columns of a terminal; a Chinese character takes two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


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
    "bfloat16": "; the training rounded the factors to bfloat16, the values here are not rounded",
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
