"""The short tellings: the whole in one line, the notation, and depth 1, a line for each stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.explain.derivation.derivatives import chosen
from chainrule.explain.derivation.forward import forward_nodes
from chainrule.explain.derivation.pen import MANY, Pen, figure, given, share, signed
from chainrule.explain.page.page import Items, Part, Section
from chainrule.graph import Node

STEP = 0.01  # how far a weight is raised in "raising it by 0.01 would change the loss by about ..."
MOST = 110  # signs a line of depth 1 may have
SHOWN_FEATURES = 12


def one_line(pen: Pen) -> Section:
    """What the network said, what was wanted, which way it moves, what becomes of the loss."""
    t = pen.trace
    facts = {"old": figure(t.loss), "new": figure(t.new_loss)}
    facts["falls"] = pen.say("falls" if t.new_loss < t.loss else "rises")
    said = _said(pen) if t.samples == 1 and len(t.answers) == 1 else None
    key = "line_mean" if t.samples > 1 else "line_loss"
    text = pen.say(key, n=t.samples, **facts) if said is None else pen.say(said[0], **said[1], **facts)
    price = t.derivation.penalty
    if price is None:
        return Section(pen.say("one_line"), (text,))
    cost = float(t.values[price])
    return Section(
        pen.say("one_line"), (text, pen.say("line_price", cost=figure(cost), data=figure(t.loss - cost)))
    )


def _said(pen: Pen) -> tuple[str, dict[str, Any]] | None:
    """The key of the sentence and its facts: what was said and what was wanted."""
    t = pen.trace
    output, answer = next(iter(t.answers.items()))
    target = t.values[t.derivation.network.targets[output]][pen.sample]
    new = t.new_answers[output][pen.sample].reshape(-1)
    old = answer[pen.sample].reshape(-1)
    if target.ndim == 0 and target.dtype.kind in "iu":
        wanted = int(target)
        facts = {
            "wanted": pen.labels[wanted] if wanted < len(pen.labels) else wanted,
            "answer": figure(old[wanted]),
        }
        return "line_class", facts | {"moves": pen.say("falls" if new[wanted] < old[wanted] else "rises")}
    if old.size != 1:
        return None
    value = float(target.reshape(-1)[0])
    wanted = given(value)
    if len(pen.labels) == 2 and str(pen.labels[int(value)]) != wanted:
        wanted = pen.say("label_of", number=wanted, label=pen.labels[int(value)])
    moves = pen.say("falls" if new[0] < old[0] else "rises")
    return "line_value", {"answer": figure(old[0]), "wanted": wanted, "moves": moves}


def notation(pen: Pen) -> Section:
    """How to read what follows, said once."""
    t = pen.trace
    parts: list[Part] = [
        pen.say("letters"),
        *_letters(pen),
        pen.say("rounding" if t.derivation.built is t.derivation.network.inference else "rounding_learns"),
    ]
    parts.append(pen.say("mean_many", n=t.samples) if t.samples > 1 else pen.say("mean_one"))
    names = [pen.say("layer_name", number=layer.number, path=layer.path or "net") for layer in t.layers]
    parts += [Items(tuple(names))] if names else []
    if pen.features:
        shown = pen.features[: MANY if pen.depth > 2 else SHOWN_FEATURES]
        more = (
            [pen.say("more_short", n=len(pen.features) - len(shown))]
            if len(pen.features) > len(shown)
            else []
        )
        parts += [pen.say("features"), Items((*shown, *more))]
    return Section(pen.say("notation"), tuple(parts))


def _letters(pen: Pen) -> Iterator[str]:
    """What the further letters mean that this net's values have."""
    names = pen.trace.names.values()
    letters = {name.letter for name in names}
    if any("t=" in name.layer for name in names):
        yield pen.say("letters_time")
    if {"i", "f", "o"} <= letters:
        yield pen.say("letters_lstm")
    if {"r", "u"} <= letters:
        yield pen.say("letters_gru")
    if {"q", "k"} <= letters:
        yield pen.say("letters_attention")
    if "mu" in letters:
        yield pen.say("letters_norm")
    if any(name.letter == "h" and "t=" not in name.layer for name in names):
        yield pen.say("letters_between")


def outline(pen: Pen) -> list[Section]:
    """Depth 1: one line for each stop."""
    return [
        one_line(pen),
        _stops(pen, "forward", _forward(pen)),
        _stops(pen, "backward", _backward(pen)),
        _stops(pen, "update", _update(pen)),
    ]


def _stops(pen: Pen, heading: str, lines: Iterable[str]) -> Section:
    return Section(pen.say(heading), (Items(tuple(_fit(line) for line in lines)),))


def _fit(line: str) -> str:
    return line if len(line) <= MOST else f"{line[: MOST - 1]}…"


def _forward(pen: Pen) -> Iterator[str]:
    t, d = pen.trace, pen.trace.derivation
    for node in forward_nodes(pen):
        inputs = [n for n in t.reads(node) if t.names[n].role != "parameter"]
        values = t.values[node][pen.sample].reshape(-1)
        if not values.size:
            continue
        best = int(np.argmax(values))
        name = pen.whole(node)
        n_in = sum(t.values[n][pen.sample].size for n in inputs)
        facts = {"layer": node.site.path or "net", "name": name, "n_in": n_in, "n_out": values.size}
        yield pen.say("stop_forward", **facts, most=figure(values[best]), unit=best + 1)
    wanted = [t.values[node][pen.sample].reshape(-1) for node in d.network.targets.values()]
    said = [a[pen.sample].reshape(-1) for a in t.answers.values()]
    facts = {"wanted": pen.join(given(v) for part in wanted for v in part[:4])}
    facts |= {"answer": pen.join(figure(v) for part in said for v in part[:4])}
    yield pen.say("stop_loss", loss=figure(float(t.values[d.each][pen.sample])), **facts)


def _backward(pen: Pen) -> Iterator[str]:
    shown, total = chosen(pen)
    for path, index in shown:
        g = float(pen.trace.gradients[path][index])
        name = pen.text(pen.parameter(path, index))
        yield pen.say("stop_backward", name=name, gradient=signed(g), step=STEP, change=signed(STEP * g))
    if len(shown) < total:
        yield pen.say("more_short", n=f"{total - len(shown):,}")


def _update(pen: Pen) -> Iterator[str]:
    t = pen.trace
    for path, index in chosen(pen)[0]:
        old, new = float(t.parameters[path][index]), float(t.new_parameters[path][index])
        name = pen.text(pen.parameter(path, index))
        facts = {
            "old": figure(old),
            "new": figure(new),
            "move": signed(new - old),
            "part": share(new - old, old),
        }
        yield pen.say("stop_update", name=name, **facts)
    facts = {"old": figure(t.loss), "new": figure(t.new_loss), "change": signed(t.new_loss - t.loss)}
    yield pen.say("loss_moved", **facts, promise=signed(t.promise))
