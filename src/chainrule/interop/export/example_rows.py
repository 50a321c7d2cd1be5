"""Rows with the outputs of a model, to compare an exported file with.

A model does not keep the rows of its training. Rows of a table are drawn from what its preparation stores:
numbers around the mean, all levels, missing cells where the training had some. Arrays are drawn from the
normal distribution, integers from the rows of the embeddings that they index.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.dates import DAY
from chainrule.data.tables.table import Table
from chainrule.records import frozen
from chainrule.symbolic_shape import Size, size_at
from chainrule.train.evaluation.prediction import predict, predict_with_probabilities
from chainrule.uncertainty.calibration import stored_calibration

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

ROWS = 7
LENGTH = 5  # of symbolic axes other than the batch
WORDS = 2  # the limit of integers that index nothing


@frozen(eq=False)
class ExampleRows:
    """Rows with the outputs of a model.

    Args:
        columns: the cells of a table by column, as in the training; empty for arrays.
        arrays: the inputs of the network by name, after the preparation.
        outputs: the outputs of the model: ``label`` and ``probabilities``, or ``value``; with several outputs
            of the network ``NAME.label`` and so on.
    """

    columns: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(next(iter(self.outputs.values())))


def example_rows(model: ModelState, rows: int = ROWS) -> ExampleRows:
    """Return rows with the outputs of a trained model.

    Args:
        model: with parameters.
        rows: the number of rows.
    """
    assert model.network is not None
    rng = np.random.default_rng(0)
    if model.preparation is None:
        arrays = {name: _array(model, name, spec, rows, rng) for name, spec in model.network.inputs.items()}
        inputs: Any = arrays if len(arrays) > 1 else next(iter(arrays.values()))
        return ExampleRows({}, arrays, outputs_of(model, inputs))
    columns = {e.column: _cells(e, rows, rng) for e in model.preparation.encodings}
    table = _table(model, columns)
    (name,) = model.network.inputs
    return ExampleRows(columns, {name: model.preparation.inputs(table)}, outputs_of(model, table))


def outputs_of(model: ModelState, x: Any) -> dict[str, np.ndarray]:
    """Return what an exported file computes, by name of its outputs."""
    classes = {name for name, target in model.targets.items() if target.loss.task == "classification"}
    if classes:
        decided, probabilities = predict_with_probabilities(model, x)
        calibration = stored_calibration(model)
        if calibration is not None and isinstance(probabilities, np.ndarray):
            probabilities = calibration.map(probabilities)
            (target,) = model.targets.values()
            labels = np.array(target.labels or range(probabilities.shape[1]))
            decided = labels[probabilities.argmax(axis=1)]
    else:
        decided, probabilities = predict(model, x), {}
    outputs = {}
    for name in model.targets:
        prefix = "" if len(model.targets) == 1 else f"{name}."
        value = decided if not prefix else decided[name]
        if name in classes:
            outputs[f"{prefix}label"] = value
            outputs[f"{prefix}probabilities"] = probabilities if not prefix else probabilities[name]
        else:
            outputs[f"{prefix}value"] = value
    return outputs


def _array(model: ModelState, name: str, spec: Any, rows: int, rng: np.random.Generator) -> np.ndarray:
    assert model.network is not None
    lengths = {str(axis): LENGTH for axis in spec.shape[1:] if isinstance(axis, Size)}
    shape = (rows, *(size_at(axis, lengths) for axis in spec.shape[1:]))
    if spec.is_float:
        return rng.normal(size=shape).astype(spec.dtype)
    if spec.dtype == "bool":
        values = rng.random(shape) < 0.7
        values[..., :1] = True  # an attention without any position has no value
        return values
    tables = model.network.inference.book.tables
    limit = min((size for (_, source), size in tables.items() if source == name), default=WORDS)
    return rng.integers(0, limit, shape).astype(spec.dtype)


def _table(model: ModelState, columns: Mapping[str, Any]) -> Table:
    assert model.preparation is not None
    if model.preparation.takes_images:
        return Table(pl.DataFrame(), "export", images=dict(columns))
    frame = {
        e.column: [None if cell is None else cell_text(e, cell) for cell in columns[e.column]]
        for e in model.preparation.encodings
    }
    return Table(pl.DataFrame(frame), "export")


def cell_text(encoding: Any, cell: Any) -> Any:
    """Return a cell as a file has it."""
    match encoding.kind:
        case "yes_no":
            return "yes" if cell else "no"
        case "date":
            return str(np.datetime64(int(cell), "us")).replace("T", " ")
        case "time" | "duration":
            hours, rest = divmod(int(cell), 3600)
            return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    return cell


def _cells(encoding: Any, rows: int, rng: np.random.Generator) -> Any:
    """Return cells of a column, the second one missing if the training had such: numbers, 0 or 1, levels,
    microseconds since 1970, seconds, or an array of images."""
    if encoding.kind == "image":
        return rng.integers(0, 256, (rows, *encoding.shape)).astype(np.uint8)
    levels = (*encoding.levels, *encoding.rare) if encoding.kind == "category" else ()
    draw = {
        "number": lambda i: encoding.mean + encoding.std * float(rng.normal()),
        "yes_no": lambda i: i % 2,
        "category": lambda i: levels[(i * 7) % len(levels)],
        "date": lambda i: math.floor((encoding.first + i * (encoding.last - encoding.first) / rows) * DAY),
        "time": lambda i: 3600 * 3 * i + 61 * i,
        "text": lambda i: _text(encoding, i),
        "duration": lambda i: max(0, round(encoding.mean + encoding.std * float(rng.normal()))),
    }.get(encoding.kind, lambda i: "")
    cells = [draw(i) for i in range(rows)]
    has_missing = getattr(encoding, "indicator", False) or getattr(encoding, "missing", False)
    return [None if has_missing and i == 1 else cell for i, cell in enumerate(cells)]


def _text(encoding: Any, row: int) -> str:
    """Return a text of some terms in varied case, with signs that end words and signs that join them."""
    count = len(encoding.terms)
    terms = [encoding.terms[(row * 5 + i * i) % count] for i in range(row)] if count else ["text"] * row
    if not encoding.words:
        return "".join(terms)
    forms = (str, str.upper, str.capitalize)
    marks = (" ", ", ", "; ", "'s ", "-", " – ", ". ")
    words = (forms[i % 3](term) + marks[(row + i) % 7] for i, term in enumerate(terms))
    return f"“{''.join(words)}” Ünd"
