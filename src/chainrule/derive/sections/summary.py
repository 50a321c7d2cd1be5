"""The short tellings: the whole in one line, the notation, and depth 1, a line for each stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.derive.sections.derivatives import chosen
from chainrule.derive.sections.forward import forward_nodes
from chainrule.derive.symbols import letters
from chainrule.derive.writer import MANY, Index, Pen, figure, given, share, signed
from chainrule.graph import Node, order
from chainrule.page.page import Items, Part, Section

STEP = 0.01  # how far a weight is raised in "raising it by 0.01 would change the loss by about ..."
MOST = 110  # signs a line of depth 1 may have
SHOWN_FEATURES = 12
FIRST = 4  # of several answers
LINED = 8  # layers that have a line each in the notation; more are one paragraph


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
            "wanted": pen.labels_of(wanted),
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
    learns = t.derivation.built is not t.derivation.network.inference
    parts: list[Part] = [*letters(pen), pen.say("rounding_learns" if learns else "rounding")]
    many = "mean_weighted" if t.derivation.weights else "mean_many"
    facts = {"n": t.samples, "sum": given(t.derivation.divisor)}
    parts.append(pen.say(many, **facts) if t.samples > 1 else pen.say(_one(pen)))
    parts += _layers(pen)
    if pen.features:
        shown = pen.features[: MANY if pen.depth > 2 else SHOWN_FEATURES]
        more = (
            [pen.say("more_short", n=len(pen.features) - len(shown))]
            if len(pen.features) > len(shown)
            else []
        )
        parts += [pen.say("features"), Items((*shown, *more))]
    return Section(pen.say("notation"), tuple(parts))


def _one(pen: Pen) -> str:
    return "mean_one" if pen.trace.derivation.penalty is None else "mean_one_penalty"


def _layers(pen: Pen) -> list[Part]:
    """Which number stands for which layer."""
    layers = pen.trace.layers
    if len(layers) > LINED:
        return [pen.say("layer_names", names=pen.join(f"({a.number}) {a.path or 'net'}" for a in layers))]
    names = [pen.say("layer_name", number=layer.number, path=layer.path or "net") for layer in layers]
    return [Items(tuple(names))] if names else []


def outline(pen: Pen) -> list[Section]:
    """Depth 1: one line for each stop, after what its letters mean."""
    meanings = [*letters(pen), *_layers(pen)]
    return [
        one_line(pen),
        Section(pen.say("notation"), tuple(meanings)),
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
        inputs = _sources(pen, node)
        values = t.values[node][pen.sample]
        if not values.size:
            continue
        best = np.unravel_index(int(np.argmax(values)), values.shape)
        is_answer = t.names[node].role == "answer"
        facts = {
            "layer": pen.say("the_answer") if is_answer else node.site.path or "net",
            "name": pen.whole(node),
            "n_in": " + ".join(_shape(t.values[n][pen.sample].shape) for n in inputs) or "–",
            "n_out": _shape(values.shape),
            "unit": ",".join(str(int(i) + 1) for i in best) or "1",
        }
        yield pen.say("stop_forward", **facts, most=figure(float(values[best])))
    yield from _loss(pen, float(t.values[d.each][pen.sample]))


def _sources(pen: Pen, node: Node) -> list[Node]:
    """The named values that a value is a formula of; of one that reads nothing but parameters the
    inputs that choose among them."""
    read = [n for n in pen.trace.reads(node) if pen.trace.names[n].role != "parameter"]
    inputs = pen.trace.derivation.built.inputs.values()
    return read or [n for n in order([node]) if n in inputs]


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"


def _loss(pen: Pen, loss: float) -> Iterator[str]:
    """What was wanted, what was said, and what that costs; of classes the probability of the wanted one."""
    t, d = pen.trace, pen.trace.derivation
    said = _said(pen) if len(t.answers) == 1 else None
    if said is not None and said[0] == "line_class":
        yield pen.say("stop_class", loss=figure(loss), **said[1])
        return
    wanted = [t.values[node][pen.sample].reshape(-1) for node in d.network.targets.values()]
    answers = [a[pen.sample] for a in t.answers.values()]
    if len(wanted) == 1 and answers[0].ndim == 2 and wanted[0].dtype.kind in "iu":
        places = list(zip(wanted[0], answers[0], strict=True))[:FIRST]
        told = [f"{pen.labels_of(int(k))} ({figure(float(row[int(k)]))})" for k, row in places]
        yield pen.say("stop_places", loss=figure(loss), told=pen.join(told))
        return
    facts = {"wanted": pen.join(given(v) for part in wanted for v in part[:FIRST])}
    facts |= {"answer": pen.join(figure(v) for part in answers for v in part.reshape(-1)[:FIRST])}
    yield pen.say("stop_loss", loss=figure(loss), **facts)


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
    yield from (moved_line(pen, path, index) for path, index in chosen(pen)[0])
    facts = {"old": figure(t.loss), "new": figure(t.new_loss), "change": signed(t.new_loss - t.loss)}
    yield pen.say("loss_moved", **facts, promise=signed(t.promise))


def moved_line(pen: Pen, path: str, index: Index) -> str:
    """How far the update moves one parameter number, in a line."""
    old, new = float(pen.trace.parameters[path][index]), float(pen.trace.new_parameters[path][index])
    facts = {"old": figure(old), "new": figure(new), "move": signed(new - old), "part": share(new - old, old)}
    return pen.say("stop_update", name=pen.text(pen.parameter(path, index)), **facts)
