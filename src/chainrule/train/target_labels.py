"""The labels of a model before its training: those of its targets, or the classes of a table.

A table encodes its target column as class indices. They need not become labels again: the model learns the
labels of the table, and takes the indices as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.train.inputs.target import by_output, targets_of
from chainrule.train.model_state import ModelState


def class_numbers(model: ModelState, data: Arrays) -> np.ndarray | None:
    """The class of each row, (N,), for a stratified split; ``None`` where rows have no single class."""
    target = next(iter(model.targets.values()))
    if len(model.targets) > 1 or not target.is_single:
        return None
    y = next(iter(by_output(model.targets, data.y).values()))
    return target.encode(y).reshape(-1).astype(np.int64)


def learn_labels(
    model: ModelState, data: Arrays, continues: bool, indexed: Sequence[Any], public: Sequence[Any]
) -> tuple[ModelState, ModelState, Arrays]:
    """The model with the labels of a training.

    Args:
        model: with the graphs for these inputs.
        data: the training rows.
        continues: whether the training starts from the present parameters, and so with the present labels.
        indexed: the labels of which the targets are indices; empty: they are labels or values.
        public: the labels where they are public; empty: those that occur.

    Returns:
        the model, the model that encodes the targets of the rows, and the rows.
    """
    if not indexed:
        learned = _with_labels(model, data, continues, public)
        return learned, learned, data
    if not _takes_indices(model, continues):
        data = replace(data, y=np.array(indexed)[np.asarray(data.y)])
        return learn_labels(model, data, continues, (), public)
    learned = _with_labels(model, data, continues, indexed)
    return learned, _with_indices(learned, indexed), data


def _takes_indices(model: ModelState, continues: bool) -> bool:
    """Whether class indices can take the place of the labels: one output, whose labels are not known yet."""
    is_single = len(model.targets) == 1 and next(iter(model.targets.values())).is_single
    return is_single and not (continues and model.labels)


def _with_indices(model: ModelState, labels: Sequence[Any]) -> ModelState:
    """The model with the indices of its labels among ``labels`` in place of the labels; a label that is not
    among them gets a number that no row has."""
    unused, index_of = range(-1, -1 << 40, -1), {label: i for i, label in enumerate(labels)}
    indices = {
        name: replace(
            target,
            labels=tuple(index_of.get(label, unused[i]) for i, label in enumerate(target.labels)),
        )
        for name, target in model.targets.items()
    }
    return replace(model, targets=indices)


def _with_labels(model: ModelState, data: Arrays, continues: bool, labels: Sequence[Any]) -> ModelState:
    """The model with ``labels``; if empty, the declared ones, or those of these targets."""
    parts = by_output(model.targets, np.array(labels) if labels else data.y)
    if continues and model.labels:
        return model
    assert model.network is not None
    targets = targets_of(model.network, model.classes)
    learned = {
        name: target.with_labels(parts[name]) if name in parts and not target.labels else target
        for name, target in targets.items()
    }
    return replace(model, targets=learned)
