"""The entry point of attributions: encode rows, select the target, run the method, check the sum of the
values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.attribution.context import AttributionContext
from chainrule.attribution.method import METHODS, Method, MethodResult, sum_error
from chainrule.attribution.target import SelectedTarget, select_target
from chainrule.errors import TrainingError, alternatives, fact
from chainrule.notation import number
from chainrule.spec import shape_text
from chainrule.train.evaluation.rows import NetworkRows, encode_rows
from chainrule.train.inputs import tabular
from chainrule.validation import choice, language, random_seed, refuse_unknown

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

COMMON = ("explains", "output", "seed", "strict", "lang")
MAX_PARTS = 100  # of an input whose Shapley values are suggested: sampling takes a prediction for each part
MAX_CELLS = 100  # rows of a table whose cells are stored with their values


def attribute(
    model: ModelState,
    x: Any,
    method: str = "integrated_gradients",
    target: Any = None,
    y: Any = None,
    baseline: Any = None,
    **options: Any,
) -> Attribution:
    """Return the contribution of each input to a prediction; see ``Model.attribute``."""
    card = known_method(method)
    refuse_unknown(f"attribute, {method}", options, (*card.options, *COMMON))
    lang = language(options.get("lang"), "attribute")
    context, selected, rows = build_context(model, x, target, y, baseline, options)
    own = {name: value for name, value in options.items() if name in card.options}
    attribution = _attribution(card, context, card.run(context, **own), selected, _cells(rows))
    fixed = tuple(name for name, value in own.items() if value is not None)
    attribution = replace(attribution, lang=lang, fixed=fixed)
    if options.get("strict", True):
        require_sum(attribution)
    return attribution


def build_context(
    model: ModelState, x: Any, target: Any, y: Any, baseline: Any, options: Mapping[str, Any]
) -> tuple[AttributionContext, SelectedTarget, NetworkRows]:
    """Encode the rows and select the target, for any method.

    Args:
        model: the model.
        x, target, y, baseline: as in ``Model.attribute``.
        options: of which ``explains``, ``output`` and ``seed`` are used.

    Returns:
        The input of the methods, the selected target and the encoded rows.

    Raises:
        TrainingError E503: the model has not been trained. E542, E544: see ``Model.attribute``.
    """
    rows = encode_rows(model, x, "attribute")
    model = rows.model
    selected = select_target(model, rows.x, target, y, options.get("output"), options.get("explains"))
    baseline_rows = None if baseline is None else _baseline(model, baseline, rows.x)
    columns = feature_columns(model)
    seed = random_seed(options.get("seed", 0), "attribute")
    context = AttributionContext(
        model, selected.score, rows.x, selected.score_inputs, baseline_rows, seed, columns
    )
    return context, selected, rows


def known_method(name: str) -> Method:
    """Return a method by name.

    Raises:
        UsageError E101: there is no such method; the message suggests the nearest name.
    """
    choice(name, METHODS, "method", "attribute", example="integrated_gradients")
    return METHODS[name]


def _cells(rows: NetworkRows) -> tuple[dict[str, str], ...]:
    """The cells of the first rows of a table; empty for arrays."""
    preparation = rows.model.preparation
    if rows.table is None or preparation is None or not feature_columns(rows.model):
        return ()
    first = range(min(rows.table.rows, MAX_CELLS))
    return tuple({cell.column: cell.raw or "–" for cell in preparation.cells(rows.table, i)} for i in first)


def feature_columns(model: ModelState) -> tuple[str, ...]:
    """Return the column of each feature, of a table or a data frame; empty for arrays."""
    prepared = model.preparation
    if prepared is None or len(prepared.shape) != 1:
        return model.feature_names if prepared is None else ()
    return tuple(feature.column for feature in prepared.features)


def _baseline(model: ModelState, baseline: Any, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the rows to compare with, by input.

    Raises:
        TrainingError E542: a baseline of another shape; all mismatches are listed.
    """
    if model.preparation is not None and tabular.is_table(baseline, None):
        return encode_rows(model, baseline, "attribute").x
    parts = baseline if isinstance(baseline, Mapping) else {next(iter(inputs)): baseline}
    unknown = [str(name) for name in parts if name not in inputs]
    arrays, wrong = {}, [fact('"{name}" is no input', name=name) for name in unknown]
    for name, part in parts.items():
        if name in unknown:
            continue
        array, shape = np.asarray(part), inputs[name].shape[1:]
        if array.ndim == 0 and array.dtype.kind in "fiub":
            array = np.full(shape, array)
        array = array[None] if array.ndim == len(shape) else array
        if array.shape[1:] != shape or array.dtype.kind not in "fiub" or not len(array):
            wrong.append(
                fact(
                    "{name}: {dtype} {received}, not (k, {shape})",
                    name=name,
                    dtype=array.dtype.name,
                    received=shape_text(array.shape),
                    shape=shape,
                )
            )
            continue
        arrays[name] = array.astype(inputs[name].dtype)
    if len({len(array) for array in arrays.values()}) > 1:
        wrong.append(fact("inputs with as many rows each"))
    if wrong:
        expected = "; ".join(f"{name} {shape_text(array.shape[1:])}" for name, array in inputs.items())
        raise TrainingError(
            "E542",
            where="attribute, baseline",
            expected=fact("a number, a sample or samples: {shapes}", shapes=expected),
            received=wrong[0],
            notes=wrong[1:],
            fix="baseline=0.0",
        )
    return arrays


def _attribution(
    card: Method,
    context: AttributionContext,
    result: MethodResult,
    selected: SelectedTarget,
    cells: tuple[dict[str, str], ...],
) -> Attribution:
    """Return the attribution with the error of the sum of its values."""
    residual = tolerance = None
    scores = context.sample_scores
    if card.complete and result.base is not None:
        residual, tolerance = sum_error(result.values, scores, result.base, result.tolerance)
    columns = result.columns if result.columns is not None else context.columns
    return Attribution(
        card.name, result.values, selected.score.explains, selected.names, scores, _readable(context),
        result.base, context.baseline, residual, tolerance, result.errors, columns,
        cells or _own_cells(context), _words(context), settings=result.settings, seed=context.seed,
    )  # fmt: skip


def _readable(context: AttributionContext) -> dict[str, np.ndarray]:
    """Return the inputs, tokens as integers."""
    own = context.score.network.inference.inputs
    entries = context.score.entries
    words = {name for name, nodes in entries.items() if nodes[0] is not own[name]}
    return {n: a.astype(np.int64) if n in words else a for n, a in context.inputs.items()}


def _own_cells(context: AttributionContext) -> tuple[dict[str, str], ...]:
    """Return the cells by column for rows passed as numbers: those of columns with a single feature."""
    if not context.columns:
        return ()
    (array,) = context.inputs.values()
    alone = [i for i, name in enumerate(context.columns) if context.columns.count(name) == 1]
    return tuple({context.columns[i]: number(row[i]) for i in alone} for row in array[:MAX_CELLS])


def _words(context: AttributionContext) -> tuple[tuple[str, ...], ...]:
    """Return the tokens of a text by position."""
    name = next(iter(context.inputs))
    tokenizers = context.model.tokenizers
    tokenizer = tokenizers.get(name) or tokenizers.get("")
    array = context.inputs[name]
    if tokenizer is None or array.ndim != 2:
        return ()
    # a token of byte pairs is decoded to text; special tokens have no text
    texts = {i: tokenizer.decode([i]) or tokenizer.tokens[i] for i in map(int, set(array.flat))}
    return tuple(tuple(texts[int(i)] for i in row) for row in array)


def require_sum(attribution: Attribution) -> None:
    """Require that the values of an attribution sum to the explained difference.

    Raises:
        TrainingError E540: they do not; the message has the error, the sample and possible fixes.
    """
    if attribution.residual is None or attribution.tolerance is None:
        return
    is_off = ~(np.abs(attribution.residual) <= attribution.tolerance)  # NaN fails the comparison
    if not is_off.any():
        return
    worst = int(np.argmax(np.where(is_off, np.nan_to_num(np.abs(attribution.residual), nan=np.inf), -1.0)))
    chosen = next((name for name in ("steps", "samples") if name in attribution.fixed), "")
    more = (
        fact("no fixed {name}", name=chosen)
        if chosen
        else f"tolerance={10 * attribution.settings['tolerance']:g}"
        if "tolerance" in attribution.settings
        else 'method="integrated_gradients"'
    )
    parts = sum(values[0].size for values in attribution.values.values())
    other = "shapley" if parts <= MAX_PARTS else "occlusion"
    raise TrainingError(
        "E540",
        where=fact("attribute, {method}, sample {number}", method=attribution.method, number=worst),
        method=attribution.method,
        expected=fact("at most {limit:.3g}", limit=attribution.tolerance[worst]),
        received=f"{attribution.residual[worst]:.3g}",
        notes=[
            fact(
                "{count} of {rows} samples; strict=False returns the values without this check",
                count=int(is_off.sum()),
                rows=attribution.rows,
            )
        ],
        fix=alternatives(more, fact("another baseline"), f'method="{other}"'),
    )
