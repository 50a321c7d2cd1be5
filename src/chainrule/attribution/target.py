"""The target of an attribution: from a class, index or position to weights on the elements of an output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.attribution.score import EXPLAINED, OFFSET, WEIGHTS, Score, score_of
from chainrule.errors import TrainingError, UsageError, alternatives, fact, nearest
from chainrule.records import frozen
from chainrule.spec import bound
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.inputs.target import Target, by_output

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


@frozen(eq=False)
class SelectedTarget:
    """The explained score of each sample.

    Args:
        score: the score as a graph.
        score_inputs: its inputs for each sample; see ``AttributionContext``.
        names: the name of the explained target of each sample.
    """

    score: Score
    score_inputs: dict[str, np.ndarray]
    names: tuple[Any, ...]


def select_target(
    model: ModelState, inputs: dict[str, np.ndarray], target: Any, y: Any, output: Any, explains: Any
) -> SelectedTarget:
    """Select what is explained of each sample.

    Args:
        model: a trained model.
        inputs: the samples.
        target: a class, or the index of an element of the output; one for all samples or a list with one for
            each; for a sequence ``(position, class)``. Default: the most likely class, at the last position.
        y: the targets of the samples, if the loss is explained.
        output: the name of the output; the first by default.
        explains: one of ``EXPLAINED``; by default the logit of a classifier and the value of other models.

    Raises:
        UsageError E101: unknown output or score. TrainingError E544: unknown class, index or position.
    """
    assert model.network is not None
    output = _require_name(output or next(iter(model.targets)), list(model.targets), "output")
    task = model.targets[output]
    is_classes = task.loss.task == "classification"
    default = "loss" if y is not None and target is None and explains is None else "logit"
    default = default if is_classes or default == "loss" else "value"
    known = EXPLAINED if is_classes else ("loss", "value")
    explains = _require_name(explains or default, known, "explains")
    score, rows = score_of(model.network, output, explains), len(next(iter(inputs.values())))
    if explains == "loss":
        targets = _encoded_targets(model, y, rows)
        return SelectedTarget(score, targets, _labels(task, next(iter(targets.values()))))
    return _weighted(model, score, inputs, target, rows)


def _require_name(name: Any, known: Sequence[str], what: str) -> str:
    if name not in known:
        close = nearest(str(name), known) or known[0]
        where = f"attribute, {what}"
        expected = ", ".join(known)
        fix = f'{what}="{close}"'
        raise UsageError("E101", where=where, name=name, expected=expected, received=repr(name), fix=fix)
    return name


def _labels(task: Target, coded: np.ndarray) -> tuple[Any, ...]:
    """Return the targets of the samples as labels."""
    if task.is_single and task.labels:
        return tuple(task.labels[int(number)] for number in coded.reshape(len(coded)))
    return tuple(_plain(row.reshape(-1)[0]) if row.size == 1 else "targets" for row in coded)


def _encoded_targets(model: ModelState, y: Any, rows: int) -> dict[str, np.ndarray]:
    """Return the targets in the form that the loss expects, by the names of its inputs."""
    assert model.network is not None
    targets = y
    if y is not None and not isinstance(y, dict):
        targets = np.asarray(y)
        targets = targets[None] if targets.ndim == 0 else targets
        if model.preparation is not None and model.preparation.task == "regression":
            targets = (targets - model.preparation.target_mean) / model.preparation.target_std
    parts = by_output(model.targets, targets)
    coded = {
        model.network.target_names[name]: target.encode(parts[name])
        if name in parts
        else target.placeholder(rows)
        for name, target in model.targets.items()
    }
    short = [name for name, array in coded.items() if len(array) != rows]
    if short:
        expected = fact("{rows} targets", rows=rows)
        received = f"{len(coded[short[0]])}"
        raise TrainingError("E504", where="attribute, y", expected=expected, received=received)
    return coded


def _weighted(
    model: ModelState, score: Score, inputs: dict[str, np.ndarray], target: Any, rows: int
) -> SelectedTarget:
    """Return the weights that select one element of the output of each sample."""
    task, (_, numbers) = model.targets[score.output], bound((0, *score.flat_output.shape[1:]))
    targets = (
        _default_targets(model, task, score.output, inputs) if target is None else _per_sample(target, rows)
    )
    weights, offset = np.zeros((rows, numbers)), np.zeros(rows)
    preparation = model.preparation
    scale, shift = 1.0, 0.0
    if preparation is not None and preparation.task == "regression":
        scale, shift = preparation.target_std, preparation.target_mean  # in the units of the table's column
    for i, one in enumerate(targets):
        at, sign = _locate(task, one, numbers)
        weights[i, at] = sign * scale
        offset[i] = shift + (1.0 if sign < 0 and score.explains == "probability" else 0.0)
    score_inputs = {WEIGHTS: weights.astype(model.recipe.dtype), OFFSET: offset.astype(model.recipe.dtype)}
    column = preparation.target if preparation is not None and score.explains == "value" else ""
    return SelectedTarget(score, score_inputs, tuple(column or _target_name(one) for one in targets))


def _per_sample(target: Any, rows: int) -> list[Any]:
    """Return one target for each sample."""
    if not isinstance(target, list) and not (isinstance(target, np.ndarray) and target.ndim):
        return [_plain(target)] * rows
    if len(target) != rows:
        expected = fact("{rows} targets, one for each sample", rows=rows)
        received = str(len(target))
        fix = fact("target=None: the prediction of the model")
        raise TrainingError("E544", where="attribute, target", expected=expected, received=received, fix=fix)
    return [_plain(one) for one in target]


def _default_targets(
    model: ModelState, task: Target, output: str, inputs: dict[str, np.ndarray]
) -> list[Any]:
    """Return the predicted class of each sample, at the last position; the index of a single value."""
    output_values = predictions(model, inputs, "prediction")[output]
    if task.is_classes:
        decided = task.decode(output_values)
        last = tuple(n - 1 for n in decided.shape[1:])
        labels = [_plain(decided[(i, *last)]) for i in range(len(decided))]
        return [(*last, label) for label in labels] if last else labels
    flat = output_values.reshape(len(output_values), -1)
    if flat.shape[1] > 1 and task.loss.task != "classification":
        expected = fact("a number of the output, from 0 to {last}", last=flat.shape[1] - 1)
        raise TrainingError(
            "E544", where="attribute, target", expected=expected, received=fact("none"), fix="target=0"
        )
    return flat.argmax(1).tolist()


def _locate(task: Target, one: Any, numbers: int) -> tuple[int, int]:
    """Return the index of the element of the output that a target selects, and its sign.

    Raises:
        TrainingError E544: unknown class, index or position.
    """
    if not task.is_classes:
        if isinstance(one, bool) or not isinstance(one, int) or not 0 <= one < numbers:
            raise _no_target(fact("an integer from 0 to {last}", last=numbers - 1), one, "target=0")
        return one, 1
    inside = bound(task.output.shape[1:-1]) if task.scores > 1 else ()
    place, label = (), one
    if inside:
        fits = isinstance(one, tuple) and len(one) == len(inside) + 1
        place, label = (one[:-1], one[-1]) if fits else ((), one)
        if not fits or not all(type(p) is int and 0 <= p < n for p, n in zip(place, inside, strict=True)):
            last, label = ", ".join(str(n - 1) for n in inside), _class_labels(task)[0]
            fix = alternatives(f"target=({last}, {label!r})", f"--target {last.replace(' ', '')},{label}")
            raise _no_target(fact("(position, class): a position up to ({last})", last=last), one, fix)
    labels = _class_labels(task)
    texts = [str(known) for known in labels]
    if label not in labels and str(label) not in texts:
        close = nearest(str(label), texts) or texts[0]
        raise _no_target(fact("a class: {names}", names=", ".join(texts[:20])), one, f"target={close!r}")
    number = labels.index(label) if label in labels else texts.index(str(label))
    if task.max_classes != task.scores:  # one logit for two classes
        return 0, 1 if number == 1 else -1
    return int(np.ravel_multi_index((*place, number), (*inside, task.scores))), 1


def _class_labels(task: Target) -> tuple[Any, ...]:
    """Return the classes; their indices if they have no labels yet."""
    return task.labels or tuple(range(task.max_classes))


def _no_target(expected: str, received: Any, fix: str) -> TrainingError:
    return TrainingError(
        "E544", where="attribute, target", expected=expected, received=repr(received)[:80], fix=fix
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _target_name(one: Any) -> Any:
    """Return the name of a target."""
    if isinstance(one, tuple):
        return f"{one[-1]} at {', '.join(map(str, one[:-1]))}"
    return one
