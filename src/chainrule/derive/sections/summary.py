"""The short sections: summary, notation, and depth 1 with one line per stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from chainrule.derive.sections.derivatives import listed_entries
from chainrule.derive.sections.forward import forward_nodes
from chainrule.derive.symbols import letters
from chainrule.derive.writer import MANY, Index, Writer, as_given, figure, share, signed
from chainrule.graph import Node, order
from chainrule.page.page import Items, Part, Section
from chainrule.texts.sentence import Sentence

STEP = 0.01  # the increase in "increasing it by 0.01 would change the loss by about ..."
MOST = 110  # maximum length of a line at depth 1
SHOWN_FEATURES = 12
FIRST = 4  # number of listed outputs
LINED = 8  # maximum number of layers listed line by line in the notation


def one_line(writer: Writer) -> Section:
    """Summary: output, target, change of the output, change of the loss."""
    t = writer.trace
    sentence = _output_sentence(writer) if t.samples == 1 and len(t.predictions) == 1 else None
    if sentence is None:
        key = "line_mean" if t.samples > 1 else "line_loss"
        change = _loss_change(writer, "changes_to")
        text = writer.render(key, n=t.samples, old=figure(t.loss), change=change)
    else:
        text = writer.render(sentence[0], **sentence[1], change=_loss_change(writer, "changes_from"))
    penalty = t.derivation.penalty
    if penalty is None:
        return Section(writer.render("one_line"), (text,))
    cost = float(t.values[penalty])
    return Section(
        writer.render("one_line"),
        (text, writer.render("line_price", cost=figure(cost), data=figure(t.loss - cost))),
    )


def _moves(writer: Writer, old: float, new: float) -> Sentence:
    """The verb for a number that changes from one value to another."""
    return writer.render("falls" if new < old else "rises" if new > old else "stays")


def _loss_change(writer: Writer, key: str) -> Sentence:
    """The clause on the change of the loss; one word if it does not change."""
    t = writer.trace
    moves = _moves(writer, t.loss, t.new_loss)
    if t.loss == t.new_loss:
        return moves
    return writer.render(key, moves=moves, old=figure(t.loss), new=figure(t.new_loss))


def _output_sentence(writer: Writer) -> tuple[str, dict[str, Any]] | None:
    """Return the text key and the facts of the sentence on output and target."""
    t = writer.trace
    output, prediction = next(iter(t.predictions.items()))
    target = t.values[t.derivation.network.targets[output]][writer.sample]
    new = t.new_predictions[output][writer.sample].reshape(-1)
    old = prediction[writer.sample].reshape(-1)
    if target.ndim == 0 and target.dtype.kind in "iu":
        expected = int(target)
        facts = {"target": writer.labels_of(expected), "output": figure(old[expected])}
        return "line_class", facts | {"moves": _moves(writer, old[expected], new[expected])}
    if old.size != 1:
        return None
    value = float(target.reshape(-1)[0])
    expected = as_given(value)
    if len(writer.labels) == 2 and str(writer.labels[int(value)]) != expected:
        expected = writer.render("label_of", number=expected, label=writer.labels[int(value)])
    moves = _moves(writer, old[0], new[0])
    return "line_value", {"output": figure(old[0]), "target": expected, "moves": moves}


def notation(writer: Writer) -> Section:
    """The notation of an explanation."""
    t = writer.trace
    learns = t.derivation.built is not t.derivation.network.inference
    parts: list[Part] = [*letters(writer), writer.render("rounding_learns" if learns else "rounding")]
    many = "mean_weighted" if t.derivation.weights else "mean_many"
    facts = {"n": t.samples, "sum": as_given(t.derivation.divisor)}
    parts.append(writer.render(many, **facts) if t.samples > 1 else writer.render(_mean_key(writer)))
    parts += [writer.render("mean_penalty")] if t.samples > 1 and t.derivation.penalty is not None else []
    parts += _layers(writer)
    if writer.features:
        listed = writer.features[: MANY if writer.depth > 2 else SHOWN_FEATURES]
        more = (
            [writer.render("more_short", n=len(writer.features) - len(listed))]
            if len(writer.features) > len(listed)
            else []
        )
        parts += [writer.render("features"), Items((*listed, *more))]
    return Section(writer.render("notation"), tuple(parts))


def _mean_key(writer: Writer) -> str:
    return "mean_one" if writer.trace.derivation.penalty is None else "mean_one_penalty"


def _layers(writer: Writer) -> list[Part]:
    """The numbers of the layers."""
    layers = writer.trace.layers
    if len(layers) > LINED:
        return [
            writer.render(
                "layer_names",
                names=writer.join(f"({a.number}) {a.path or 'net'}" for a in layers),
                about={"layers": layers},
            )
        ]
    names = [
        writer.render("layer_name", number=layer.number, path=layer.path or "net", about={"layers": (layer,)})
        for layer in layers
    ]
    return [Items(tuple(names))] if names else []


def outline(writer: Writer) -> list[Section]:
    """Depth 1: the notation, then one line per stop."""
    meanings = [*letters(writer), *_layers(writer)]
    return [
        one_line(writer),
        Section(writer.render("notation"), tuple(meanings)),
        _stops(writer, "forward", chain(_shown_sample(writer), _forward(writer))),
        _stops(writer, "backward", _backward(writer)),
        _stops(writer, "update", _update(writer)),
    ]


def _stops(writer: Writer, heading: str, lines: Iterable[Sentence]) -> Section:
    return Section(writer.render(heading), (Items(tuple(line.shortened(MOST) for line in lines)),))


def _shown_sample(writer: Writer) -> Iterator[Sentence]:
    """Yield which of several samples the values belong to."""
    if writer.trace.samples > 1:
        yield writer.render("shown_sample", i=writer.sample + 1)


def _forward(writer: Writer) -> Iterator[Sentence]:
    t, d = writer.trace, writer.trace.derivation
    for node in forward_nodes(writer):
        inputs = _sources(writer, node)
        values = t.values[node][writer.sample]
        if not values.size:
            continue
        best = np.unravel_index(int(np.argmax(values)), values.shape)
        is_output = t.names[node].role == "prediction"
        facts = {
            "layer": writer.render("the_output") if is_output else node.site.path or "net",
            "name": writer.unindexed_name(node),
            "n_in": " + ".join(_shape(t.values[n][writer.sample].shape) for n in inputs) or "–",
            "n_out": _shape(values.shape),
            "unit": ",".join(str(int(i) + 1) for i in best) or "1",
        }
        about = {"node": node, "inputs": inputs}
        yield writer.render("stop_forward", **facts, most=figure(float(values[best])), about=about)
    yield from _loss(writer, float(t.values[d.sample_losses][writer.sample]))


def _sources(writer: Writer, node: Node) -> list[Node]:
    """Return the named values in the formula of a value; if it reads only parameters, the inputs that index
    them.
    """
    read = [n for n in writer.trace.reads(node) if writer.trace.names[n].role != "parameter"]
    inputs = writer.trace.derivation.built.inputs.values()
    return read or [n for n in order([node]) if n in inputs]


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"


def _loss(writer: Writer, loss: float) -> Iterator[Sentence]:
    """Yield target, output and loss; for classes, the probability of the target class."""
    t, d = writer.trace, writer.trace.derivation
    sentence = _output_sentence(writer) if len(t.predictions) == 1 else None
    if sentence is not None and sentence[0] == "line_class":
        yield writer.render("stop_class", loss=figure(loss), **sentence[1])
        return
    targets = [t.values[node][writer.sample].reshape(-1) for node in d.network.targets.values()]
    predictions = [a[writer.sample] for a in t.predictions.values()]
    if len(targets) == 1 and predictions[0].ndim == 2 and targets[0].dtype.kind in "iu":
        places = list(zip(targets[0], predictions[0], strict=True))[:FIRST]
        pairs = [f"{writer.labels_of(int(k))} ({figure(float(row[int(k)]))})" for k, row in places]
        yield writer.render("stop_places", loss=figure(loss), pairs=writer.join(pairs))
        return
    facts = {"target": writer.join(as_given(v) for part in targets for v in part[:FIRST])}
    facts |= {"output": writer.join(figure(v) for part in predictions for v in part.reshape(-1)[:FIRST])}
    yield writer.render("stop_loss", loss=figure(loss), **facts)


def _backward(writer: Writer) -> Iterator[Sentence]:
    entries, total = listed_entries(writer)
    for path, index in entries:
        g = float(writer.trace.gradients[path][index])
        name = writer.text(writer.parameter(path, index))
        facts = {"gradient": signed(g), "step": STEP, "change": signed(STEP * g)}
        yield writer.render("stop_backward", name=name, **facts, about={"weight": (path, index)})
    if len(entries) < total:
        yield writer.render("more_short", n=f"{total - len(entries):,}")


def _update(writer: Writer) -> Iterator[Sentence]:
    t = writer.trace
    yield from (moved_line(writer, path, index) for path, index in listed_entries(writer)[0])
    facts = {"old": figure(t.loss), "new": figure(t.new_loss), "change": signed(t.new_loss - t.loss)}
    yield writer.render("loss_moved", **facts, promise=signed(t.predicted_change))


def moved_line(writer: Writer, path: str, index: Index) -> Sentence:
    """Describe the change of one parameter element in one line."""
    old, new = float(writer.trace.parameters[path][index]), float(writer.trace.new_parameters[path][index])
    facts = {"old": figure(old), "new": figure(new), "move": signed(new - old)}
    name, about = writer.text(writer.parameter(path, index)), {"weight": (path, index)}
    if not old:
        return writer.render("stop_update_zero", name=name, **facts, about=about)
    return writer.render("stop_update", name=name, **facts, part=share(new - old, old), about=about)
