"""Curves of blocks: an activation with its derivative, the learning rate of a schedule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.catalog.example import example_schedule
from chainrule.engines import compile, evaluate
from chainrule.gradient import grad
from chainrule.graph import Graph, constant, input_node
from chainrule.messages import Message, fact
from chainrule.nn.activation import Curve
from chainrule.nn.schedule import REDUCTIONS, Schedule
from chainrule.ops import functional as F

REACH = 4.0  # activations are plotted from -4 to 4
HORIZON = 100  # number of steps of a schedule
_OTHER = {
    "glu": 1.0
}  # value of the first half of the input of glu; the other inputs of softmax and similar functions are 0


@dataclass(frozen=True)
class SampledCurve:
    """Points of one or more curves over a common axis.

    Args:
        series: values by name.
    """

    x: np.ndarray
    series: dict[str, np.ndarray]
    caption: Message


def sample_curve(kind: str, name: str, definition: object, points: int = 161) -> SampledCurve | None:
    """Sample the curve of an activation or a schedule; ``None`` for other blocks.

    Example:
        >>> from chainrule.nn.activation import ACTIVATIONS
        >>> sample_curve("activation", "relu", ACTIVATIONS["relu"], 3).series["f"]
        array([0., 0., 4.])
    """
    if isinstance(definition, Curve):
        return _activation(definition, np.linspace(-REACH, REACH, points))
    if kind == "schedule":
        return _schedule(example_schedule(name))
    return None


def values(curve: Curve, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate an activation and its derivative at ``x``, in float64.

    The input of an activation along an axis is a row of two numbers, x and a constant; the first number of
    the result is returned.
    """
    if "axis" not in curve.settings:
        point = input_node("x", x.shape, "float64")
        y = curve(point)
    else:
        point = input_node("x", (len(x), 1), "float64")
        other = constant(np.full((len(x), 1), _OTHER.get(curve.name, 0.0)))
        pair = (other, point) if curve.name == "glu" else (point, other)
        y = curve(F.concatenate(list(pair), 1))
        y = F.reshape(F.gather(F.transpose(y, (1, 0)), constant(np.array(0))), (len(x),))
    (derivative,) = grad(F.sum(y), [point])
    outputs = evaluate([y, derivative], {"x": x if point.rank == 1 else x[:, None]}, engine="reference")
    return np.asarray(outputs[0]), np.ravel(outputs[1])


def _activation(curve: Curve, x: np.ndarray) -> SampledCurve:
    caption = fact("The function f and its derivative f′.")
    if curve.name == "glu":
        caption = fact("The function f and its derivative f′. The gate is shown: a = 1, b = x.")
    elif "axis" in curve.settings:
        caption = fact(
            "The function f and its derivative f′. The input is (x, 0); the first output is shown."
        )
    y, derivative = values(curve, x)
    return SampledCurve(x, {"f": y, "f′": derivative}, caption)


def _schedule(schedule: Schedule) -> SampledCurve:
    """Return the learning rate of each step; ``ReduceOnPlateau`` has a plateau in every quarter."""
    learning_rate = schedule(input_node("step", (), "float64"), HORIZON)
    program = compile(Graph({"rate": learning_rate}), "reference")
    steps, rates = np.arange(HORIZON, dtype=np.float64), []
    for step in steps:
        inputs = {"step": np.array(step), REDUCTIONS: np.array(step // (HORIZON / 4))}
        arrays = {label: inputs[label] for label in program.graph.inputs}
        rates.append(float(program.run(arrays)["rate"]))
    caption = fact("The learning rate over {steps} steps.", steps=HORIZON)
    return SampledCurve(steps, {"rate": np.array(rates)}, caption)
