"""The short sections: summary, notation, and depth 1 with one line per stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from chainrule.graph import Node, order
from chainrule.messages import translated
from chainrule.nn.summary import bfloat16_layers
from chainrule.notation import Product, Sum, Symbol, to_unicode
from chainrule.page.page import Items, Part, Section
from chainrule.step_explanation.sections.forward import forward_nodes
from chainrule.step_explanation.sections.gradients import listed_entries
from chainrule.step_explanation.writer import MANY, Index, Writer, as_given, figure, share, signed
from chainrule.texts.sentence import NOUNS, Sentence
from chainrule.trace import Name, Scalar, scalars

# Notation of an explanation: the meaning of every symbol.

ALWAYS = {"x", "w", "b", "z", "a", "y", "y_hat", "J", "delta"}
# Sentences on several letters: (text key, letters that must all occur, letters that it explains).
TOGETHER = (
    ("letters_lstm", {"i", "f", "o"}, {"i", "f", "o", "m"}),
    ("letters_gru", {"r", "u"}, {"r", "u", "m"}),
    ("letters_attention", {"q", "k"}, {"q", "k", "v", "s"}),
)
EITHER = (("letters_norm", {"mu", "var"}), ("letters_scale", {"gamma", "beta"}))
_ROLES = {
    "letters_parameter": "parameter",
    "letters_input": "input",
    "letters_memory": "slot memory",
    "letters_state": "state",
    "letters_hidden": "hidden z a",
}
OF_ROLE = {role: letters for letters, roles in _ROLES.items() for role in roles.split()}


def letters(writer: Writer) -> Iterator[Sentence]:
    """Yield a sentence for each group of letters among the values of the network."""
    yield writer.render("letters")
    yield from _subscripts(writer)
    # Depth 1 does not show the optimizer state.
    unseen = ("slot", "memory") if writer.depth == 1 else ()
    names = [n for n in writer.trace.names.values() if n.letter and n.role not in unseen]
    present = {letter_of(name) for name in names}
    explained = set(ALWAYS)
    if any("t=" in name.layer for name in names):
        yield writer.render("letters_time")
        explained |= {"h", "c"}
    if any("u=" in name.layer for name in names):
        yield writer.render("letters_calls")
    for key, needed, explains in TOGETHER:
        if needed <= present:
            yield writer.render(key)
            explained |= explains
    for key, explains in EITHER:
        if explains & present:
            yield writer.render(key)
            explained |= explains
    inputs = [node for node, name in writer.trace.names.items() if _is_layer_input(name)]
    if inputs:
        yield writer.render("letters_between", about={"inputs": inputs})
        yield from _further_readers(writer, inputs)
        explained |= {"h"}
    if writer.depth > 1:
        yield writer.render("letters_rate")
    explained |= {"eta", "t"}
    yield from _others(writer, [name for name in names if letter_of(name) not in explained])


def _is_layer_input(name: Name) -> bool:
    return name.letter == "h" and name.role == "hidden" and bool(name.layer) and "t=" not in name.layer


def _subscripts(writer: Writer) -> Iterator[Sentence]:
    """Yield what the subscripts of a weight mean, for the first fully connected layer, single or of members.

    The formula of a weighted sum shows which weight connects which input to which unit.
    """
    t, seen = writer.trace, set[str]()
    for layer in t.layers:
        weight = next((node for path, node in layer.parameters.items() if path.endswith("weight")), None)
        if weight is None or layer.z is None or t.values[weight].ndim not in (2, 3):
            continue
        shape = t.values[weight].shape
        index = (*(0,) * (len(shape) - 1), min(1, shape[-1] - 1))
        z = (writer.sample, *index[:-1]) if t.values[layer.z].ndim == len(shape) else ()
        is_member = len(shape) == 3 and not t.names[weight].skipped
        key = "letters_member_weight" if is_member else "letters_weight"
        connected = _input_of(writer, Scalar(weight, index), Scalar(layer.z, z)) if z else None
        if connected is None or key in seen:
            continue
        seen.add(key)
        facts = {"input": index[-1] + 1, "unit": index[-2] + 1, "layer": f"({layer.number})"}
        about = {"weight": Scalar(weight, index), "unit": Scalar(layer.z, z), "input": connected}
        symbol = writer.text(writer.symbol(weight, index))
        yield writer.render(key, weight=symbol, **facts, **({"member": 1} if is_member else {}), about=about)


def _input_of(writer: Writer, weight: Scalar, unit: Scalar) -> Scalar | None:
    """Return the value that multiplies a weight in the formula of a weighted sum; ``None`` if none does."""
    tree = writer.trace.formulas.scalar(unit.node, unit.index)
    terms = tree.terms if isinstance(tree, Sum) else (tree,)
    for term in terms:
        factors = scalars(term)
        if len(factors) == 2 and isinstance(term, Product) and weight in factors:
            other = next(factor for factor in factors if factor != weight)
            fits = other.index[-1] == weight.index[-1] and other.index[1:-1] == weight.index[:-2]
            return other if fits else None
    return None


def _further_readers(writer: Writer, inputs: Sequence[Node]) -> Iterator[Sentence]:
    """Yield the further layers that read an input of a layer."""
    t = writer.trace
    for node in inputs:
        name = t.names[node]
        readers = [
            call.label
            for layer in t.layers
            for call in layer.calls
            if call.z is not None and call.z is not node and node in t.reads(call.z)
        ]
        others = [label for label in readers if label != name.layer]
        if others and name.layer in readers:
            value = writer.text(Symbol(name.letter, (), name.layer))
            layers = writer.join(f"({label})" for label in others)
            about = {"input": node, "layers": others}
            yield writer.render("letters_also_feeds", value=value, layers=layers, about=about)


def _others(writer: Writer, names: list[Name]) -> Iterator[Sentence]:
    """Yield the meaning of the remaining letters, by a noun or by their role."""
    groups: dict[str, dict[str, None]] = {}
    nouns: dict[Sentence, None] = {}
    for name in names:
        letter = letter_of(name)
        text = to_unicode(Symbol(name.letter, accent=name.accent))
        if letter in NOUNS:
            noun = translated(NOUNS[letter], writer.lang, letter)
            nouns[writer.render("letters_noun", letter=text, noun=noun, about={"letter": letter})] = None
        else:
            groups.setdefault(OF_ROLE.get(name.role, "letters_hidden"), {})[text] = None
    yield from nouns
    for key, letters in groups.items():
        yield writer.render(key, letters=writer.join(letters), about={"letters": tuple(letters)})


def letter_of(name: Name) -> str:
    """Return the letter of a name with its accent, the key of ``NOUNS``."""
    return f"{name.letter}_{name.accent}" if name.accent else name.letter


STEP = 0.01  # the increase in "increasing it by 0.01 would change the loss by about ..."
MOST = 110  # maximum length of a line at depth 1
SHOWN_FEATURES = 12
FIRST = 4  # number of listed outputs
LINED = 8  # maximum number of layers listed line by line in the notation


def one_line(writer: Writer) -> Section:
    """Summarize output, target, change of the output and change of the loss."""
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
    """Return the verb for a number that changes from one value to another."""
    return writer.render("falls" if new < old else "rises" if new > old else "stays")


def _loss_change(writer: Writer, key: str) -> Sentence:
    """Return the clause on the change of the loss; one word if it does not change."""
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
    """Return the notation of an explanation."""
    t = writer.trace
    learns = t.derivation.built is not t.derivation.network.inference
    parts: list[Part] = [*letters(writer), writer.render("rounding_learns" if learns else "rounding")]
    if t.derivation.network.precision == "bfloat16":
        rounded, _ = bfloat16_layers(t.derivation.network.inference)
        parts.append(writer.render("rounding_bfloat16", layers=", ".join(rounded)))
    quantization = t.derivation.network.quantization
    if quantization is not None:
        parts.append(writer.render("rounding_int8", layers=", ".join(quantization.layers)))
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
    """Write depth 1: the notation, then one line per stop."""
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
            "layer": writer.render("the_output") if is_output else d.site_of(node).path or "net",
            "name": writer.unindexed_name(node),
            "n_in": " + ".join(_shape(t.values[n][writer.sample].shape) for n in inputs) or "–",
            "n_out": _shape(values.shape),
            "unit": ",".join(str(int(i) + 1) for i in best) or "1",
        }
        about = {"node": node, "inputs": inputs}
        yield writer.render("stop_forward", **facts, most=figure(float(values[best])), about=about)
    yield from _loss(writer, float(t.values[d.sample_losses][writer.sample]))


def _sources(writer: Writer, node: Node) -> list[Node]:
    """Return the named values in the formula of a value, or the inputs that index its parameters."""
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
