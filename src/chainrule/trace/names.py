"""Names of the values of a network, so that formulas read as in a textbook.

Layers that hold parameters are numbered l = 1 .. L. Their weighted sums are z^(l), their activations a^(l),
their weights w^(l) and biases b^(l); the inputs are x, the target y, the prediction y-hat, the loss of a
sample J. The error signal of a weighted sum is delta^(l); the cotangent of any other value is written as a
derivative of J. Values without a name are not shown: their formulas are expanded until only named values are
left (see ``formula_builder``).

A layer may be called several times (a shared tower for two inputs). Its calls share l and the weights; the
values of a call carry its number u: z^(1,u=2) is the weighted sum of layer 1 in its second call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from chainrule.graph import Constant, Input, Node, Site, order
from chainrule.nn.build import Built
from chainrule.notation import Derivative, Symbol, Tree
from chainrule.ops import functional as F
from chainrule.ops.scan.scan_builder import Turn
from chainrule.records import frozen
from chainrule.symbolic_shape import Size
from chainrule.trace.symbolic_step import POSITION_WEIGHTS, Derivation

Index = tuple[int, ...]
INPUT_ROLES = ("input", "target", "parameter", "rate", "slot", "state")
STATES = ("h", "c", "m")  # letters of the first, second and third state of a recurrent layer
PROJECTED = {"query": "q", "key": "k", "value": "v"}
STATISTICS = ("mu", "var")  # mean and variance of normalization layers
SUMMED = ("z", "y")  # letters of sums, whose cotangent is delta; a sum that is the prediction is y-hat
LETTERS = {"weight": "w", "bias": "b", "scale": "gamma", "shift": "beta"}
RUNNING = {"running_mean": "mu", "running_variance": "var"}  # running statistics of a normalization layer
NEW = "′"  # appended to the name of an optimizer slot: its value after the update
SUMS = ("matmul", "convolution", "convolution_input", "patches")  # operations that sum over their first input
MOVES = ("reshape", "transpose", "broadcast", "pad", "slice")


@frozen
class Name:
    """The notation of the elements of one node.

    Args:
        letter: a letter or word (``"delta"`` for the Greek one).
        role: ``input``, ``target``, ``parameter``, ``state`` (a stored number that is not trained), ``z``,
            ``a``, ``prediction``, ``hidden``, ``loss``, ``rate``, ``slot``, ``memory`` (a slot after the
            update), ``signal`` (a cotangent) or ``gradient``.
        layer: the number of the layer, written as a superscript in parentheses.
        accent: ``"hat"`` or nothing.
        batched: whether the first axis is the batch axis.
        single: whether the value of a sample is one number and needs no index.
        of: for a derivative, the name of the variable.
        skipped: how many leading indices are not written, besides the one of the batch axis: the axis of the
            members where a single member of an ensemble is explained.
    """

    letter: str
    role: str
    layer: str = ""
    accent: str = ""
    batched: bool = False
    single: bool = False
    of: Name | None = None
    skipped: int = 0

    @property
    def is_input(self) -> bool:
        """Whether its values were passed in, not computed."""
        return self.role in INPUT_ROLES

    def symbol(self, index: Index, samples: int) -> Tree:
        """Return the symbol of the element at ``index``; the sample is written only if there are several."""
        sample = str(index[0] + 1) if self.batched and samples > 1 else ""
        if self.of is not None:
            return Derivative(Symbol("J", sup=sample), self.of.symbol(index, samples))
        inside = index[1:] if self.batched else index
        below = () if self.single else tuple(str(i + 1) for i in inside[self.skipped :])
        return Symbol(self.letter, below, ",".join(filter(None, (self.layer, sample))), self.accent)


@frozen
class LayerCall:
    """One call of a layer.

    Args:
        label: the superscript of its values: ``"1"``, or ``"1,u=2"`` if the layer is called several times.
        z, a: its weighted sum and its activation, if any; the same node if there is no activation function.
    """

    label: str
    z: Node | None = None
    a: Node | None = None


@frozen
class NamedLayer:
    """A layer that holds parameters.

    Args:
        number: l, from 1.
        path: its path in the network, such as ``"dense1"``.
        parameters: its parameters by path.
        calls: its calls in order.
    """

    number: int
    path: str
    parameters: Mapping[str, Node]
    calls: tuple[LayerCall, ...] = (LayerCall(""),)

    @property
    def z(self) -> Node | None:
        """The weighted sum of its last call."""
        return self.calls[-1].z

    @property
    def a(self) -> Node | None:
        """The activation of its last call."""
        return self.calls[-1].a

    @property
    def is_shared(self) -> bool:
        """Whether it is called several times."""
        return len(self.calls) > 1

    def label(self, call: int) -> str:
        """Return the superscript of the values of a call."""
        return f"{self.number},u={call}" if self.is_shared else str(self.number)


Names = dict[Node, Name]


def input_name(label: str) -> Name:
    """Return the name of an input of the network."""
    return Name(label, "input", batched=True)


def names_of(derivation: Derivation, turns: Sequence[Turn] = ()) -> tuple[Names, tuple[NamedLayer, ...]]:
    """Return the names of all values that have one, and the layers to which they belong.

    Args:
        derivation: the derivation of the network.
        turns: the time steps of its recurrent layers.
    """
    layers = tuple(_layers(derivation.built))
    names: Names = dict(_input_names(derivation, layers))
    names |= _attention_names(derivation.built, layers) | _recurrent_names(turns, layers)
    calls = [call for layer in layers for call in layer.calls]
    for call in calls:
        if call.z is not None:
            names.setdefault(call.z, Name("z", "z", call.label, batched=True))
        if call.a is not None:
            names.setdefault(call.a, Name("a", "a", call.label, batched=True))
    names.update(_prediction_names(derivation, names))
    names.update(_hidden_names(derivation, names, layers))
    # With a penalty, J is more than the loss of the single sample, which is then numbered: J^(1).
    alone = derivation.penalty is not None and derivation.samples == 1
    names[derivation.sample_losses] = Name("J", "loss", "1" if alone else "", batched=True, single=True)
    names = dict(_state_names(derivation)) | dict(_optimizer_names(derivation, layers)) | names
    sums = {call.z: call.label for call in calls if call.z is not None and names[call.z].letter in SUMMED}
    names = _without_member_axis(derivation.built, names)
    return names | _signal_names(derivation, names, sums), layers


def _without_member_axis(built: Built, names: Names) -> Names:
    """Return the names without the index of the members, if an ensemble has a single member."""
    paths = [path for path, layer in built.book.layers.items() if type(layer).__name__.startswith("Ensemble")]
    owned = {**built.parameters, **built.states}
    own = {variable.node for path, variable in owned.items() if path.rpartition(".")[0] in paths}
    if not own or any(node.shape[0] != 1 for node in own):
        return names
    result: Names = {}
    for node, name in names.items():
        values = node.rank > 2 and node.shape[1] == 1 and name.batched
        is_gradient = name.of is not None and not name.batched and node.rank > 1 and node.shape[0] == 1
        skips = values or node in own or (is_gradient and name.of in [names[n] for n in own])
        slot = name.role in ("slot", "memory") and node.rank > 1 and node.shape[0] == 1
        result[node] = replace(name, skipped=1) if skips or slot else name
    variables = {names[node]: result[node] for node in own if node in names}
    return {
        node: replace(name, of=variables[name.of], skipped=0) if name.of in variables else name
        for node, name in result.items()
    }


def _layers(built: Built) -> Iterator[NamedLayer]:
    paths = list(dict.fromkeys(path.rpartition(".")[0] for path in built.parameters))
    sums = {path: _sums(built, path) for path in paths}
    activations = _activations(built, sums)
    for number, path in enumerate(paths, 1):
        parameters = {p: q.node for p, q in built.parameters.items() if p.rpartition(".")[0] == path}
        layer, paths_of_calls = NamedLayer(number, path, parameters), list(sums[path])
        calls = [
            LayerCall(str(number), sums[path][p], activations.get(p, sums[path][p])) for p in paths_of_calls
        ]
        if len(calls) > 1:
            labels = [f"{number},u={p.partition('#')[2] or 1}" for p in paths_of_calls]
            calls = [replace(call, label=label) for call, label in zip(calls, labels, strict=True)]
        yield replace(layer, calls=tuple(calls))


def _sums(built: Built, path: str) -> dict[str, Node | None]:
    """Return the weighted sum of each call of a layer: the one it notes, otherwise its result."""
    collected, sums = built.book, dict[str, Node | None]()
    for call in collected.calls_of(path) or [path]:
        z = collected.notes.get(f"{call}.z", collected.results.get(call))
        z = z if isinstance(z, Node) else None  # a mapping of several values has no single sum
        if z is None or z not in sums.values():  # equal calls with equal inputs are one node
            sums[call] = z
    return sums


def _activations(built: Built, sums: Mapping[str, Mapping[str, Node | None]]) -> dict[str, Node]:
    """Return each layer call's activation: its own, or that of a layer that reads its weighted sum."""
    notes, activations = built.book.notes, {}
    for path, z in (pair for calls in sums.values() for pair in calls.items()):
        a = notes.get(f"{path}.a")
        if a is not None and a is not z:
            activations[path] = a
        elif z is not None:
            readers = [node for name, node in notes.items() if name.endswith(".a") and z in node.inputs]
            activations.update({path: readers[0]} if readers else {})
    return activations


def _input_names(derivation: Derivation, layers: tuple[NamedLayer, ...]) -> Iterator[tuple[Node, Name]]:
    for label, node in derivation.built.inputs.items():
        yield node, input_name(label)
    for output, node in derivation.network.targets.items():
        several = len(derivation.network.targets) > 1
        yield node, Name("y", "target", output if several else "", batched=True, single=_is_single(node))
    for layer in layers:
        for path, node in layer.parameters.items():
            local_name = path.rpartition(".")[2]
            name = Name(LETTERS.get(local_name, local_name), "parameter", str(layer.number))
            yield node, name
            yield derivation.gradients[path], Name("", "gradient", of=name)
            if path in derivation.clipped and derivation.clipped[path] is not derivation.gradients[path]:
                yield derivation.clipped[path], Name("g", "gradient", str(layer.number), accent="hat")
            for slot, (before, _) in derivation.slots.get(path, {}).items():
                yield before, Name(slot, "slot", str(layer.number))
    for output, node in derivation.weights.items():
        yield node, Name("omega", "input", output, batched=True, single=True)
    places = [
        n for n in order([derivation.objective]) if isinstance(n.op, Input) and n.op.label == POSITION_WEIGHTS
    ]
    yield from ((node, Name("omega", "input", batched=True)) for node in places)
    yield derivation.learning_rate, Name("eta", "rate")
    yield derivation.update_number, Name("t", "rate")


def _optimizer_names(derivation: Derivation, layers: tuple[NamedLayer, ...]) -> Iterator[tuple[Node, Name]]:
    """Yield the optimizer slots after the update, and the running statistics of normalization layers."""
    for layer in layers:
        number = str(layer.number)
        slots = [pair for path in layer.parameters for pair in derivation.slots.get(path, {}).items()]
        changed = [(slot, after) for slot, (before, after) in slots if after is not before]
        yield from ((after, Name(slot + NEW, "memory", number)) for slot, after in changed)
        for last, letter in RUNNING.items():
            state = derivation.built.states.get(f"{layer.path}.{last}".lstrip("."))
            if state is not None:
                yield state.node, Name(letter, "state", number)


def _state_names(derivation: Derivation) -> Iterator[tuple[Node, Name]]:
    """Name the stored numbers of layers without parameters by the shortest unique end of their path."""
    paths = list(derivation.built.states)
    for path, state in derivation.built.states.items():
        parts = path.split(".")
        ends = [".".join(parts[-n:]) for n in range(1, len(parts) + 1)]
        short = next(end for end in ends if sum(f".{p}".endswith(f".{end}") for p in paths) == 1)
        yield state.node, Name(short, "state")


def _recurrent_names(turns: Sequence[Turn], layers: tuple[NamedLayer, ...]) -> Names:
    """Name a recurrent layer's values at each time step: states h and c, gates by their letters."""
    by_path = {layer.path: layer for layer in layers}
    names: Names = {}
    for turn in turns:
        superscript = by_path[turn.path].label(turn.call) if turn.path in by_path else ""
        superscript = f"{superscript},t={turn.time + 1}".lstrip(",")
        pairs = [*turn.inner.items(), *zip(STATES, turn.states, strict=False)]
        names |= {n: Name(letter, "hidden", superscript, batched=True) for letter, n in pairs if n.rank > 1}
    return names


def _attention_names(built: Built, layers: tuple[NamedLayer, ...]) -> Names:
    """Name the values of attention: queries q, keys k, values v, scores s and weights a."""
    by_path = {layer.path: layer for layer in layers}
    names: Names = {}
    for layer in layers:
        letter = PROJECTED.get(layer.path.rpartition(".")[2])
        for call in layer.calls if letter else ():
            if call.z is not None:
                names[call.z] = Name(letter or "", "z", call.label, batched=True)
    for note, weights in built.book.notes.items():
        path, _, last = note.rpartition(".")
        if last != "weights":
            continue
        place, _, call = path.partition("#")
        query = by_path.get(f"{place}.query".lstrip("."))
        number = "" if query is None else query.label(int(call or 1))
        names[weights] = Name("a", "hidden", number, batched=True)
        scores = next((n for n in reversed(order([weights])) if n.op.name == "matmul"), None)
        if scores is not None and scores.site.path == weights.site.path:
            names[scores] = Name("s", "hidden", number, batched=True)
    return names


def _prediction_names(derivation: Derivation, names: Names) -> Names:
    added: Names = {}
    for output, node in derivation.built.outputs.items():
        layer = output if len(derivation.built.outputs) > 1 else ""
        prediction = derivation.network.losses[output].prediction(node)
        name = Name("y", "prediction", layer, "hat", batched=True, single=_is_single(prediction))
        # The loss computes exp(log_softmax), which is the same prediction as the softmax.
        softmax = F.exp(F.log_softmax(node)) if prediction.op.name == "softmax" else prediction
        added |= {prediction: name, softmax: name}
        if node not in names and node is not prediction:
            added[node] = Name("s", "z", layer, batched=True, single=_is_single(node))
    return added


def _is_single(node: Node) -> bool:
    return all(axis == 1 for axis in node.shape[1:])


def _hidden_names(derivation: Derivation, names: Names, layers: tuple[NamedLayer, ...]) -> Names:
    """Name the unnamed inputs of weighted sums: h^(l) is the input of layer l.

    Without them a formula would be a sum over sums. Operations that only move elements are skipped. A value
    that several layers read has the number of the first of them; one that a layer computes itself, or that is
    read outside of the numbered layers, has a letter of its own.
    """
    by_path = {layer.path: layer for layer in layers}
    added: Names = {}
    for node in order([derivation.sample_losses]):
        mean = _mean_of(node)
        if mean is not None:
            site = derivation.site_of(node)
            layer = by_path.get(site.path)
            number = "" if layer is None else layer.label(site.call)
            letter = STATISTICS[any(n.letter == STATISTICS[0] and n.layer == number for n in added.values())]
            added[node] = Name(letter, "hidden", number, batched=True)
        if node.op.name not in SUMS and (mean is None or added[node].letter != STATISTICS[0]):
            continue
        source = node.inputs[0] if mean is None else mean
        while source not in names and source not in added and _only_moves(source):
            source = source.inputs[0]
        site = derivation.site_of(node)
        layer = by_path.get(site.path)
        earlier = added.get(source)
        if earlier is not None and layer is not None and _is_input_of_later(earlier, layer):
            added[source] = replace(earlier, layer=layer.label(site.call))
        if source.inputs and source not in {**names, **added} and isinstance(source.shape[0], Size):
            is_input = layer is not None and not _is_within(derivation.site_of(source), layer.path)
            name = (
                Name("h", "hidden", layer.label(site.call), batched=True)
                if layer is not None and is_input
                else Name(f"h{len(added) + 1}", "hidden", batched=True)
            )
            added[source] = name
    return added


def _is_input_of_later(name: Name, layer: NamedLayer) -> bool:
    """Return whether a name is that of the input of a layer with a higher number."""
    number = name.layer.partition(",")[0]
    return name.letter == "h" and number.isdigit() and int(number) > layer.number


def _is_within(site: Site, path: str) -> bool:
    """Return whether a value of this site is computed by the layer at a path."""
    return site.path == path or site.path.startswith(f"{path}.")


def _mean_of(node: Node) -> Node | None:
    """Return the node whose mean over some axes ``node`` is, in a normalization layer; otherwise ``None``."""
    if node.op.name not in ("divide", "multiply") or not isinstance(node.shape[0] if node.rank else 0, Size):
        return None
    total = node.inputs[0]
    total = (
        total.inputs[0] if total.op.name == "subtract" else total
    )  # the numerator of a variance may subtract a correction
    is_mean = total.op.name == "sum" and getattr(total.op, "keepdims", False)
    return total.inputs[0] if is_mean else None


def _only_moves(node: Node) -> bool:
    """Return whether the node only moves the elements of its first input or scales them by a constant."""
    if node.op.name != "multiply":
        return node.op.name in MOVES
    return all(isinstance(n.op, Constant) for n in order([node.inputs[1]]) if not n.inputs)


def _signal_names(derivation: Derivation, names: Names, sums: Mapping[Node, str]) -> Names:
    """Name the cotangents of the named values, from the loss on."""
    added: Names = {}
    for node, cotangent in derivation.cotangents.items():
        name = names.get(node)
        if name is None or name.role in ("loss", "parameter") or cotangent in names:
            continue
        delta = Name("delta", "signal", sums.get(node, ""), batched=True, skipped=name.skipped)
        added.setdefault(
            cotangent, delta if node in sums else replace(name, letter="", role="signal", of=name)
        )
    return added
