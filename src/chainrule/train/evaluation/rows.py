"""Rows given to a trained model, encoded as its network receives them.

Every method that takes rows encodes them here, so that all take the same forms: an array or a list, arrays by
input name, a data frame or an Arrow table, a ``Table``, a path or the name of a data set, dicts of columns or
of cells, batches of an iterable; and a single row in each of these forms, without a batch axis. Rows of
sequences or images of other sizes than those of the training get a network of that size where the parameters
allow it.

Whether rows are the training data of a model, on which metrics are better than on new data.

``chainrule train`` stores a fingerprint of the rows and their split in the model file. Rows with the same
fingerprint are the same rows, independent of the file they are read from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import data
from chainrule.data import Arrays, Table
from chainrule.data.batches.arrays import as_array
from chainrule.errors import ChainruleError, Message, UsageError, fact
from chainrule.nn.layers.containers import Flatten
from chainrule.ops.array.gather import checked_indices
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, shape_text
from chainrule.train.inputs import tabular
from chainrule.train.inputs.batch_source import samples_of
from chainrule.train.inputs.input_check import FRAMES, in_order, require_fit
from chainrule.train.inputs.target import by_output
from chainrule.train.model_state import ModelState, indexing_inputs
from chainrule.train.network import Network
from chainrule.train.nonfinite.finite_check import is_finite
from chainrule.validation import trained_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.data import Cell

CHECK_BLOCK = 1 << 20  # values checked at once; the array may be larger than memory
CALLS = {  # calls with targets that are not ``model.NAME(x, y)``
    "explain": "model.explain(x[0], y[0])",
    "attack": "model.attack(x, y, radius=0.1)",
}


@frozen(eq=False)
class NetworkRows:
    """Rows as the network of a model receives them.

    Args:
        model: the model, whose network has the shapes of the rows.
        x: inputs by name, (N, ...) each.
        y: encoded targets by the name of their input; empty where none were passed.
        weights: sample weights, or ``None``.
        table: the rows as a table where the model encodes tables; otherwise ``None``.
    """

    model: ModelState
    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    weights: np.ndarray | None = None
    table: Table | None = None

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(next(iter(self.x.values())))

    @property
    def network(self) -> Network:
        """The network, whose inputs have the shapes of the rows."""
        assert self.model.network is not None
        return self.model.network

    @property
    def labels(self) -> np.ndarray:
        """The class indices of the only output, (N,)."""
        return next(iter(self.y.values())).reshape(self.count, -1)[:, 0].astype(np.int64)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of a single row of a table; otherwise empty."""
        if self.table is None or self.table.rows != 1 or self.model.preparation is None:
            return ()
        return tuple(self.model.preparation.cells(self.table, 0))

    @property
    def arrays(self) -> Arrays:
        """Inputs, targets and weights as one record."""
        return Arrays(self.x, self.y, self.weights)

    def take(self, index: np.ndarray) -> NetworkRows:
        """Return the rows in ``index``, in that order."""
        x, y = ({name: a[index] for name, a in arrays.items()} for arrays in (self.x, self.y))
        weights = None if self.weights is None else self.weights[index]
        return replace(
            self, x=x, y=y, weights=weights, table=None if self.table is None else self.table.take(index)
        )

    def spread(self, max_rows: int) -> NetworkRows:
        """Return at most ``max_rows`` of the rows, evenly spaced."""
        if self.count <= max_rows:
            return self
        return self.take(np.linspace(0, self.count - 1, max_rows).round().astype(int))


def encode_rows(
    model: ModelState, x: Any, where: str = "predict", *, may_be_empty: bool = False
) -> NetworkRows:
    """Encode rows without their targets.

    Args:
        model: a trained model.
        x: one row or several, in any form that the module names.
        where: the method that takes them, for errors.
        may_be_empty: whether there may be no rows.

    Raises:
        TrainingError E503: the model has no parameters yet.
        ShapeError E209: a shape that the network was not built for, or missing inputs; all are listed.
        ShapeError E211: an index outside the rows of an embedding.
        DataError: as ``Arrays.of``, and for rows of a table as ``Preparation.apply``.
    """
    network = trained_network(model, where)
    named = _by_input(model, network, x)
    if named and _are_encoded(network, named):
        return NetworkRows(model, named, {})
    x = x if type(x) is np.ndarray else samples_of(x).x
    if may_be_empty and _has_no_rows(x):
        return NetworkRows(model, _empty_inputs(model, network, x), {})
    table = _table_of(model, network, x)
    if table is not None:
        assert model.preparation is not None
        x = tabular.inputs(model.preparation, table)
    else:
        x = as_batch(model, x)
    arrays = model.rows_of(x)
    fitting = model.for_shapes(arrays.x)
    return NetworkRows(fitting, checked_inputs(fitting, arrays.x), {}, None, table)


def _by_input(model: ModelState, network: Network, x: Any) -> dict[str, np.ndarray]:
    """Return rows that cannot be those of a table by the names of the inputs; empty for others."""
    if type(x) is dict:
        return x if model.preparation is None else {}
    if type(x) is not np.ndarray or len(network.inputs) != 1:
        return {}
    return dict.fromkeys(network.inputs, x)


def _are_encoded(network: Network, x: dict[str, np.ndarray]) -> bool:
    """Return whether arrays by name are already as the network receives them; false also where it is not
    decided by their dtype, shape and finite values alone."""
    forms = network.memo("forms of plain inputs", lambda: _plain_forms(network))
    if x.keys() != forms.keys():
        return False
    rows = 0
    for name, (dtype, shape) in forms.items():
        array = x[name]
        if type(array) is not np.ndarray or array.dtype != dtype or not array.shape:
            return False
        if array.shape[1:] != shape:
            return False
        rows = rows or len(array)
        if not len(array) == rows > 0 or not array.flags.c_contiguous or not is_finite(array):
            return False
    return True


def _plain_forms(network: Network) -> dict[str, tuple[np.dtype, tuple[Any, ...]]]:
    """Return dtype and shape of a row of each input; empty where an input is an index."""
    if network.inference.book.tables or indexing_inputs(network):
        return {}
    return {name: (np.dtype(spec.dtype), tuple(spec.shape[1:])) for name, spec in network.inputs.items()}


def encode_labeled(
    model: ModelState, x: Any, y: Any = None, where: str = "evaluate", sample_weight: Any = None
) -> NetworkRows:
    """Encode rows with their targets in the form that the loss takes.

    Args:
        model: a trained model.
        x: as for ``encode_rows``.
        y: a label or value for each row, arrays by output name, or the name of the target column; for rows of
            a table by default its target column.
        where: as for ``encode_rows``.
        sample_weight: the weight of each row, or of each of its positions.

    Raises:
        UsageError E122: no targets. TrainingError E504, E506, E509: targets that do not fit the outputs.
        Otherwise as ``encode_rows``, and of a table as ``Preparation.targets``.
    """
    network = trained_network(model, where)
    x, y, sample_weight = samples_of(x, y, sample_weight)
    table = _table_of(model, network, x)
    if table is None and isinstance(y, str) and y == getattr(model.preparation, "target", None):
        table = data.read_table(x)
    if table is not None:
        assert model.preparation is not None
        table = tabular.with_targets(model.preparation, table, y)
        x, y = tabular.inputs_and_targets(model.preparation, table)
    else:
        if y is None and any(target.loss.needs_target for target in model.targets.values()):
            fix = CALLS.get(where, f"model.{where}(x, y)")
            raise UsageError("E122", where=where, expected=fact("a label or a value"), fix=fix)
        x, is_single = _as_batch(model, network, x)
        y = _targets_as_batch(y, is_single)
    arrays = model.rows_of(x, y, sample_weight)
    fitting = model.for_shapes(arrays.x)
    rows: Any = encoded(fitting, arrays)
    return NetworkRows(fitting, rows.x, rows.y, rows.weights, table)


def encoded(model: ModelState, arrays: Arrays, where: str = "y") -> Arrays:
    """Encode arrays for the step: inputs and targets by the names of its inputs.

    Args:
        model: an initialized model.
        arrays: validated arrays, with a batch axis.
        where: the name of the targets in error messages.

    Raises:
        ShapeError E209, TrainingError E504, E506: inputs or targets that do not fit the network.
    """
    assert model.network is not None
    names = model.network.target_names
    parts = by_output(model.targets, arrays.y, where)
    several = isinstance(arrays.y, dict)
    coded = {
        names[output]: target.encode(parts[output], f'{where}["{output}"]' if several else where)
        if output in parts
        else target.placeholder(arrays.rows)
        for output, target in model.targets.items()
    }
    return Arrays(checked_inputs(model, arrays.x), coded, arrays.weights)


def checked_inputs(model: ModelState, x: np.ndarray | dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the input arrays by name, checked to fit the network; E209 lists all shapes; E211: an index."""
    assert model.network is not None
    specs = model.network.inputs
    arrays = x if isinstance(x, dict) else {next(iter(specs)): x}
    require_fit(specs, arrays, lambda: _reasons(model.network, arrays))
    refuse_outside(model.network, arrays)
    return {name: arrays[name] for name in specs}


def _reasons(network: Network | None, arrays: Mapping[str, np.ndarray]) -> list[Message]:
    """Return which layers have parameters that do not fit arrays of these shapes."""
    if network is None or arrays.keys() != network.inputs.keys():
        return []
    specs = {
        name: s.with_shape((*s.shape[:1], *arrays[name].shape[1:])) for name, s in network.inputs.items()
    }
    if any(spec.rank != network.inputs[name].rank for name, spec in specs.items()):
        return []
    try:
        shapes = network.fixed_by(specs)
    except ChainruleError:  # the network cannot be built for these shapes
        return []
    layers = network.inference.book.layers
    notes = [
        fact(
            '{kind} "{layer}": {name} is {shape}, and would be {other} for this input',
            kind=type(layers.get(layer, network.recipe.net)).__name__,
            layer=layer,
            name=name,
            shape=shape_text(shape),
            other=fact("nothing") if other is None else shape_text(other),
        )
        for path, (shape, other) in list(shapes.items())[:3]
        for layer, _, name in [path.rpartition(".")]
    ]
    if any(isinstance(layer, Flatten) for layer in layers.values()):
        notes.append(fact("cr.GlobalAveragePool() instead of cr.Flatten() takes images of any size"))
    return notes


def refuse_outside(network: Network, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse an index without a row in its embedding, before the network runs; E211 has its position."""
    book = network.inference.book
    for (path, name), rows in book.tables.items():
        layer = book.layers.get(path, network.recipe.net)
        array = arrays[name]
        size = max(1, CHECK_BLOCK // max(1, array[0].size))  # rows
        for start in range(0, len(array), size):
            block = array[start : start + size]
            if ((block < 0) | (block >= rows)).any():
                checked_indices(f'{type(layer).__name__} "{path}"', np.asarray(array).astype(np.int64), rows)


def _table_of(model: ModelState, network: Network, x: Any) -> Table | None:
    """Return rows of a table as a table, if the model encodes tables; otherwise ``None``."""
    preparation = model.preparation
    if preparation is None:
        return None
    if tabular.is_table(x, None) or (
        data.is_by_column(x) and not _is_by_input(network, x, preparation.columns)
    ):
        return preparation.read(x)
    return None


def _is_by_input(network: Network, x: Any, columns: Sequence[str]) -> bool:
    """Return whether a dict has arrays by input name, and not columns or cells by column name."""
    if not isinstance(x, Mapping) or x.keys() != network.inputs.keys():
        return False
    ranks = {name: spec.rank - (name not in columns) for name, spec in network.inputs.items()}
    return all(len(_shape_of(x[name])) >= rank for name, rank in ranks.items())


def as_batch(model: ModelState, x: Any) -> Any:
    """Return rows as they were passed, with a batch axis and the columns in the order of the training.

    Not for rows of a table that the model encodes.
    """
    return _as_batch(model, trained_network(model, "predict"), x)[0]


def _as_batch(model: ModelState, network: Network, x: Any) -> tuple[Any, bool]:
    """Return the rows with a batch axis, and whether they are one row without it."""
    if "" in model.columns and data.is_by_column(x) and not data.as_columns(x).keys() & network.inputs.keys():
        x = data.read_table(x).frame
    x = in_order(x, model.columns)
    name, spec = next(iter(network.inputs.items()))
    is_named = isinstance(x, Mapping)
    if not _is_single(spec, _shape_of(x.get(name) if is_named else x)):
        return x, False
    if not is_named:
        return as_array("x", x)[None], True
    return {key: as_array(f'x["{key}"]', part)[None] for key, part in x.items()}, True


def _is_single(spec: Spec, shape: tuple[int, ...]) -> bool:
    """Return whether an array of this shape is one row for an input, not rows that lack a channel axis."""
    if len(shape) != spec.rank - 1 or not shape:
        return False
    last = spec.shape[-1]
    return shape[-1] == last or not isinstance(last, int) or (spec.rank == 2 and last != 1)


def _shape_of(value: Any) -> tuple[int, ...]:
    """Return the shape of an array, a frame or a nested list; of a list by its first elements."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return tuple(shape)
    if isinstance(value, list | tuple):
        return (len(value), *(_shape_of(value[0]) if value else ()))
    return np.shape(value) if hasattr(value, "__array__") or hasattr(value, "__array_interface__") else ()


def _targets_as_batch(y: Any, is_single: bool) -> Any:
    """Return targets with a batch axis; of a single row they get one."""
    if isinstance(y, Mapping):
        return {name: _targets_as_batch(part, is_single) for name, part in y.items()}
    return as_array("y", y)[None] if y is not None and (is_single or not _shape_of(y)) else y


def _has_no_rows(x: Any) -> bool:
    """Return whether these are zero rows: an empty list, array or frame, or such inputs by name."""
    if isinstance(x, Mapping):
        return bool(x) and all(map(_has_no_rows, x.values()))
    if isinstance(x, Table):
        return x.rows == 0
    is_rows = isinstance(x, list | tuple | np.ndarray) or type(x).__name__ in FRAMES
    return is_rows and np.ndim(x if isinstance(x, np.ndarray) else ()) != 0 and not len(x)


def _empty_inputs(model: ModelState, network: Network, x: Any) -> dict[str, np.ndarray]:
    """Return zero rows of each input by name; E209: arrays of another shape; E313 as in ``in_order``."""
    specs = network.inputs
    parts = in_order(x, model.columns) if model.preparation is None else {}
    named = parts if isinstance(parts, Mapping) else {next(iter(specs)): parts}
    arrays = {
        name: np.zeros(_shape_without_rows(spec, named.get(name)), spec.dtype) for name, spec in specs.items()
    }
    require_fit(specs, arrays)
    return arrays


def _shape_without_rows(spec: Spec, part: Any) -> tuple[int, ...]:
    """Return the shape of zero rows: that of an array or frame, otherwise that of the input."""
    shape = np.shape(part) if isinstance(part, np.ndarray) or type(part).__name__ in FRAMES else ()
    own = tuple(n if isinstance(n, int) else 1 for n in spec.shape[1:])
    return (0, *(shape[1:] if len(shape) > 1 else own))


@frozen
class KnownRows:
    """How many of the given rows the training used, by purpose.

    Args:
        training: rows from which the gradients were computed.
        validation: rows of early stopping.
        test: rows that the training did not use.
    """

    training: int
    validation: int
    test: int


def known_rows(model: ModelState, x: Any) -> KnownRows | None:
    """Return the split of the rows if the model was trained on them; else ``None``.

    Args:
        model: its facts contain the fingerprint and the split.
        x: a table; always ``None`` for arrays, which have no fingerprint.
    """
    parts, prepared = model.facts.get("split"), model.preparation
    if not isinstance(x, Table) or not isinstance(parts, dict) or prepared is None:
        return None
    counts = [count for name in ("training", "validation", "test") if type(count := parts.get(name)) is int]
    if prepared.target not in x.columns or len(counts) != 3:
        return None
    labeled = x.take(np.flatnonzero(x.frame[prepared.target].is_not_null().to_numpy()))
    return KnownRows(*counts) if model.facts.get("fingerprint") == labeled.fingerprint else None
