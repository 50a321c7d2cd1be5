"""Whose score is explained: from a person's "the class setosa" to weights on the numbers of an output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.attribution.score import EXPLAINED, OFFSET, WEIGHTS, Score, score_of
from chainrule.errors import TrainingError, UsageError, nearest
from chainrule.records import frozen
from chainrule.spec import bound
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.inputs.target import Target, by_output

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


@frozen(eq=False)
class Choice:
    """What is explained of each sample.

    Args:
        score: the score as a graph.
        chosen: what it is made of for each sample; see ``Question``.
        names: what is explained of each sample, as a person calls it.
    """

    score: Score
    chosen: dict[str, np.ndarray]
    names: tuple[Any, ...]


def choose(
    model: ModelState, inputs: dict[str, np.ndarray], target: Any, y: Any, output: Any, explains: Any
) -> Choice:
    """What is explained of each sample.

    Args:
        model: a learner that has learned.
        inputs: the samples.
        target: a class, or a number of an output; one for all samples or one for each; of a sequence
            ``(place, class)``. By default what the model answers: the likeliest class, at the last place.
        y: what was wanted, where the loss is explained.
        output: which output, by name; by default the first.
        explains: of ``EXPLAINED``; by default the logit of a classifier, the value of another net.

    Raises:
        UsageError E101: no such output, no such thing to explain. TrainingError E544: no such class or place.
    """
    assert model.network is not None
    output = _known(output or next(iter(model.targets)), list(model.targets), "output")
    task = model.targets[output]
    is_classes = task.loss.task == "classification"
    usual = "loss" if y is not None and target is None and explains is None else "logit"
    usual = usual if is_classes or usual == "loss" else "value"
    known = EXPLAINED if is_classes else ("loss", "value")
    explains = _known(explains or usual, known, "explains")
    score, rows = score_of(model.network, output, explains), len(next(iter(inputs.values())))
    if explains == "loss":
        wanted = _wanted(model, y, rows)
        return Choice(score, wanted, _labels(task, next(iter(wanted.values()))))
    return _weighed(model, score, inputs, target, rows)


def _known(name: Any, known: Sequence[str], what: str) -> str:
    if name not in known:
        close = nearest(str(name), known) or known[0]
        raise UsageError(
            "E101", where=f"attribute, {what}", name=name, expected=", ".join(known), received=repr(name),
            fix=f'{what}="{close}"',
        )  # fmt: skip
    return name


def _labels(task: Target, coded: np.ndarray) -> tuple[Any, ...]:
    """What was wanted of each sample, as a person calls it."""
    if task.is_single and task.labels:
        return tuple(task.labels[int(number)] for number in coded.reshape(len(coded)))
    return tuple(_plain(row.reshape(-1)[0]) if row.size == 1 else "targets" for row in coded)


def _wanted(model: ModelState, y: Any, rows: int) -> dict[str, np.ndarray]:
    """The targets as the loss wants them, by the names of its inputs."""
    assert model.network is not None
    given = y
    if y is not None and not isinstance(y, dict):
        given = np.asarray(y)
        given = given[None] if given.ndim == 0 else given
        if model.preparation is not None and model.preparation.task == "regression":
            given = (given - model.preparation.target_mean) / model.preparation.target_std
    parts = by_output(model.targets, given)
    coded = {
        model.network.target_names[name]: target.encode(parts[name]) if name in parts else target.unused(rows)
        for name, target in model.targets.items()
    }
    short = [name for name, array in coded.items() if len(array) != rows]
    if short:
        raise TrainingError(
            "E504", where="attribute, y", expected=f"{rows} targets", received=f"{len(coded[short[0]])}"
        )
    return coded


def _weighed(
    model: ModelState, score: Score, inputs: dict[str, np.ndarray], target: Any, rows: int
) -> Choice:
    """The weights that pick one number of each sample's output."""
    task, (_, numbers) = model.targets[score.output], bound((0, *score.answer.shape[1:]))
    given = _usual(model, task, score.output, inputs) if target is None else _each(target, rows)
    weights, offset = np.zeros((rows, numbers)), np.zeros(rows)
    prepared = model.preparation
    scale, shift = 1.0, 0.0
    if prepared is not None and prepared.task == "regression":
        scale, shift = prepared.target_std, prepared.target_mean  # in the units of the table's column
    for i, one in enumerate(given):
        at, sign = _located(task, one, numbers)
        weights[i, at] = sign * scale
        offset[i] = shift + (1.0 if sign < 0 and score.explains == "probability" else 0.0)
    chosen = {WEIGHTS: weights.astype(model.recipe.dtype), OFFSET: offset.astype(model.recipe.dtype)}
    column = prepared.target if prepared is not None and score.explains == "value" else ""
    return Choice(score, chosen, tuple(column or _label(one) for one in given))


def _each(target: Any, rows: int) -> list[Any]:
    """One target for each sample."""
    if not isinstance(target, list) and not (isinstance(target, np.ndarray) and target.ndim):
        return [_plain(target)] * rows
    if len(target) != rows:
        raise TrainingError(
            "E544", where="attribute, target", expected=f"{rows} targets, one for each sample",
            received=str(len(target)), fix="target=None: what the model answers",
        )  # fmt: skip
    return [_plain(one) for one in target]


def _usual(model: ModelState, task: Target, output: str, inputs: dict[str, np.ndarray]) -> list[Any]:
    """What the model answers of each sample: the likeliest class, at the last place; the only value."""
    said = predictions(model, inputs, "answer")[output]
    if task.is_classes:
        decided = task.decide(said)
        last = tuple(n - 1 for n in decided.shape[1:])
        labels = [_plain(decided[(i, *last)]) for i in range(len(decided))]
        return [(*last, label) for label in labels] if last else labels
    flat = said.reshape(len(said), -1)
    if flat.shape[1] > 1 and task.loss.task != "classification":
        raise TrainingError(
            "E544", where="attribute, target", expected=f"a number from 0 to {flat.shape[1] - 1}",
            received="none", fix="target=0",
        )  # fmt: skip
    return flat.argmax(1).tolist()


def _located(task: Target, one: Any, numbers: int) -> tuple[int, int]:
    """Which number of an output a target is, and its sign.

    Raises:
        TrainingError E544: no such class, number or place.
    """
    if not task.is_classes:
        if isinstance(one, bool) or not isinstance(one, int) or not 0 <= one < numbers:
            raise _no_target(f"a number from 0 to {numbers - 1}", one, "target=0")
        return one, 1
    inside = bound(task.output.shape[1:-1]) if task.scores > 1 else ()
    place, label = (), one
    if inside:
        fits = isinstance(one, tuple) and len(one) == len(inside) + 1
        place, label = (one[:-1], one[-1]) if fits else ((), one)
        if not fits or not all(type(p) is int and 0 <= p < n for p, n in zip(place, inside, strict=True)):
            last = ", ".join(str(n - 1) for n in inside)
            raise _no_target(
                f"(place, class): a place up to ({last})", one, f"target=({last}, {_labels_of(task)[0]!r})"
            )
    labels = _labels_of(task)
    texts = [str(known) for known in labels]
    if label not in labels and str(label) not in texts:
        near = nearest(str(label), texts) or texts[0]
        raise _no_target(f"a class: {', '.join(texts[:20])}", one, f"target={near!r}")
    number = labels.index(label) if label in labels else texts.index(str(label))
    if task.room != task.scores:  # one score between two classes
        return 0, 1 if number == 1 else -1
    return int(np.ravel_multi_index((*place, number), (*inside, task.scores))), 1


def _labels_of(task: Target) -> tuple[Any, ...]:
    """The classes; their numbers where no training has named them yet."""
    return task.labels or tuple(range(task.room))


def _no_target(expected: str, received: Any, fix: str) -> TrainingError:
    return TrainingError(
        "E544", where="attribute, target", expected=expected, received=repr(received)[:80], fix=fix
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _label(one: Any) -> Any:
    """A target as a person reads it."""
    if isinstance(one, tuple):
        return f"{one[-1]} at {', '.join(map(str, one[:-1]))}"
    return one
