"""Rows for a picture: inputs and targets as the net sees them, answers beside what was wanted.

Pictures need no more than some rows: of many, an even part is taken, so that a picture of a large table costs
no more than one of a small table, and the same table gives the same picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from chainrule.data import Arrays
from chainrule.engines import reference
from chainrule.errors import TrainingError, UsageError
from chainrule.graph import Graph, Node
from chainrule.plotting.plot import not_given
from chainrule.records import frozen
from chainrule.train.evaluation import evaluate
from chainrule.train.evaluation.metric import Answers
from chainrule.train.evaluation.prediction import checked_inputs, predictions
from chainrule.train.inputs import tabular
from chainrule.train.network import Network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


@frozen(eq=False)
class Rows:
    """Rows as the net sees them: inputs by name and, where they were given, targets by name."""

    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]

    @property
    def count(self) -> int:
        """How many."""
        return len(next(iter(self.x.values())))

    def some(self, most: int) -> Rows:
        """At most so many of them, evenly."""
        if self.count <= most:
            return self
        taken = np.linspace(0, self.count - 1, most).round().astype(int)
        return Rows({k: a[taken] for k, a in self.x.items()}, {k: a[taken] for k, a in self.y.items()})


def network_of(model: ModelState, kind: str) -> Network:
    """The graphs of a model.

    Fails:
        TrainingError E503: it has learned nothing yet.
    """
    if model.network is None:
        raise TrainingError("E503", where=f"plot.{kind}", fix="model.fit(x, y)")
    return model.network


def inputs_of(model: ModelState, x: Any, kind: str) -> Rows:
    """Rows without targets; one sample without its batch axis is one row.

    Args:
        model: knows what it was trained on.
        x: as for ``predict``.
        kind: the picture that is asked for.
    """
    network = network_of(model, kind)
    if x is None:
        raise not_given(kind, "x", "no rows")
    if model.preparation is not None and tabular.is_table(x, None):
        return Rows({next(iter(network.inputs)): tabular.inputs(model.preparation, x)}, {})
    name, spec = next(iter(network.inputs.items()))
    first: Any = x.get(name) if isinstance(x, dict) else x
    if np.ndim(first) == spec.rank - 1:
        x = {k: np.asarray(v)[None] for k, v in x.items()} if isinstance(x, dict) else np.asarray(x)[None]
    return Rows(checked_inputs(model, Arrays.of(x, dtype=model.recipe.dtype).x), {})


def rows_of(model: ModelState, x: Any, y: Any, kind: str) -> Rows:
    """Rows with targets, as the loss wants them.

    Args:
        model, x, kind: as for ``inputs_of``.
        y: as for ``evaluate``; of a table its target column by default.
    """
    network_of(model, kind)
    x, y = tabular.taken(model.preparation, x, y)
    if x is None or y is None:
        raise not_given(kind, "x, y", "no rows" if x is None else "rows without targets")
    coded: Any = evaluate.encoded(model, Arrays.of(x, y, dtype=model.recipe.dtype))
    return Rows(coded.x, coded.y)


@frozen(eq=False)
class Judged:
    """Answers beside targets of one output.

    Args:
        answers: in the form metrics read; values in the units of the table.
        labels: what the classes are called.
    """

    answers: Answers
    labels: tuple[str, ...]


def judged(model: ModelState, rows: Rows, kind: str, tasks: tuple[str, ...]) -> Judged:
    """What the model says of rows beside what was wanted.

    Args:
        model, rows: whose answers, to what.
        kind: the picture that is asked for.
        tasks: of the outputs it can show: ``"classification"`` and so on. The first such output is taken.

    Fails:
        UsageError E560: the model has no such output.
    """
    outputs = [name for name, target in model.targets.items() if target.task in tasks]
    if not outputs:
        found = ", ".join(dict.fromkeys(target.task for target in model.targets.values()))
        unsuited(
            kind, " / ".join(tasks), found, "model.plot.residuals(x, y)" if "regression" in found else ""
        )
    name = outputs[0]
    target, y = model.targets[name], rows.y[network_of(model, kind).target_names[name]]
    answer = predictions(model, rows.x, "answer")[name]
    if target.is_classes:
        answer = target.probabilities(answer)
    elif target.task == "regression" and model.preparation is not None:
        y, answer = model.preparation.restore(y), model.preparation.restore(answer)
    found = Answers.of(y, answer, None, target.task, target.ignored)
    labels = target.labels or tuple(range(found.answer.shape[1]))
    return Judged(found, tuple(str(label) for label in labels))


def values(model: ModelState, nodes: dict[str, Node], rows: Rows) -> dict[str, np.ndarray]:
    """What nodes of the net are for these rows, by the same names; computed by the law, node by node."""
    graph = Graph(nodes)
    given = {**model.held, **rows.x, **rows.y}
    return reference.Program(graph).run({name: given[name] for name in graph.inputs})


def feature_names(model: ModelState) -> tuple[str, ...]:
    """What the numbers of a row are called."""
    if model.preparation is not None:
        return model.preparation.feature_names
    assert model.network is not None
    last = next(iter(model.network.inputs.values())).shape[-1]
    return tuple(f"x{i + 1}" for i in range(last if isinstance(last, int) else 0))


def unsuited(kind: str, expected: str, received: str, fix: str = "") -> NoReturn:
    """Say why a picture cannot be of this model.

    Fails:
        UsageError E560: always.
    """
    raise UsageError(
        "E560", where=f"plot.{kind}", picture=kind, expected=expected, received=received, fix=fix
    )
