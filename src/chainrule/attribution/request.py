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
from chainrule.attribution.score import EXPLAINED, OFFSET, WEIGHTS, Score, score_of
from chainrule.data.sequences.spectrogram_and_griffin_lim import SoundInput
from chainrule.errors import TrainingError, alternatives, fact, nearest
from chainrule.notation import number
from chainrule.records import frozen
from chainrule.symbolic_shape import bound, shape_text
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.evaluation.rows import NetworkRows, encode_rows
from chainrule.train.inputs import tabular
from chainrule.train.inputs.target import Target, by_output
from chainrule.validation import choice, language, random_seed, refuse_unknown

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

# The target of an attribution: from a class, index or position to weights on the elements of an output.


@frozen(eq=False)
class SelectedTarget:
    """The explained score of each sample.

    Args:
        score: the score as a graph.
        score_inputs: its inputs for each sample; see ``AttributionContext``.
        names: the name of the explained target of each sample.
    """

    score: Score
    score_inputs: dict[str, np.ndarray]
    names: tuple[Any, ...]


def select_target(
    model: ModelState, inputs: dict[str, np.ndarray], target: Any, y: Any, output: Any, explains: Any
) -> SelectedTarget:
    """Select what is explained of each sample.

    Args:
        target: a class, or the index of an element of the output; one for all samples or a list with one for
            each; for a sequence ``(position, class)``. Default: the most likely class, at the last position.
        y: the targets of the samples, if the loss is explained.
        output: the name of the output; the first by default.
        explains: one of ``EXPLAINED``; by default the logit of a classifier and the value of other models.

    Raises:
        UsageError E101: unknown output or score. TrainingError E544: unknown class, index or position.
    """
    assert model.network is not None
    output = choice(output or next(iter(model.targets)), model.targets, "output", "attribute")
    task = model.targets[output]
    is_classes = task.loss.task == "classification"
    default = "loss" if y is not None and target is None and explains is None else "logit"
    default = default if is_classes or default == "loss" else "value"
    known = EXPLAINED if is_classes else ("loss", "value")
    explains = choice(explains or default, known, "explains", "attribute")
    score, rows = score_of(model.network, output, explains), len(next(iter(inputs.values())))
    if explains == "loss":
        targets = _encoded_targets(model, y, rows)
        return SelectedTarget(score, targets, _labels(task, next(iter(targets.values()))))
    return _weighted(model, score, inputs, target, rows)


def _labels(task: Target, coded: np.ndarray) -> tuple[Any, ...]:
    """Return the targets of the samples as labels."""
    if task.is_single and task.labels:
        return tuple(task.labels[int(number)] for number in coded.reshape(len(coded)))
    return tuple(_plain(row.reshape(-1)[0]) if row.size == 1 else "targets" for row in coded)


def _encoded_targets(model: ModelState, y: Any, rows: int) -> dict[str, np.ndarray]:
    """Return the targets in the form that the loss expects, by the names of its inputs."""
    assert model.network is not None
    targets = y
    if y is not None and not isinstance(y, dict):
        targets = np.asarray(y)
        targets = targets[None] if targets.ndim == 0 else targets
        if model.preparation is not None and model.preparation.task == "regression":
            targets = (targets - model.preparation.target_mean) / model.preparation.target_std
    parts = by_output(model.targets, targets)
    coded = {
        model.network.target_names[name]: target.encode(parts[name])
        if name in parts
        else target.placeholder(rows)
        for name, target in model.targets.items()
    }
    short = [name for name, array in coded.items() if len(array) != rows]
    if short:
        expected = fact("{rows} targets", rows=rows)
        received = f"{len(coded[short[0]])}"
        raise TrainingError("E504", where="attribute, y", expected=expected, received=received)
    return coded


def _weighted(
    model: ModelState, score: Score, inputs: dict[str, np.ndarray], target: Any, rows: int
) -> SelectedTarget:
    """Return the weights that select one element of the output of each sample."""
    task, (_, numbers) = model.targets[score.output], bound((0, *score.flat_output.shape[1:]))
    targets = (
        _default_targets(model, task, score.output, inputs) if target is None else _per_sample(target, rows)
    )
    weights, offset = np.zeros((rows, numbers)), np.zeros(rows)
    preparation = model.preparation
    scale, shift = 1.0, 0.0
    if preparation is not None and preparation.task == "regression":
        scale, shift = preparation.target_std, preparation.target_mean  # in the units of the table's column
    for i, one in enumerate(targets):
        at, sign = _locate(task, one, numbers)
        weights[i, at] = sign * scale
        offset[i] = shift + (1.0 if sign < 0 and score.explains == "probability" else 0.0)
    score_inputs = {WEIGHTS: weights.astype(model.recipe.dtype), OFFSET: offset.astype(model.recipe.dtype)}
    column = preparation.target if preparation is not None and score.explains == "value" else ""
    return SelectedTarget(score, score_inputs, tuple(column or _target_name(one) for one in targets))


def _per_sample(target: Any, rows: int) -> list[Any]:
    if not isinstance(target, list) and not (isinstance(target, np.ndarray) and target.ndim):
        return [_plain(target)] * rows
    if len(target) != rows:
        expected = fact("{rows} targets, one for each sample", rows=rows)
        received = str(len(target))
        fix = fact("target=None: the prediction of the model")
        raise TrainingError("E544", where="attribute, target", expected=expected, received=received, fix=fix)
    return [_plain(one) for one in target]


def _default_targets(
    model: ModelState, task: Target, output: str, inputs: dict[str, np.ndarray]
) -> list[Any]:
    """Return the predicted class of each sample, at the last position; the index of a single value."""
    output_values = predictions(model, inputs, "prediction")[output]
    if task.is_classes:
        decided = task.decode(output_values)
        last = tuple(n - 1 for n in decided.shape[1:])
        labels = [_plain(decided[(i, *last)]) for i in range(len(decided))]
        return [(*last, label) for label in labels] if last else labels
    flat = output_values.reshape(len(output_values), -1)
    if flat.shape[1] > 1 and task.loss.task != "classification":
        expected = fact("a number of the output, from 0 to {last}", last=flat.shape[1] - 1)
        raise TrainingError(
            "E544", where="attribute, target", expected=expected, received=fact("none"), fix="target=0"
        )
    return flat.argmax(1).tolist()


def _locate(task: Target, one: Any, numbers: int) -> tuple[int, int]:
    """Return the index of the element of the output that a target selects, and its sign.

    Raises:
        TrainingError E544: unknown class, index or position.
    """
    if not task.is_classes:
        if isinstance(one, bool) or not isinstance(one, int) or not 0 <= one < numbers:
            raise _no_target(fact("an integer from 0 to {last}", last=numbers - 1), one, "target=0")
        return one, 1
    inside = bound(task.output.shape[1:-1]) if task.scores > 1 else ()
    place, label = (), one
    if inside:
        fits = isinstance(one, tuple) and len(one) == len(inside) + 1
        place, label = (one[:-1], one[-1]) if fits else ((), one)
        if not fits or not all(type(p) is int and 0 <= p < n for p, n in zip(place, inside, strict=True)):
            last, label = ", ".join(str(n - 1) for n in inside), _class_labels(task)[0]
            fix = alternatives(f"target=({last}, {label!r})", f"--target {last.replace(' ', '')},{label}")
            raise _no_target(fact("(position, class): a position up to ({last})", last=last), one, fix)
    labels = _class_labels(task)
    texts = [str(known) for known in labels]
    if label not in labels and str(label) not in texts:
        close = nearest(str(label), texts) or texts[0]
        raise _no_target(fact("a class: {names}", names=", ".join(texts[:20])), one, f"target={close!r}")
    number = labels.index(label) if label in labels else texts.index(str(label))
    if task.max_classes != task.scores:  # one logit for two classes
        return 0, 1 if number == 1 else -1
    return int(np.ravel_multi_index((*place, number), (*inside, task.scores))), 1


def _class_labels(task: Target) -> tuple[Any, ...]:
    """Return the classes; their indices if they have no labels yet."""
    return task.labels or tuple(range(task.max_classes))


def _no_target(expected: str, received: Any, fix: str) -> TrainingError:
    return TrainingError(
        "E544", where="attribute, target", expected=expected, received=repr(received)[:80], fix=fix
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _target_name(one: Any) -> Any:
    if isinstance(one, tuple):
        return f"{one[-1]} at {', '.join(map(str, one[:-1]))}"
    return one


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
    """Return the cells of the first rows of a table; empty for arrays."""
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
    """Return the rows to compare with, by input."""
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
        card.name,
        result.values,
        selected.score.explains,
        selected.names,
        scores,
        _readable(context),
        result.base,
        context.baseline,
        residual,
        tolerance,
        result.errors,
        columns,
        cells or _own_cells(context),
        _words(context),
        _positions(context),
        settings=result.settings,
        seed=context.seed,
    )


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


def _positions(context: AttributionContext) -> tuple[tuple[str, ...], ...]:
    """Return the times and the frequencies of the spectrograms of a model of sounds."""
    reader = SoundInput.from_record(context.model.facts.get("sound"))
    array = next(iter(context.inputs.values()))
    if reader is None or array.ndim != 4 or array.shape[2] != reader.spectrogram.n_mels:
        return ()
    return reader.spectrogram.places(array.shape[1])


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
