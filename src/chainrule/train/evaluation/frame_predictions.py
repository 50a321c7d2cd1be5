"""Predictions as columns of a frame, and of frames that come one after another from another program.

The predictions of a row have the same bits whatever the other rows of its frame are: a table that is divided
into partitions is predicted as the whole. The network computes 64 rows at a time, the last ones
padded, so that there is one plan for any number of rows, and a frame of a new length costs no planning.

A frame keeps its class, its columns, its index and its order.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from chainrule.data.readers.lazy_polars import is_polars, pl
from chainrule.errors import DataError, fact
from chainrule.train.evaluation.prediction import predict_apart
from chainrule.train.inputs.input_check import column_names, is_frame, is_lazy, plain_frame
from chainrule.train.model_state import ModelState
from chainrule.validation import boolean, trained_network, wrong_type

PREDICTION, PROBABILITY = "prediction", "probability of {}"
M_MMAP_THRESHOLD = -3  # of malloc.h
MAX_COLUMNS = 20  # of the numbers of one output


def prediction_columns(
    predicted: Any, spelled: Callable[[np.ndarray], np.ndarray] = np.asarray
) -> dict[str, np.ndarray]:
    """Return the column of each output; of a vector of up to ``MAX_COLUMNS`` numbers, one for each.

    Args:
        predicted: the result of ``predict``.
        spelled: returns predictions as they are shown.
    """
    if isinstance(predicted, np.ndarray) and predicted.ndim == 1:
        return {PREDICTION: spelled(predicted)}
    outputs = predicted if isinstance(predicted, dict) else {"": predicted}
    columns: dict[str, np.ndarray] = {}
    for name, values in outputs.items():
        title, array = f"{PREDICTION} {name}".strip(), spelled(np.asarray(values))
        if array.ndim == 2 and array.dtype.kind == "f" and 1 < array.shape[1] <= MAX_COLUMNS:
            columns |= {f"{title}[{i}]": array[:, i] for i in range(array.shape[1])}
        else:
            columns[title] = array
    return columns


def probability_columns(model: ModelState, probabilities: Any) -> dict[str, np.ndarray]:
    """Return the probability of each class of each output that has one class for a row."""
    outputs = probabilities if isinstance(probabilities, dict) else {"": probabilities}
    columns: dict[str, np.ndarray] = {}
    for name, shares in outputs.items():
        if shares.ndim == 2:
            titles = probability_titles(model, name, shares.shape[-1])
            columns |= dict(zip(titles, shares.T, strict=True))
    return columns


def probability_titles(model: ModelState, output: str, count: int) -> list[str]:
    """Return the names of the columns of the probabilities of an output.

    Args:
        model: a classifier.
        output: its name; empty for the only one.
        count: the number of its classes.
    """
    target = model.targets[output] if output else next(iter(model.targets.values()))
    labels = target.labels or range(1, count + 1)
    return [PROBABILITY.format(f"{output} {label}".strip()) for label in labels]


def free_name(name: str, used: Iterable[str]) -> str:
    """Return a name, or ``NAME (2)`` and so on if it is used.

    Example:
        >>> free_name("prediction", ["age", "prediction"])
        'prediction (2)'
    """
    free, i = name, 2
    while free in used:
        free, i = f"{name} ({i})", i + 1
    return free


def predict_frame(model: ModelState, frame: Any, proba: bool = False) -> Any:
    """Return a frame with the columns of its predictions; see ``chainrule.Model.predict_frame``."""
    if not is_frame(frame):
        expected = fact("a frame of pandas, polars or pyarrow, or another with __arrow_c_stream__")
        raise wrong_type(frame, "frame", "predict_frame", expected)
    trained_network(model, "predict_frame")
    is_query, frame = is_lazy(frame), plain_frame(frame)
    predicted, probabilities = predict_apart(model, _needed(model, frame), boolean(proba, "proba", "predict"))
    columns = prediction_columns(predicted)
    if probabilities is not None:
        columns |= probability_columns(model, probabilities)
    used = set(column_names(frame) or map(str, getattr(frame, "columns", ())))
    result = _with_columns(frame, {free_name(name, used): values for name, values in columns.items()})
    return result.lazy() if is_query else result


def predict_batches(model: ModelState, batches: Any, proba: bool = False) -> Any:
    """Return frames with the columns of their predictions; see ``chainrule.Model.predict_batches``."""
    if is_frame(batches) and not hasattr(batches, "read_next_batch"):
        return predict_frame(model, batches, proba)
    if not isinstance(batches, Iterable) or isinstance(batches, Mapping | str | np.ndarray):
        expected = fact("frames, one after another, or a single one")
        raise wrong_type(batches, "batches", "predict_batches", expected)
    trained_network(model, "predict_batches")
    return _predicted_frames(model, batches, proba)


@cache
def return_large_blocks() -> None:
    """Have the C library return freed blocks from 1 MiB on to the system at once, where it is glibc.

    Otherwise it learns a larger limit from the arrays that were freed, and arrays of many sizes leave gaps in
    the heaps of several threads: 10 million rows took 530 to 830 MB. The setting is that of the process.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(M_MMAP_THRESHOLD, 1 << 20)


def _predicted_frames(model: ModelState, batches: Iterable[Any], proba: bool) -> Iterator[Any]:
    first: tuple[str, ...] | None = None
    return_large_blocks()
    for number, batch in enumerate(batches, 1):
        names = tuple(column_names(batch))
        first = names if first is None else first
        if names != first:
            _refuse_other_columns(number, first, names)
        try:
            yield predict_frame(model, batch, proba)
        except DataError as error:
            batch_name = fact("batch {number}", number=number)
            error.where = fact("{where}, {batch}", where=error.where, batch=batch_name)
            raise


def _refuse_other_columns(number: int, first: Sequence[str], names: Sequence[str]) -> None:
    missing = [name for name in first if name not in names]
    more = [name for name in names if name not in first]
    received = fact("the same in another order")
    if missing:
        received = fact('no "{names}"', names='", "'.join(missing[:8]))
    elif more:
        received = fact('also "{names}"', names='", "'.join(more[:8]))
    expected = fact("the columns of the first batch: {names}", names=", ".join(first[:20]))
    raise DataError("E326", where=fact("batch {number}", number=number), expected=expected, received=received)


def _needed(model: ModelState, frame: Any) -> Any:
    """Return the columns of a frame that the model reads, if all are there; others may have any content."""
    preparation = model.preparation
    names = next(iter(model.columns.values()), ()) if preparation is None else preparation.columns
    present = column_names(frame)
    if not names or len(set(names) & set(present)) < len(names):
        return frame
    if hasattr(frame, "iloc"):
        return frame.iloc[:, [present.index(name) for name in names]]
    return frame.select(list(names))


def _with_columns(frame: Any, columns: Mapping[str, np.ndarray]) -> Any:
    """Return a frame of pandas, polars or pyarrow with columns behind its own."""
    if is_polars(frame):
        return frame.hstack([pl.Series(name, _of_polars(values)) for name, values in columns.items()])
    if hasattr(frame, "iloc"):
        frame = frame.copy(deep=False)
        for name, values in columns.items():
            frame[name] = values if values.ndim == 1 else list(values)
        return frame
    pa = sys.modules["pyarrow"]  # of the frame
    for name, values in columns.items():
        array = pa.array(values if values.ndim == 1 else values.tolist())
        frame = frame.append_column(name, array)
    return frame


def _of_polars(values: np.ndarray) -> Any:
    return values if values.dtype.kind in "fiub" else values.tolist()
