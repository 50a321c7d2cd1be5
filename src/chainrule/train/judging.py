"""A learner's answers, and how good they are. Rows go through in blocks of fixed size, so memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines.run import Program
from chainrule.nn.summary import built_rows
from chainrule.spec import Size, Spec
from chainrule.train.metric import Answers, known_metrics, score
from chainrule.train.step import Network
from chainrule.train.target import Target

if TYPE_CHECKING:
    from chainrule.train.learner import Learner

BLOCK = 1024  # rows at a time: always the same, so that answers do not depend on how many are asked for


def targets_of(network: Network) -> dict[str, Target]:
    """What each output is asked for, before any label is known."""
    found = {}
    for name, node in network.inference.outputs.items():
        last = node.shape[-1]
        scores = last if node.rank == 2 and isinstance(last, int) else 1
        found[name] = Target(network.losses[name], network.targets[name].spec, scores)
    return found


def blocks(rows: int) -> Iterator[np.ndarray]:
    """The row numbers, a block at a time."""
    for start in range(0, rows, BLOCK):
        yield np.arange(start, min(start + BLOCK, rows))


def answers(model: Learner, arrays: Mapping[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    """The outputs for all rows.

    Args:
        model: an initialised learner.
        arrays: the inputs by name.
        kind: ``"raw"`` for what the net gives, ``"answer"`` for probabilities or values.
    """
    assert model.network is not None
    program = model.network.answers()
    held = {**model.parameters(), **model.states()}
    parts = [
        program.run({**held, **{name: a[rows] for name, a in arrays.items()}})
        for rows in blocks(len(next(iter(arrays.values()))))
    ]
    names = model.network.inference.outputs
    return {name: np.concatenate([part[f"{kind}.{name}"] for part in parts]) for name in names}


def single(found: dict[str, np.ndarray]) -> np.ndarray | dict[str, np.ndarray]:
    """The only array, or all by name."""
    return next(iter(found.values())) if len(found) == 1 else found


def evaluate(model: Learner, x: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
    """The loss and the metrics of a learner on samples."""
    model.predict(np.zeros((0,))) if model.network is None else None
    data = Arrays.of(x, y, sample_weight, model.recipe.dtype)
    coded = encoded(model, data)
    assert model.network is not None
    values = measure(model.network.judge(), coded, {**model.parameters(), **model.states()}, model.targets, model.metrics)
    return {name.removeprefix("val_"): value for name, value in values.items()}


def encoded(model: Learner, data: Arrays) -> Arrays:
    """The same rows as the step wants them: inputs and targets by the names of its inputs."""
    assert model.network is not None
    inputs = data.x if isinstance(data.x, dict) else {next(iter(model.network.inputs)): data.x}
    names = {output: node.op.attributes["label"] for output, node in model.network.targets.items()}
    parts = data.y if isinstance(data.y, dict) else {next(iter(model.targets)): data.y}
    targets = {names[output]: target.encode(np.asarray(parts[output])) for output, target in model.targets.items()}
    return Arrays(model.fitting(inputs), targets, data.weights)


def measure(
    program: Program,
    data: Arrays,
    held: Mapping[str, np.ndarray],
    targets: Mapping[str, Target],
    metrics: tuple[str, ...] | None,
) -> dict[str, float]:
    """``val_loss`` and the metrics (``val_accuracy``; ``val_NAME_accuracy`` with several outputs) of encoded rows."""
    assert isinstance(data.x, dict) and isinstance(data.y, dict)
    parts = []
    for rows in blocks(data.rows):
        block = data.take(rows)
        parts.append(program.run({**held, **block.x, **block.y}))  # pyright: ignore[reportGeneralTypeIssues, reportCallIssue]
    loss = np.concatenate([part["loss"] for part in parts]).astype(np.float64)
    found = {"val_loss": float(np.average(loss, weights=data.weights))}
    for (output, target), y in zip(targets.items(), data.y.values(), strict=True):
        answer = np.concatenate([part[f"answer.{output}"] for part in parts])
        judged = _judgeable(target, y, answer, data.weights)
        prefix = "val_" if len(targets) == 1 else f"val_{output}_"
        names = None if metrics is None else tuple(m for m in metrics if m in known_metrics(None, judged.task))
        found.update({f"{prefix}{name}": value for name, value in score(judged, names).items()})
    return found


def _judgeable(target: Target, y: np.ndarray, answer: np.ndarray, weights: np.ndarray | None) -> Answers:
    if target.is_classes:
        return Answers(y.reshape(-1).astype(np.int64), target.probabilities(answer), weights, "classification")
    flat = (len(y), -1)
    return Answers(y.reshape(flat), answer.reshape(flat), weights, "regression")


def summary(model: Learner) -> str:
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
