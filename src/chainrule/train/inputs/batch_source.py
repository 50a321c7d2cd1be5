"""``BatchSource``: the batches of an iterable, epoch by epoch, for ``fit``.

A batch is a pair ``(x, y)``, a triple with weights, inputs alone, or a dict. Its parts are what
``Trainer.step`` takes: NumPy arrays, tensors of PyTorch or others that convert to arrays. An epoch is one
pass over the iterable, or ``steps_per_epoch`` batches of it; then a pass continues in the next epoch, and the
iterable is read again where it ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from types import FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from chainrule.data.batches.arrays import as_array
from chainrule.errors import DataError, UsageError, fact
from chainrule.train.inputs.input_check import plain_frame
from chainrule.validation import out_of_range, wrong_type

ARRAYS = ("__array__", "__array_interface__", "__dlpack__", "to_numpy", "__arrow_c_stream__", "shape")
KEYS = ("x", "y", "sample_weight")


class Batch(NamedTuple):
    """Samples as users pass them to a trainer."""

    x: Any
    y: Any = None
    sample_weight: Any = None


def is_array(value: Any) -> bool:
    """Return whether an object converts to an array by itself, as an array, a tensor or a frame does."""
    return any(hasattr(value, name) for name in ARRAYS)


def is_source(x: Any, y: Any = None) -> bool:
    """Return whether the first arguments of ``fit`` are batches and not samples.

    Args:
        x: a list or another sequence is one of batches if its first element is a batch.
        y: targets, which belong to samples; the name of the target in batches that are dicts; or ``None``.

    Example:
        >>> x, y = np.zeros((4, 2)), np.zeros(4)
        >>> is_source([(x, y), (x, y)]), is_source(iter([])), is_source(x, y), is_source([[1, 2], [3, 4]])
        (True, True, False, False)
    """
    if (y is not None and not isinstance(y, str)) or isinstance(x, Mapping | str | bytes | os.PathLike):
        return False
    if isinstance(x, type) or is_array(x):
        return False
    if isinstance(x, Sequence):
        return len(x) > 0 and _is_batch(x[0])
    _refuse_dataset(x)
    return isinstance(x, Iterable) or _is_function(x)


def _refuse_dataset(x: Any) -> None:
    """Refuse a data set of PyTorch, whose elements are rows (E113)."""
    is_iterable = isinstance(x, Iterable) or not hasattr(x, "__getitem__")
    if not is_iterable and any(kind.__name__ == "Dataset" for kind in type(x).__mro__):
        expected, received = (
            fact("arrays, a table, or batches"),
            fact("a data set: {kind}", kind=type(x).__name__),
        )
        fix = "torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)"
        raise UsageError("E113", where="fit", name="x", expected=expected, received=received, fix=fix)


def _is_function(value: Any) -> bool:
    return isinstance(value, FunctionType | MethodType | partial)


def _is_batch(item: Any) -> bool:
    """Return whether an element of a list is a batch and not a row: its parts are arrays."""
    parts = list(item.values()) if isinstance(item, Mapping) else item
    if not isinstance(parts, tuple | list) or not parts:
        return False
    return all(isinstance(part, Mapping) or (is_array(part) and _has_rows(part)) for part in parts)


def _has_rows(array: Any) -> bool:
    """Return whether an array is no number, as the scalars of NumPy are."""
    return getattr(array, "ndim", 1) > 0


class BatchSource:
    """The batches of an iterable, one after the other.

    Args:
        batches: an iterable, or a function without arguments that returns one.
        target: the name of the target in batches that are dicts; ``""``: they have ``x``, ``y``, and
            ``sample_weight``.
        steps_per_epoch: the number of batches in an epoch; ``None``: an epoch is one pass.

    Raises:
        UsageError E102: several epochs of an iterator, which can be read once.
        DataError E343: there is no batch.
    """

    def __init__(
        self, batches: Any, target: str = "", epochs: int = 1, steps_per_epoch: int | None = None
    ) -> None:
        self._batches, self._target, self._steps = batches, target, steps_per_epoch
        self._is_once = isinstance(batches, Iterator)
        if self._is_once and epochs > 1 and steps_per_epoch is None:
            expected = fact("1: a {kind} can be read once", kind=type(batches).__name__)
            fix = fact("epochs=1, steps_per_epoch=100, or a function that returns a new iterator as x")
            raise out_of_range(epochs, "epochs", "fit", expected, fix=fix)
        self._iterator: Iterator[Any] | None = None
        self._next: Batch | None = None
        self._is_empty = True  # whether the present pass had no batch yet
        self.first = self._first()

    @property
    def steps(self) -> int | None:
        """The number of batches in an epoch; ``None`` where it is known only at its end."""
        if self._steps is not None:
            return self._steps
        try:
            return len(self._batches) or None
        except TypeError:  # it has no length, as a DataLoader of an iterable data set
            return None

    def _first(self) -> Batch:
        if not self._advance():
            raise self._ended(0)
        assert self._next is not None
        return self._next

    def has_next(self, batch: int) -> bool:
        """Return whether the epoch has a batch after its first ``batch`` ones, which is then read (E343)."""
        if self._steps is None:
            return self._advance() or self._end_epoch(batch)
        if batch >= self._steps:
            return False
        if not self._advance() and (self._is_once or self._is_empty or not self._advance()):
            raise self._ended(batch)
        return True

    def _end_epoch(self, batch: int) -> bool:
        if not batch:
            raise self._ended(0)
        return False

    def take(self) -> Batch:
        """Return the batch that ``has_next`` read."""
        assert self._next is not None
        batch, self._next, self._is_empty = self._next, None, False
        return batch

    def peek(self) -> Batch | None:
        """Return the next batch, if it was read already."""
        return self._next

    def _advance(self) -> bool:
        """Read the next batch; returns whether there is one. After the end, the next call starts again."""
        if self._next is not None:
            return True
        if self._iterator is None:
            batches = self._batches() if _is_function(self._batches) else self._batches
            if not isinstance(batches, Iterable):
                raise _no_iterable(batches)
            self._iterator, self._is_empty = iter(batches), True
        for item in self._iterator:
            self._next = batch_of(item, self._target)
            return True
        self._iterator = self._iterator if self._is_once else None
        return False

    def _ended(self, batch: int) -> DataError:
        expected = (
            fact("at least one batch")
            if self._steps is None
            else fact("{steps} batches in every epoch", steps=self._steps)
        )
        fix = (
            fact("a list, or a function that returns a new iterator")
            if self._steps is None
            else fact("fewer epochs or steps_per_epoch")
        )
        return DataError("E343", where="fit", expected=expected, received=batch, fix=fix)


def batch_of(item: Any, target: str = "") -> Batch:
    """Return a batch of an iterable, by its parts.

    Args:
        item: ``(x, y)``, ``(x, y, weights)``, ``(x,)``, ``x``, or a dict.
        target: the name of the target in a dict, whose other entries are the inputs; a single one is the
            only input, whatever its name.

    Raises:
        DataError E340: anything else.

    Example:
        >>> batch_of({"image": [[1.0]], "label": [0]}, "label")
        Batch(x=[[1.0]], y=[0], sample_weight=None)
    """
    if isinstance(item, Mapping):
        if target in item:
            inputs = {name: part for name, part in item.items() if name != target}
            return Batch(inputs if len(inputs) > 1 else next(iter(inputs.values()), None), item[target])
        if not target and "x" in item and item.keys() <= set(KEYS):
            return Batch(**item)
    elif is_array(item):
        return Batch(item)
    elif isinstance(item, tuple | list) and 1 <= len(item) <= len(KEYS) and not target:
        return Batch(*item)
    raise _no_batch(item, target)


def _no_iterable(value: Any) -> UsageError:
    """Return the error for a function that returns no iterable."""
    expected = fact("a function that returns an iterable of batches")
    return wrong_type(value, "x", "fit", expected, "yield x, y")


def _no_batch(item: Any, target: str) -> DataError:
    """Return the error for an element that is no batch."""
    if isinstance(item, Mapping):
        received: Any = fact("a dict with {names}", names=", ".join(map(str, item))[:80])
        last = next(reversed(list(item)), "y")
        expected = (
            fact('the key "{target}"', target=target)
            if target
            else fact("the keys x and y, or the name of the target as y of fit")
        )
        return DataError(
            "E340", where="fit", expected=expected, received=received, fix=f'model.fit(batches, "{last}")'
        )
    length = f" ({len(item)})" if isinstance(item, Sequence) else ""
    expected = fact("batches (x, y), (x, y, weights) or dicts")
    received = f"{type(item).__name__}{length}"
    return DataError("E340", where="fit", expected=expected, received=received, fix="yield (x, y)")


def samples_of(x: Any, y: Any = None, sample_weight: Any = None) -> Batch:
    """Return samples as they were passed, or all batches of an iterable, such as a DataLoader, as one.

    Args:
        x, sample_weight: as in ``fit``.
        y: as in ``fit``; the name of the target in batches that are dicts.

    Raises:
        DataError E340: a generator of rows. E341: batches whose samples differ in shape.
    """
    if type(x) is np.ndarray or not is_source(x, y):
        return Batch(plain_frame(x), y, sample_weight)
    if isinstance(x, Iterator):
        first = list(islice(x, 1))
        if first and is_array(first[0]) and np.ndim(first[0]) < 2:
            return Batch(as_array("x", x))  # raises: rows are samples
        x = chain(first, x)
    return concatenate_batches(x, y or "", "x")


def concatenate_batches(batches: Any, target: str = "", where: str = "validation") -> Batch:
    """Return all batches of an iterable, which is read once, as one (E341: other shapes)."""
    source, parts = BatchSource(batches, target), []
    while source.has_next(len(parts)):
        parts.append(source.take())
    return Batch(*(_concatenated(f"{where} {n}", [p[i] for p in parts]) for i, n in enumerate(KEYS)))


def _concatenated(name: str, parts: list[Any]) -> Any:
    """Return the same part of several batches as one array, or as one for each name."""
    if parts[0] is None:
        return None
    if isinstance(parts[0], Mapping):
        return {key: _concatenated(f'{name}["{key}"]', [part[key] for part in parts]) for key in parts[0]}
    arrays = [as_array(name, part) for part in parts]
    shapes = [array.shape[1:] for array in arrays]
    odd = next((shape for shape in shapes if shape != shapes[0]), None)
    if odd is not None:
        expected = str(("N", *shapes[0])).replace("'", "")
        received = str(("N", *odd)).replace("'", "")
        fix = fact("batches of one shape, for example padded to the same length")
        raise DataError("E341", where=name, expected=expected, received=received, fix=fix)
    return np.concatenate(arrays)
