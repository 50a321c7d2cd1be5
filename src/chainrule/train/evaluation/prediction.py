"""Predictions and activations of a model.

The rows are processed in blocks, so that the memory does not grow with their number, except where a layer
makes them depend on each other: these are computed together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.data.tables.encoded_rows import EncodedRows
from chainrule.engines.dispatch import Program
from chainrule.errors import TrainingError, fact
from chainrule.graph import Graph, Node
from chainrule.nn.scope import outline
from chainrule.settings import settings
from chainrule.symbolic_shape import bound
from chainrule.train import nonfinite
from chainrule.train.evaluation.rows import encode_rows
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.memory import couples_rows_of, refuse_memory_error, rows_per_block
from chainrule.train.nonfinite.finite_check import is_finite
from chainrule.validation import out_of_range, unknown

# An array, or for several outputs a dict of arrays by name. A type checker cannot know the number of outputs:
# with ``| Any`` it accepts the use of either one.
ByOutput: TypeAlias = "np.ndarray | Any"
APART = 64  # rows that are computed together where the bits of a row must not depend on the others


def raw_outputs(model: ModelState, x: Any) -> ByOutput:
    """Return the network's outputs for these inputs; see ``chainrule.Model.__call__``."""
    outputs = _plain_outputs(model, x)
    if outputs is not None:
        return outputs
    rows = encode_rows(model, x, may_be_empty=True)
    return unwrap_single(predictions(rows.model, rows.x, "raw"))


def _plain_outputs(model: ModelState, x: Any) -> np.ndarray | None:
    """Return the outputs for rows that need no preparation and are one block; ``None`` for others.

    It takes a few microseconds, the other path several times as many.
    """
    plain = model.plain_rows
    if plain is None or model.network is None or not plain.takes(x):
        return None
    program = model.network.prediction_program
    if len(x) > 1 and rows_per_block(program, len(x)) < len(x):
        return None
    try:
        results = program.run({**model.arrays, plain.name: x}, fixed=model.is_fixed)
    except MemoryError:
        return None  # the other path computes smaller blocks, or reports it
    outputs = results[f"raw.{plain.output}"]
    if not (is_finite(outputs) and plain.were_finite(results)):
        return None
    return outputs if outputs.base is None and outputs is not x else outputs.copy()


def predict(model: ModelState, x: Any, is_apart: bool = False) -> ByOutput:
    """Return labels or values for these inputs; see ``chainrule.Model.predict``.

    Args:
        is_apart: whether the bits of a row must not depend on the other rows.
    """
    return _decided(model, _predicted(model, x, is_apart))


def predict_proba(model: ModelState, x: Any) -> ByOutput:
    """Return the probability of each class (E507: values); see ``chainrule.Model.predict_proba``."""
    _require_classes(model)
    return _probabilities(model, _predicted(model, x))


def predict_with_probabilities(
    model: ModelState, x: Any, is_apart: bool = False
) -> tuple[ByOutput, ByOutput]:
    """Return the results of ``predict`` and ``predict_proba`` from one pass over the rows.

    Of several outputs, the probabilities are those of the outputs with classes (E507: none), by name.

    Args:
        is_apart: as of ``predict``.
    """
    classes = [n for n, target in model.targets.items() if target.loss.task == "classification"]
    if not classes:
        _require_classes(model)
    predicted = _predicted(model, x, is_apart)
    if len(predicted) == 1:
        ((name, values),) = predicted.items()
        target = model.targets[name]
        probabilities = target.probabilities(values)
        if target.is_classes:
            return target.most_probable(probabilities), probabilities
        return _decided(model, predicted), probabilities
    return _decided(model, predicted), {n: model.targets[n].probabilities(predicted[n]) for n in classes}


def predict_apart(model: ModelState, x: Any, proba: bool) -> tuple[ByOutput, ByOutput | None]:
    """Return what ``predict`` and, with ``proba``, ``predict_proba`` return for the rows of a frame.

    The bits of a row do not depend on the other rows. Of several outputs, those without classes have no
    probabilities.

    Raises:
        TrainingError E507: probabilities of a model that predicts values. UsageError E102: a network whose
            rows depend on each other.
    """
    assert model.network is not None
    if couples_rows_of(model.network.prediction_program):
        expected = fact("a network that computes each row by itself")
        received = fact("one in which a row depends on the others of its batch")
        raise out_of_range(received, "model", "predict_batches", expected, fix="model.predict(x)")
    preparation = model.preparation
    if preparation is not None and not preparation.takes_images and len(x):
        x = preparation.rows(preparation.read(x))
    predicted = _predicted(model, x, is_apart=True)
    if not proba:
        return _decided(model, predicted), None
    classes = [n for n, target in model.targets.items() if target.loss.task == "classification"]
    if not classes:
        _require_classes(model)
    probabilities = {n: model.targets[n].probabilities(predicted[n]) for n in classes}
    return _decided(model, predicted), unwrap_single(probabilities) if len(predicted) == 1 else probabilities


def _predicted(model: ModelState, x: Any, is_apart: bool = False) -> dict[str, np.ndarray]:
    """Return the predictions for inputs, or for rows of a table, which are encoded a block at a time."""
    short = _short_block(model, x) if is_apart else None
    if short is not None:
        return short
    if not isinstance(x, EncodedRows):
        rows = encode_rows(model, x, may_be_empty=True)
        return predictions(rows.model, rows.x, "prediction", is_apart)
    if model.network is not None and couples_rows_of(model.network.prediction_program):
        return predictions(model, encode_rows(model, x.inputs()).x, "prediction")
    parts: list[dict[str, np.ndarray]] = []
    for block in x.blocks():
        parts += _computed(model, encode_rows(model, block).x, x.count, is_apart)
    outputs = _outputs_of(model, parts, "prediction")
    if not all(map(is_finite, outputs.values())):
        nonfinite.report_nonfinite_predictions(model, encode_rows(model, x.inputs()).x, outputs)
    return outputs


def _short_block(model: ModelState, x: Any) -> dict[str, np.ndarray] | None:
    """Return the predictions for a few rows as ``_computed_apart`` does, in half the time.

    It is ``None`` for rows that need preparation or are more than a short block, and for those that the other
    path refuses or reports.
    """
    plain = model.plain_rows
    if plain is None or model.network is None:
        return None
    is_named = type(x) is dict and model.preparation is None and len(x) == 1
    rows = x.get(plain.name) if is_named else x
    if not plain.takes(rows):
        return None
    program, count = model.network.prediction_program, len(rows)
    fewest = _short_rows(program)
    if count > fewest:
        return None
    try:
        block = _padded(rows, fewest)
        outputs = program.run({**model.arrays, plain.name: block}, fixed=model.is_fixed)
    except MemoryError:
        return None
    values = outputs[f"prediction.{plain.output}"][:count]
    return {plain.output: values} if is_finite(values) and plain.were_finite(outputs) else None


_SHORT: WeakKeyDictionary[Program, tuple[int, int]] = WeakKeyDictionary()


def _short_rows(program: Program) -> int:
    """Return the rows of a short block; 0 if there is none. It is computed once for each memory limit."""
    memory, rows = _SHORT.get(program, (-1, 0))
    if memory != settings.memory:
        rows = program.equal_bits[0]
        if rows_per_block(program, APART) < rows or couples_rows_of(program):
            rows = 0
        _SHORT[program] = settings.memory, rows
    return rows


def _require_classes(model: ModelState) -> None:
    for name, target in model.targets.items():
        if target.loss.task != "classification":
            where = f'output "{name}"'
            expected = fact("a model of classes")
            raise TrainingError(
                "E507", where=where, received=target.loss.name, expected=expected, fix="model.predict(x)"
            )


def _decided(model: ModelState, predicted: Mapping[str, np.ndarray]) -> ByOutput:
    """Return predictions as labels or values in the units of the target."""
    decided = {name: model.targets[name].decode(values) for name, values in predicted.items()}
    if model.preparation is not None and model.preparation.task == "regression":
        decided = {name: model.preparation.restore(values) for name, values in decided.items()}
    return unwrap_single(decided)


def _probabilities(model: ModelState, predicted: Mapping[str, np.ndarray]) -> ByOutput:
    return unwrap_single({name: model.targets[name].probabilities(a) for name, a in predicted.items()})


def predictions(
    model: ModelState, arrays: Mapping[str, np.ndarray], kind: str, is_apart: bool = False
) -> dict[str, np.ndarray]:
    """Return outputs of the network (``"raw"``) or predictions for all rows; notifies of non-finite ones."""
    outputs = _outputs_of(model, _computed(model, arrays, 0, is_apart), kind)
    if not all(map(is_finite, outputs.values())):
        nonfinite.report_nonfinite_predictions(model, arrays, outputs)
    return outputs


def _computed(
    model: ModelState, arrays: Mapping[str, np.ndarray], total: int = 0, is_apart: bool = False
) -> list[dict[str, np.ndarray]]:
    """Return the results of the prediction program, in blocks of rows, which are ``total`` in all.

    Args:
        is_apart: whether the bits of a row must not depend on the other rows: every block then has as many
            rows, the last one copies of its last row. A short block has only as many as the engine needs for
            equal bits.
    """
    assert model.network is not None
    program, variables = model.network.prediction_program, model.arrays
    if not len(next(iter(arrays.values()))):
        return [empty_results(program)]
    with refuse_memory_error(program):
        if is_apart:
            return _computed_apart(program, model, arrays)
        return [
            program.run({**variables, **{name: a[rows] for name, a in arrays.items()}}, fixed=model.is_fixed)
            for rows in blocks(program, len(next(iter(arrays.values()))), total)
        ]


def _computed_apart(
    program: Program, model: ModelState, arrays: Mapping[str, np.ndarray]
) -> list[dict[str, np.ndarray]]:
    fewest, limit = program.equal_bits
    size = rows_per_block(program, min(APART, limit or APART))
    fewest = min(size, fewest or size)
    results = []
    for start in range(0, len(next(iter(arrays.values()))), size):
        block = {name: a[start : start + size] for name, a in arrays.items()}
        count = len(next(iter(block.values())))
        if count < size:
            rows = fewest if count <= fewest else size
            block = {name: _padded(a, rows) for name, a in block.items()}
        outputs = program.run({**model.arrays, **block}, fixed=model.is_fixed)
        results.append({name: values[:count] for name, values in outputs.items()})
    return results


def _padded(array: np.ndarray, size: int) -> np.ndarray:
    """Return rows, and copies of the last one up to a number of rows."""
    padded = np.empty((size, *array.shape[1:]), array.dtype)
    if len(array) == 1:
        padded[...] = array
        return padded
    padded[: len(array)] = array
    padded[len(array) :] = array[-1]
    return padded


def _outputs_of(
    model: ModelState, parts: Sequence[Mapping[str, np.ndarray]], kind: str
) -> dict[str, np.ndarray]:
    """Return the outputs of all blocks, by name."""
    network = model.network
    assert network is not None
    with refuse_memory_error(network.prediction_program):
        return {name: concatenated(parts, f"{kind}.{name}") for name in network.inference.outputs}


def activations(model: ModelState, x: Any, layer: str) -> np.ndarray:
    """Return the output of a layer (E101: no path of one output); see ``chainrule.Model.activations``."""
    encoded = encode_rows(model, x, "activations", may_be_empty=True)
    model, arrays, network = encoded.model, encoded.x, encoded.network
    results = network.inference.book.results
    nodes = {path: node for path, node in results.items() if isinstance(node, Node)}
    if layer not in nodes:
        fix = 'model.activations(x, "{}")'
        raise unknown("activations, layer", layer, nodes, fix, expected=outline(nodes))
    program = network.compiled(("activations", layer), lambda: Graph({"value": nodes[layer]}))
    values = {**model.arrays, **arrays}
    if not len(next(iter(arrays.values()))):
        return empty_results(program)["value"]
    parts = []
    for rows in blocks(program, len(next(iter(arrays.values())))):
        batch = {name: array[rows] if name in arrays else array for name, array in values.items()}
        parts.append(program.run({name: batch[name] for name in program.graph.inputs}))
    return concatenated(parts, "value")


def empty_results(program: Program) -> dict[str, np.ndarray]:
    """Return the outputs of a program for zero rows."""
    specs = {name: node.spec for name, node in program.graph.outputs.items()}
    sizes = {str(n): 1 for spec in specs.values() for n in spec.shape if not isinstance(n, int)} | {"B": 0}
    return {name: np.zeros(bound(spec.at(sizes).shape), spec.dtype) for name, spec in specs.items()}


def blocks(program: Program, rows: int, total: int = 0) -> Iterator[slice]:
    """Return slices of rows, a part of ``total``, whose computation fits into memory."""
    size = rows_per_block(program, max(rows, total))
    return (slice(start, start + size) for start in range(0, rows, size))


def concatenated(parts: Sequence[Mapping[str, np.ndarray]], name: str) -> np.ndarray:
    """Return the named output of all blocks, concatenated to a new array."""
    return parts[0][name].copy() if len(parts) == 1 else np.concatenate([part[name] for part in parts])


def unwrap_single(outputs: dict[str, np.ndarray]) -> ByOutput:
    """Return the array itself if there is one output, otherwise all arrays by name."""
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs
