"""A trained net whose answer is not finite: the same search as for a step, on the rows that fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines.reference import Program
from chainrule.errors import TrainingError
from chainrule.events import notices
from chainrule.train.evaluation.prediction import checked_inputs
from chainrule.train.model_state import ModelState
from chainrule.train.nonfinite.cause import behind, remedy_of
from chainrule.train.nonfinite.narrative import headline
from chainrule.train.nonfinite.origin import find
from chainrule.train.nonfinite.record import BlackBox
from chainrule.train.nonfinite.scan_origin import inside
from chainrule.train.nonfinite.verdict import located
from chainrule.train.state_holder import StateHolder

MOST = 64  # rows that are looked into


def black_box_of(model: StateHolder, x: Any) -> BlackBox | None:
    """Why answers are not finite: the first operation, its layer, the rows, the cause.

    Args:
        model: a trained model.
        x: samples, as for ``predict``.

    Returns:
        ``None`` when every answer is finite.

    Raises:
        TrainingError E503: the model has not learned anything yet.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse")
        >>> _ = model.fit([[1.0], [2.0]], [2.0, 4.0], epochs=1, verbose=False)
        >>> black_box_of(model, [[1.0]]) is None
        True
        >>> print(black_box_of(model.load_parameters({"dense1.bias": [float("nan")]}), [[1.0]]).cause("en"))
        dense1.bias held NaN or infinity before the step
    """
    state = model.state
    if state.network is None:
        raise TrainingError("E503", where="black_box_of", fix="model.fit(x, y)")
    arrays = checked_inputs(state, Arrays.of(x, dtype=state.recipe.dtype).x)
    found = state.network.answers.run({**state.held, **arrays})
    rows = _broken_rows(found)
    return _report(state, arrays, rows) if len(rows) else None


def report_nonfinite_predictions(
    model: ModelState, arrays: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> None:
    """Tell whoever listens that answers are not finite, and why.

    Args:
        model: who answered.
        arrays: what it was asked, by input name.
        found: the answers by output name.
    """
    rows, of = _broken_rows(found), len(next(iter(arrays.values())))
    report = _report(model, arrays, rows)
    en, zh = (f"{headline(report, lang)}: {report.cause(lang)}" for lang in ("en", "zh"))
    notices.emit(
        f"{len(rows)} of {of} answers are not finite: {en}", f"{of} 个预测中有 {len(rows)} 个不是有限数：{zh}"
    )


def _broken_rows(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """The rows with an answer that is not finite."""
    parts = [~np.isfinite(a).reshape(len(a), -1).all(axis=1) for a in found.values() if a.dtype.kind == "f"]
    return np.flatnonzero(np.logical_or.reduce(parts)) if parts else np.zeros(0, np.int64)


def _report(model: ModelState, arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> BlackBox:
    """The first operation to blame for these rows."""
    assert model.network is not None
    rows, graph = rows[:MOST], model.network.answers.graph
    given = {**model.held, **{name: array[rows] for name, array in arrays.items()}}
    given = {name: given[name] for name in graph.inputs}
    walked = list(Program(graph).walk(given))
    made = {node: (card, read) for node, card, read, _ in walked}
    origin = find(graph, (), given, walked)
    origin = None if origin is None else inside(origin)
    report = located(origin, rows, model.network.answers.run(given), graph, made)
    far = None if origin is None else behind(origin, report.causes[0], given, graph, (), rows)
    causes = report.causes if far is None else (*report.causes, far)
    optimizer = type(model.recipe.optimizer).__name__
    return replace(report, phase="forward", causes=causes, remedy=remedy_of(causes, optimizer))
