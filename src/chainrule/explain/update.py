"""The update and its effect: the move of every parameter, what the gradient promised and what happened."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.explain.derivatives import chosen
from chainrule.explain.page import Cell, Equation, Lines, Part, Section, Table
from chainrule.explain.pen import Index, Pen, brief, figure, share, signed
from chainrule.nn.optimizer import SGD
from chainrule.notation import number


def update(pen: Pen) -> Section:
    """The optimizer's formula with the numbers of one parameter, and the moves of all."""
    t = pen.trace
    parts: list[Part] = [
        pen.say("update_intro", rate=number(t.rate), optimizer=t.derivation.network.recipe.optimizer.name)
    ]
    if t.has_memory:
        parts.append(pen.say(f"memory_{t.has_memory}"))
    if t.derivation.network.recipe.clip is not None:
        parts.append(pen.say("clipped", clip=t.derivation.network.recipe.clip))
    shown, total = chosen(pen)
    moving = [(path, index) for path, index in shown if path in t.derivation.moved]
    if moving:
        parts.append(Lines(pen.label("U"), (move(pen, *moving[0]),)))
    rows = tuple(_row(pen, path, index) for path, index in moving)
    head = tuple(pen.say(key) for key in ("parameter", "old", "derivative_short", "new", "move", "of_size"))
    parts.append(Table(head, rows, (1, 2, 3, 4, 5)))
    if len(moving) < total:
        parts.append(pen.say("more_short", n=f"{total - len(moving):,}"))
    return Section(pen.say("update"), tuple(parts))


def move(pen: Pen, path: str, index: Index) -> Equation:
    """The new value of one parameter by the optimizer's own formula."""
    return pen.equation(pen.trace.derivation.moved[path], index, pen.parameter(path, index), sign="←")


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
        places = pen.places(node)[: pen.few]
        texts += [f"{pen.text(pen.symbol(node, i))} {figure(old[i])} → {figure(new[i])}" for i in places]
    return pen.join(texts) + pen.say("stop")


def _verdict(pen: Pen, change: float) -> str:
    promise = pen.trace.promise
    if promise == 0:
        return pen.say("flat")
    gap = change - promise
    key = "curvature" if change < 0 else "too_far"
    return pen.say(key, gap=signed(gap), percent=brief(100 * abs(gap / promise)))


def shrinking(pen: Pen) -> Section | None:
    """Why is an early layer slower? The exact split of the signal into the factor of weights and that of
    slopes."""
    parts: list[Part] = [*_split(pen)]
    return Section(pen.say("shrinking"), (pen.say("shrinking_intro"), *parts)) if parts else None


def _split(pen: Pen) -> Iterator[str]:
    t, back = pen.trace, pen.trace.derivation.cotangents
    layers = [layer for layer in t.layers if layer.z is not None and layer.z in back and layer.a in back]
    for near, far in zip(reversed(layers), reversed(layers[:-1]), strict=False):
        nodes = [node for node in (near.z, far.a, far.z) if node is not None]
        sent, arrived, left = (float(np.linalg.norm(t.values[back[node]])) for node in nodes)
        if not sent or not arrived:
            continue
        facts = {"near": near.number, "far": far.number, "sent": figure(sent), "arrived": figure(arrived)}
        weights, slopes = arrived / sent, left / arrived
        facts |= {
            "weights": brief(weights),
            "slopes": brief(slopes),
            "left": figure(left),
            "total": brief(left / sent),
        }
        yield pen.say("split_weights" if far.a is far.z else "split", **facts)
        if far.a is not far.z:
            key = (
                "lost_in_slopes"
                if slopes < 0.5 and slopes <= weights
                else "lost_in_weights"
                if left < sent
                else "grew"
            )
            yield pen.say(
                key, percent=brief(100 * abs(1 - (left / sent if key == "grew" else min(weights, slopes))))
            )
