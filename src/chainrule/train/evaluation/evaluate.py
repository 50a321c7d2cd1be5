"""Evaluation: the loss and the metrics of a model on labeled rows.

Rows are run in blocks, so the memory needed does not grow with their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines.dispatch import Program
from chainrule.errors import TrainingError
from chainrule.nn.summary import built_rows
from chainrule.records import frozen
from chainrule.spec import Size, Spec
from chainrule.train.evaluation.metric import (
    FIRST,
    UNJUDGED,
    Answers,
    Asked,
    Metric,
    found,
    known_metrics,
    metrics_for,
    to_name,
    usual_metrics,
)
from chainrule.train.evaluation.prediction import blocks, checked_inputs, joined, predictions
from chainrule.train.inputs import tabular
from chainrule.train.inputs.sample_weights import refuse_misplaced, refuse_weightless
from chainrule.train.inputs.target import Target, by_output
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.train.objective import SAMPLE_WEIGHT, row_weights
from chainrule.train.step import evaluation_program

if TYPE_CHECKING:
    from chainrule.data import Preparation


@frozen
class Evaluator:
    """Rows with known answers, ready to say how good a net is on them.

    Args:
        network: the graphs.
        rows: encoded rows.
        targets: what each output is asked for.
        metrics: what is measured of each output, besides the loss.
        preparation: gives values back their units; without one they are measured as they are.
    """

    network: Network
    rows: Arrays
    targets: Mapping[str, Target]
    metrics: Mapping[str, tuple[Metric, ...]]
    preparation: Preparation | None = None

    @property
    def program(self) -> Program:
        """From inputs and targets to each sample's loss and the answers."""
        return evaluation_program(self.network, self.rows.weights)

    @property
    def columns(self) -> list[str]:
        """The columns that an evaluation adds to the row of an epoch."""
        own = [column(self.targets, output, m.label) for output in self.metrics for m in self.metrics[output]]
        return [f"val_{name}" for name in ("loss", *own)]

    @property
    def measured(self) -> dict[str, list[str]]:
        """The names of what is measured of each output."""
        return {output: [each.label for each in metrics] for output, metrics in self.metrics.items()}

    def __call__(self, held: Mapping[str, np.ndarray]) -> dict[str, float]:
        """``loss``, and the metrics: ``accuracy``, or ``NAME_accuracy`` of each of several outputs.

        Args:
            held: the parameters and states, by path.
        """
        # Scores of a vocabulary at each place of a text are more than memory holds: what none asks for goes.
        program = self.program
        kept = [name for name in program.graph.outputs if not name.startswith("answer.")]
        kept += [f"answer.{output}" for output, metrics in self.metrics.items() if metrics]
        parts = []
        for rows in blocks(program, self.rows.rows):
            block: Any = self.rows.take(rows)
            given = {**held, **block.x, **block.y, SAMPLE_WEIGHT: block.weights}
            found = program.run({name: given[name] for name in program.graph.inputs})
            parts.append({name: found[name] for name in kept})
        losses = {name: joined(parts, name) for name in kept if not name.startswith("answer.")}
        measured = {"loss": mean_loss(losses, list(self.targets), self.rows.weights)}
        coded: Any = self.rows.y
        for (output, target), y in zip(self.targets.items(), coded.values(), strict=True):
            if not self.metrics[output]:
                continue
            judged = self._judgeable(target, y, joined(parts, f"answer.{output}"))
            measured |= {column(self.targets, output, m.label): m.of(judged) for m in self.metrics[output]}
        return measured

    def _judgeable(self, target: Target, y: np.ndarray, answer: np.ndarray) -> Answers:
        if target.task == UNJUDGED:
            answer = target.decide(answer)
        elif target.is_classes:
            answer = target.probabilities(answer)
        elif self.preparation is not None and self.preparation.task == "regression":
            y, answer = self.preparation.restore(y), self.preparation.restore(answer)
        return Answers.of(y, answer, self.rows.weights, target.task, target.ignored)


def mean_loss(
    found: Mapping[str, np.ndarray], outputs: Sequence[str], weights: np.ndarray | None = None
) -> float:
    """The loss over rows: the sum of weight times loss, divided by the sum of the weights, of each output.

    Args:
        found: what ``evaluation_program`` computed of the rows.
        outputs: the names of the outputs.
        weights: of the rows, or of their places.
    """
    own = weights if weights is not None and weights.ndim == 1 else None
    if not any(f"count.{name}" in found for name in outputs):
        return float(np.average(found["loss"].astype(np.float64), weights=own))
    losses = 0.0
    for name in outputs:
        total, count = (found[f"{part}.{name}"].astype(np.float64) for part in ("total", "count"))
        scale = 1.0 if own is None else own.astype(np.float64)
        losses += float((total * scale).sum() / ((count * scale).sum() or 1.0))
    return losses


def evaluator(model: ModelState, rows: Arrays, metrics: Mapping[str, tuple[Metric, ...]]) -> Evaluator:
    """What measures a learner on encoded rows."""
    assert model.network is not None
    return Evaluator(model.network, rows, model.targets, metrics, model.preparation)


def column(targets: Mapping[str, Target], output: str, metric: str) -> str:
    """The name under which a metric of an output is told."""
    return metric if len(targets) == 1 else f"{output}_{metric}"


def metrics_of(
    model: ModelState, watched: Sequence[str] | None = None, chosen: Iterable[str | Asked] | None = None
) -> dict[str, tuple[Metric, ...]]:
    """What is measured of each output: the metrics a person chose, or else the usual ones.

    Args:
        model: an initialized learner.
        watched: while training, the columns that stopping rules look at: then one figure of merit stands for
            all, so that an epoch's end costs little, and what is watched is measured as well.
        chosen: instead of those the model was made with.

    Raises:
        UsageError E101: a chosen metric that no output has. UsageError E102: a setting out of its range.
    """
    chosen = model.metrics if chosen is None else chosen
    tasks = dict.fromkeys(target.task for target in model.targets.values())
    asked = None if chosen is None else known_metrics(chosen, tasks)
    measured = {}
    for output, target in model.targets.items():
        if asked is not None:
            every = [each for each in asked if target.task in each.tasks]
        else:
            every = [m for m in usual_metrics(target.task) if watched is None or m.name == FIRST[target.task]]
        also = [each for name in watched or () if (each := metric_of(model.targets, output, name))]
        measured[output] = known_metrics([to_name(each) for each in (*every, *also)], [target.task])
    return measured


def metric_of(targets: Mapping[str, Target], output: str, name: str) -> Metric | None:
    """The metric of an output that a column tells; ``None`` if it tells none.

    Raises:
        UsageError E102: a metric with a setting out of its range.
    """
    start = "" if len(targets) == 1 else f"{output}_"
    each = found(name.removeprefix(start)) if name.startswith(start) else None
    return each if each is not None and targets[output].task in each.tasks else None


def columns_of(
    targets: Mapping[str, Target],
    watched: Sequence[str] = (),
    chosen: Mapping[str, Sequence[Metric]] | None = None,
) -> list[str]:
    """All that can be told of rows with known answers.

    Args:
        targets: what each output is asked for.
        watched: columns someone looks at, such as a metric with a setting of its own.
        chosen: the metrics of each output that a person chose, among which are those of one's own.
    """
    own = [column(targets, output, each.label) for output, ms in (chosen or {}).items() for each in ms]
    told = [column(targets, output, name) for output, t in targets.items() for name in metrics_for(t.task)]
    also = [name for name in watched if any(metric_of(targets, output, name) for output in targets)]
    return ["loss", *dict.fromkeys([*told, *also, *own])]


def evaluate(
    model: ModelState, x: Any, y: Any, sample_weight: Any = None, chosen: Iterable[str | Asked] | None = None
) -> dict[str, float]:
    """The loss and the metrics of a learner on samples; see ``chainrule.Model.evaluate``."""
    if model.network is None:
        raise TrainingError("E503", where="evaluate", fix="model.fit(x, y)")
    x, y = tabular.taken(model.preparation, x, y)
    rows = encoded(model, Arrays.of(x, y, sample_weight, model.recipe.dtype))
    refuse_misplaced(model.network, rows.weights)
    refuse_weightless(row_weights(model.network, rows))
    measured = evaluator(model, rows, metrics_of(model, chosen=chosen))(model.held)
    if not math.isfinite(measured["loss"]):
        predictions(model, checked_inputs(model, rows.x), "answer")  # warns of those that are not finite
    return measured


def encoded(model: ModelState, data: Arrays, where: str = "y") -> Arrays:
    """The same rows as the step wants them: inputs and targets by the names of its inputs.

    Args:
        model: an initialized learner.
        data: rows as a person gives them.
        where: what to call their targets in an error.

    Raises:
        ShapeError E209, TrainingError E504, E506: they do not fit the net.
    """
    assert model.network is not None
    names = model.network.target_names
    parts = by_output(model.targets, data.y, where)
    several = isinstance(data.y, dict)
    coded = {
        names[output]: target.encode(parts[output], f'{where}["{output}"]' if several else where)
        if output in parts
        else target.unused(data.rows)
        for output, target in model.targets.items()
    }
    return Arrays(checked_inputs(model, data.x), coded, data.weights)


def summary(model: ModelState) -> str:
    """The net as a table of text."""
    if model.network is None:
        return str(model.recipe.net)
    parts = built_rows(model.recipe.net, model.network.inference)
    rows = [("layer", "", "output", "parameters")]
    rows += [(p.path, p.layer, p.output, f"{p.parameters:,}") for p in parts]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = []
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row[:3], widths, strict=False)]
        lines.append("  ".join([*cells, row[3].rjust(widths[3])]).rstrip())
    return "\n".join([*lines, f"{model.network.count:,} parameters"])


def specs_of(arrays: Mapping[str, np.ndarray]) -> dict[str, Spec]:
    """The specs of inputs like these arrays, for batches of any size."""
    batch = Size.symbol("B")
    return {name: Spec((batch, *a.shape[1:]), a.dtype.name) for name, a in arrays.items()}
