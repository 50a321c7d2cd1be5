"""The answer that is wanted of a row, as a margin: how far inside it rows are, above 0 where it is reached.

Of classes the margin is the raw score of the wanted class less the best of the others: probabilities near 0
and 1 are flat, and a search that looks at them does not see which way is up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import UsageError, nearest
from chainrule.records import frozen
from chainrule.texts import render
from chainrule.train.evaluation.prediction import predict, predict_proba, raw_outputs
from chainrule.train.inputs.target import Target

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


@frozen(eq=False)
class Goal:
    """What is wanted, and how near rows are to it.

    Args:
        model: is asked.
        margin: from the net's inputs to (n,), above 0 where the wanted answer is given.
        answer, probability: what the model says of the row as it is.
        low, high: the wanted values; ``None`` for classes.
        label: the wanted class; ``None`` for any other, and for values.
    """

    model: ModelState
    margin: Callable[[np.ndarray], np.ndarray]
    answer: Any
    probability: float | None
    low: float | None = None
    high: float | None = None
    label: Any = None

    def wanted_in(self, lang: str) -> str:
        """What is wanted, in words."""
        if self.low is not None and self.high is not None:
            ends = (np.isfinite(self.low), np.isfinite(self.high))
            key = {(True, True): "between", (True, False): "least", (False, True): "most"}.get(ends, "any")
            return render(f"wanted_{key}", lang, low=f"{self.low:.6g}", high=f"{self.high:.6g}")
        return str(self.label) if self.label is not None else render("wanted_other", lang)

    def render(self, answer: Any, probability: float | None = None) -> str:
        """An answer as text."""
        text = f"{answer:.6g}" if isinstance(answer, float) else str(answer)
        return text if probability is None else f"{text} (p = {probability:.4g})"

    def answer_of(self, x: np.ndarray) -> tuple[Any, float | None]:
        """What the model says of one row, with the probability of a class."""
        return answer_of(self.model, x)

    def reached(self, x: np.ndarray) -> bool:
        """Whether the model itself gives the wanted answer for one row."""
        answer, _ = self.answer_of(x)
        if self.low is not None and self.high is not None:
            return self.low <= answer <= self.high
        return answer != self.answer if self.label is None else answer == self.label


def answer_of(model: ModelState, x: np.ndarray) -> tuple[Any, float | None]:
    """What a model says of one row: a label with its probability, or a value."""
    said = np.asarray(predict(model, x)).reshape(-1)[0]
    answer = said.item() if isinstance(said, np.generic) else said
    if model.task != "classification":
        return float(answer), None
    chances = np.asarray(predict_proba(model, x), np.float64)[0]
    return answer, float(chances[list(model.labels).index(answer)])


def goal_of(model: ModelState, x: np.ndarray, wanted: Any) -> Goal:
    """What is wanted of a row.

    Args:
        model: has learned.
        x: the row as the net's input, (1, F).
        wanted: a label, ``None`` for any other label; a value to be reached, or ``(low, high)`` with ``None``
            for no end.

    Raises:
        UsageError E547: no answer of this model. UsageError E548: it is already given.
    """
    (name, target), *others = model.targets.items()
    if others or not (target.is_single or (target.task == "regression" and target.scores == 1)):
        raise UsageError(
            "E547", where="counterfactual", expected="a model with one class or one value for a row",
            received=", ".join(f"{each}: {t.task}, {t.scores} numbers" for each, t in model.targets.items()),
        )  # fmt: skip
    goal = _class_goal if target.is_single else _value_goal
    found = goal(model, name, target, x, wanted)
    if found.reached(x):
        raise UsageError(
            "E548", where="counterfactual", wanted=found.wanted_in("en"), wanted_zh=found.wanted_in("zh"),
            expected="another answer", received=found.render(found.answer, found.probability),
            fix="target=None for any other answer" if found.low is None else "a value beyond the answer",
        )  # fmt: skip
    return found


def _class_goal(model: ModelState, name: str, target: Target, x: np.ndarray, wanted: Any) -> Goal:
    answer, probability = answer_of(model, x)
    spelled = {str(label): i for i, label in enumerate(target.labels)}
    if wanted is not None and str(wanted) not in spelled:
        close = nearest(str(wanted), [label for label in spelled if label != str(answer)])
        raise UsageError(
            "E547", where="counterfactual", expected=", ".join(spelled), received=repr(wanted)[:80],
            fix=f'target="{close}"' if close else "target=None for any other class",
        )  # fmt: skip
    place = spelled[str(answer)] if wanted is None else spelled[str(wanted)]
    scores, sign = _scores(model, name, target), -1.0 if wanted is None else 1.0

    def margin(rows: np.ndarray) -> np.ndarray:
        given = scores(rows)  # (n, K)
        return sign * (given[:, place] - np.delete(given, place, axis=1).max(axis=1))

    label = None if wanted is None else target.labels[place]
    return Goal(model, margin, answer, probability, label=label)


def _scores(model: ModelState, name: str, target: Target) -> Callable[[np.ndarray], np.ndarray]:
    """From rows to a score for each class, (n, K); the largest is the answer."""
    assert model.network is not None
    node = model.network.inference.outputs[name]
    half = 0.5 if model.network.losses[name].prediction(node) is node else 0.0  # what speaks for either class

    def scores(rows: np.ndarray) -> np.ndarray:
        raw = np.asarray(raw_outputs(model, rows), np.float64)
        if target.room == target.scores:
            return raw[:, : len(target.labels)]
        single = raw.reshape(-1, 1) - half
        return np.concatenate([-single, single], axis=1)  # (n, 1) -> (n, 2)

    return scores


def _value_goal(model: ModelState, name: str, target: Target, x: np.ndarray, wanted: Any) -> Goal:
    answer, _ = answer_of(model, x)
    try:
        low, high = _ends(wanted, answer)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        raise UsageError(
            "E547", where="counterfactual", expected="a value, or (low, high) with None for no end",
            received=repr(wanted)[:80], fix=f"target={answer * 1.1:.3g}",
        )  # fmt: skip

    def margin(rows: np.ndarray) -> np.ndarray:
        values = np.asarray(predict(model, rows), np.float64).reshape(-1)
        return np.minimum(values - low, high - values)

    return Goal(model, margin, answer, None, low, high)


def _ends(wanted: Any, answer: float) -> tuple[float, float]:
    """The wanted values; one value is to be reached from the side on which the answer is."""
    if isinstance(wanted, tuple | list):
        low, high = wanted
        return -np.inf if low is None else float(low), np.inf if high is None else float(high)
    value = float(wanted)
    return (value, np.inf) if answer < value else (-np.inf, value)
