"""The update and its effect: the move of every parameter, what the gradient promised and what happened."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.derive.sections.derivatives import chosen
from chainrule.derive.writer import Index, Pen, brief, figure, share, signed
from chainrule.nn.optimizer import SGD, Optimizer
from chainrule.notation import number
from chainrule.page.page import Cell, Equation, Lines, Part, Section, Table
from chainrule.records import frozen
from chainrule.trace import NamedLayer, Scalar, scalars

MOST_SLOTS = 4  # numbers that an optimizer remembers for a weight; of more the formula alone is shown
SAID = 3  # legs that are told in sentences; more are a table


def update(pen: Pen) -> Section:
    """The optimizer's formula with the numbers of one parameter, and the moves of all."""
    t = pen.trace
    parts: list[Part] = [
        pen.say("update_intro", rate=number(t.rate), optimizer=_called(t.derivation.network.recipe.optimizer))
    ]
    if t.has_memory:
        parts += remembered(pen)
    if t.derivation.network.recipe.clip is not None:
        parts.append(pen.say("clipped", clip=t.derivation.network.recipe.clip))
    shown, total = chosen(pen)
    moving = [(path, index) for path, index in shown if path in t.derivation.moved]
    if moving:
        parts.append(Lines(pen.label("U"), moves(pen, *moving[0])))
    rows = tuple(_row(pen, path, index) for path, index in moving)
    head = tuple(pen.say(key) for key in ("parameter", "old", "derivative_short", "new", "move", "of_size"))
    parts.append(Table(head, rows, (1, 2, 3, 4, 5)))
    if len(moving) < total:
        parts.append(pen.say("more_short", n=f"{total - len(moving):,}"))
    return Section(pen.say("update"), tuple(parts))


def remembered(pen: Pen) -> Iterator[str]:
    """What the optimizer remembers, in words."""
    slots = {name.letter: None for name in pen.trace.names.values() if name.role == "slot"}
    if slots and len(slots) <= MOST_SLOTS:
        yield pen.say("memory_names", names=pen.join(slots))
    yield pen.say(f"memory_{pen.trace.has_memory}")


def moves(pen: Pen, path: str, index: Index) -> tuple[Equation, ...]:
    """The new value of one parameter by the optimizer's own formula, behind what it then remembers."""
    node, t = pen.trace.derivation.moved[path], pen.trace
    found: dict[Scalar, None] = {}
    asked = [Scalar(node, index)]
    while asked and len(found) <= MOST_SLOTS:
        read = [at for one in asked for at in scalars(t.unfolder.scalar(one.node, one.index))]
        asked = [at for at in dict.fromkeys(read) if t.names[at.node].role == "memory" and at not in found]
        found = dict.fromkeys([*asked, *found])
    kept = [pen.equation(at.node, at.index) for at in found] if len(found) <= MOST_SLOTS else []
    return (*kept, pen.equation(node, index, pen.parameter(path, index), sign="←"))


def _called(optimizer: Optimizer) -> str:
    """The optimizer's name as it is typed, such as Adam."""
    return type(optimizer).__name__


def _row(pen: Pen, path: str, index: Index) -> tuple[Cell, ...]:
    t = pen.trace
    old, new = float(t.parameters[path][index]), float(t.new_parameters[path][index])
    gradient = float(t.gradients[path][index])
    return (
        pen.parameter(path, index),
        figure(old),
        signed(gradient),
        figure(new),
        signed(new - old),
        share(new - old, old),
    )


def effect(pen: Pen) -> Section:
    """Did it help? The promise of the gradient beside the real change."""
    t = pen.trace
    change = t.new_loss - t.loss
    parts = [_answers(pen)] if t.samples == 1 else []
    facts = {
        "old": figure(t.loss),
        "new": figure(t.new_loss),
        "change": signed(change),
        "promise": signed(t.promise),
    }
    parts.append(pen.say("loss_moved", **facts))
    parts.append(pen.say("promise_sgd" if _is_plain(pen) else "promise", **facts))
    parts.append(_verdict(pen, change))
    return Section(pen.say("effect"), tuple(part for part in parts if part))


def _is_plain(pen: Pen) -> bool:
    recipe = pen.trace.derivation.network.recipe
    optimizer = recipe.optimizer
    plain = isinstance(optimizer, SGD) and not optimizer.momentum and not optimizer.decay
    return plain and recipe.clip is None and not recipe.frozen


def _answers(pen: Pen) -> str:
    texts = []
    for name, old in pen.trace.answers.items():
        new = pen.trace.new_answers[name]
        node = pen.trace.derivation.network.losses[name].answer(pen.trace.derivation.built.outputs[name])
        places = _telling(pen, name, pen.places(node), np.maximum(old, new))
        texts += [f"{pen.text(pen.symbol(node, i))} {figure(old[i])} → {figure(new[i])}" for i in places]
    return pen.join(texts) + pen.say("stop")


def _telling(pen: Pen, output: str, places: list[Index], sizes: np.ndarray) -> list[Index]:
    """The answers to be told: all while they are few, else of classes the wanted one and the likeliest."""
    target = pen.trace.values[pen.trace.derivation.network.targets[output]][pen.sample]
    if len(places) <= pen.few or target.ndim or target.dtype.kind not in "iu" or sizes.ndim != 2:
        return places[: pen.few]
    ranked = sorted(places, key=lambda place: (place[1] != int(target), -sizes[place]))
    return ranked[: pen.few]


def _verdict(pen: Pen, change: float) -> str:
    promise = pen.trace.promise
    if promise == 0:
        return pen.say("flat")
    gap = change - promise
    key = "curvature" if change < 0 else "too_far"
    return pen.say(key, gap=signed(gap), percent=brief(100 * abs(gap / promise)))


@frozen
class Leg:
    """The signal on its way from one layer to the one before.

    Args:
        near, far: the layers.
        sent, arrived, left: its length at the near sum, at the far activation, at the far sum.
        is_bent: whether a curve lies between the last two.
    """

    near: NamedLayer
    far: NamedLayer
    sent: float
    arrived: float
    left: float
    is_bent: bool

    @property
    def weights(self) -> float:
        """The factor of the weights, and of all else that lies between the layers."""
        return self.arrived / self.sent

    @property
    def slopes(self) -> float:
        """The factor of the activation's slopes."""
        return self.left / self.arrived


def shrinking(pen: Pen) -> Section | None:
    """Why is an early layer slower? The exact split of the signal into the factor of weights and that of
    slopes. A way of many layers is a table."""
    legs = list(legs_of(pen))
    if not legs:
        return None
    parts = [_ladder(pen, legs)] if len(legs) > SAID else [text for leg in legs for text in _said(pen, leg)]
    intro = [pen.say("shrinking_intro"), *([pen.say("ladder_intro")] if len(legs) > SAID else [])]
    return Section(pen.say("shrinking"), (*intro, *parts))


def legs_of(pen: Pen) -> Iterator[Leg]:
    """The way of the signal from the last layer to the first, leg by leg."""
    t, back = pen.trace, pen.trace.derivation.cotangents
    single = [
        layer for layer in t.layers if not layer.is_shared
    ]  # a shared layer is not one place on the way
    layers = [layer for layer in single if layer.z is not None and layer.z in back and layer.a in back]
    for near, far in zip(reversed(layers), reversed(layers[:-1]), strict=False):
        nodes = [node for node in (near.z, far.a, far.z) if node is not None]
        sent, arrived, left = (float(np.linalg.norm(t.values[back[node]])) for node in nodes)
        if sent and arrived:
            yield Leg(near, far, sent, arrived, left, far.a is not far.z)


def _said(pen: Pen, leg: Leg) -> Iterator[str]:
    facts = {"near": leg.near.number, "far": leg.far.number, "sent": figure(leg.sent)}
    facts |= {"arrived": figure(leg.arrived), "weights": brief(leg.weights), "slopes": brief(leg.slopes)}
    facts |= {"left": figure(leg.left), "total": brief(leg.left / leg.sent)}
    yield pen.say("split" if leg.is_bent else "split_weights", **facts)
    if leg.is_bent:
        lost = leg.slopes < 0.5 and leg.slopes <= leg.weights
        key = "lost_in_slopes" if lost else "lost_in_weights" if leg.left < leg.sent else "grew"
        share = leg.left / leg.sent if key == "grew" else min(leg.weights, leg.slopes)
        key = "lost_of_slopes" if key == "lost_in_weights" and leg.slopes < leg.weights else key
        yield pen.say(key, percent=brief(100 * abs(1 - share)))


def _ladder(pen: Pen, legs: list[Leg]) -> Table:
    """From the loss to the first layer: the signal at each layer, its two factors, and what is left of it."""
    head = (
        "ladder_from",
        "ladder_to",
        "ladder_sent",
        "ladder_weights",
        "ladder_slopes",
        "ladder_left",
        "ladder_all",
    )
    first = legs[0].sent
    rows = tuple(
        (
            f"({leg.near.number}) {leg.near.path}", f"({leg.far.number}) {leg.far.path}", figure(leg.sent),
            f"×{brief(leg.weights)}", f"×{brief(leg.slopes)}" if leg.is_bent else "–", figure(leg.left),
            f"×{brief(leg.left / first)}",
        )
        for leg in legs
    )  # fmt: skip
    return Table(tuple(pen.say(key) for key in head), rows, (2, 3, 4, 5, 6))
