"""What is drawn of a block: an activation and its derivative, a schedule's rate, computed by the engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.catalog.example import made
from chainrule.engines import compile, evaluate
from chainrule.gradient import grad
from chainrule.graph import Graph, constant, input_node
from chainrule.nn.activation import Curve
from chainrule.nn.schedule import REDUCTIONS, Schedule
from chainrule.ops import functional as F

REACH = 4.0  # activations are drawn from -4 to 4
HORIZON = 100  # updates of the training whose rates are drawn
_OTHER = {"glu": 1.0}  # the first half of glu's input; the other scores of softmax and its kin are 0


@dataclass(frozen=True)
class Sampled:
    """Values along a line, ready to be drawn.

    Args:
        x: where.
        series: what, by name.
        says: what the picture shows, in English and Chinese.
    """

    x: np.ndarray
    series: dict[str, np.ndarray]
    says: tuple[str, str]


def sampled(kind: str, name: str, thing: object, points: int = 161) -> Sampled | None:
    """The curve of an activation or a schedule; ``None`` for what has none.

    Example:
        >>> from chainrule.nn.activation import ACTIVATIONS
        >>> sampled("activation", "relu", ACTIVATIONS["relu"], 3).series["f"]
        array([0., 0., 4.])
    """
    if isinstance(thing, Curve):
        return _activation(thing, np.linspace(-REACH, REACH, points))
    if kind == "schedule":
        return _schedule(made(kind, name))
    return None


def values(curve: Curve, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An activation and its derivative at some places, as float64.

    An activation that looks along an axis is given rows of two numbers, x and another that stays; taken is
    the first number of its result.
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
    (slope,) = grad(F.sum(y), [point])
    found = evaluate([y, slope], {"x": x if point.rank == 1 else x[:, None]}, engine="reference")
    return np.asarray(found[0]), np.ravel(found[1])


def _activation(curve: Curve, x: np.ndarray) -> Sampled:
    says = ("The function f and its derivative f′.", "函数 f 及其导数 f′。")
    if curve.name == "glu":
        says = (f"{says[0]} Drawn is the gate: a = 1, b = x.", f"{says[1]}图中为门：a = 1，b = x。")
    elif "axis" in curve.settings:
        says = (f"{says[0]} Of two numbers, x and 0, the first.", f"{says[1]}取 x 与 0 两个数中的第一个。")
    y, slope = values(curve, x)
    return Sampled(x, {"f": y, "f′": slope}, says)


def _schedule(schedule: Schedule) -> Sampled:
    """The rate of each update; a schedule that waits for a plateau finds one after every quarter."""
    rate = schedule(input_node("step", (), "float64"), HORIZON)
    program = compile(Graph({"rate": rate}), "reference")
    steps, rates = np.arange(HORIZON, dtype=np.float64), []
    for step in steps:
        given = {"step": np.array(step), REDUCTIONS: np.array(step // (HORIZON / 4))}
        arrays = {label: given[label] for label in program.graph.inputs}
        rates.append(float(program.run(arrays)["rate"]))
    said = (f"The learning rate of each of {HORIZON} updates.", f"{HORIZON} 次更新中每一次的学习率。")
    return Sampled(steps, {"rate": np.array(rates)}, said)
