"""What the values of a network are called, so that a formula reads as in a textbook.

Layers that hold parameters are numbered l = 1 .. L. Their weighted sums are z^(l), their activations a^(l),
their weights w^(l) and biases b^(l); the inputs are x, the target y, the answer y-hat, a sample's loss J.
What comes back to a weighted sum is delta^(l); what comes back to any other value is written as the
derivative it is. Values without a name of their own are not shown at all: a formula is unfolded through them
until it meets names (see ``unfold``).

A layer may be called several times (a tower for two inputs). Its calls share l and the weights; the values of
each call carry its number u: z^(1,u=2) is the weighted sum of layer 1 in its second call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from chainrule.graph import Constant, Input, Node, order
from chainrule.nn.build import Built
from chainrule.notation import Derivative, Symbol, Tree
from chainrule.ops import PUBLIC
from chainrule.ops.scan.scan_builder import Turn
from chainrule.records import frozen
from chainrule.spec import Size
from chainrule.trace.step_nodes import PLACES, Derivation

Index = tuple[int, ...]
GIVEN = ("input", "target", "parameter", "rate", "slot")
STATES = ("h", "c", "m")  # of the first, second and third state of a loop over time
PROJECTED = {"query": "q", "key": "k", "value": "v"}
STATISTICS = ("mu", "var")  # mean and variance: what normalising layers take away and divide by
SUMMED = ("z", "y")  # letters of sums, to which delta comes back; a sum that is the answer is y-hat
LETTERS = {"weight": "w", "bias": "b", "scale": "gamma", "shift": "beta"}
RUNNING = {"running_mean": "mu", "running_variance": "var"}  # what a normalising layer keeps of them
NEW = "′"  # behind the name of what an optimizer remembers: after the update
SUMS = ("matmul", "convolution", "convolution_input", "patches")  # a long sum over its first input
MOVES = ("reshape", "transpose", "broadcast", "pad", "slice")


@frozen
class Name:
    """How the numbers of one node are written.

    Args:
        letter: a letter or word (``"delta"`` for the Greek one).
        role: ``input``, ``target``, ``parameter``, ``z``, ``a``, ``answer``, ``hidden``, ``loss``, ``rate``,
            ``slot``, ``memory`` (a slot after the update), ``signal`` (what comes back) or ``gradient``.
        layer: the number of the layer, written above in brackets.
        accent: ``"hat"`` or nothing.
        batched: whether the first axis is the samples.
        single: whether the value of a sample is one number that needs no index.
        of: for a derivative, the name of what it is taken by.
    """

    letter: str
    role: str
    layer: str = ""
    accent: str = ""
    batched: bool = False
    single: bool = False
    of: Name | None = None

    @property
    def is_given(self) -> bool:
        """Whether its numbers were handed in, not computed."""
        return self.role in GIVEN

    def symbol(self, index: Index, samples: int) -> Tree:
        """The number at ``index`` as a symbol; the sample is written only where there are several."""
        sample = str(index[0] + 1) if self.batched and samples > 1 else ""
        if self.of is not None:
            return Derivative(Symbol("J", sup=sample), self.of.symbol(index, samples))
        inside = index[1:] if self.batched else index
        below = () if self.single else tuple(str(i + 1) for i in inside)
        return Symbol(self.letter, below, ",".join(filter(None, (self.layer, sample))), self.accent)


@frozen
class Use:
    """One call of a layer.

    Args:
        label: what its values carry above: ``"1"``, or ``"1,u=2"`` where the layer is called several times.
        z, a: its weighted sum and its activation, where it has them; one node where nothing bends the sum.
    """

    label: str
    z: Node | None = None
    a: Node | None = None


@frozen
class NamedLayer:
    """A layer that holds parameters.

    Args:
        number: l, from 1.
        path: its place in the net, such as ``"dense1"``.
        parameters: its parameters by path.
        uses: its calls, the first one first.
    """

    number: int
    path: str
    parameters: Mapping[str, Node]
    uses: tuple[Use, ...] = (Use(""),)

    @property
    def z(self) -> Node | None:
        """The weighted sum of its only or its last call."""
        return self.uses[-1].z

    @property
    def a(self) -> Node | None:
        """The activation of its only or its last call."""
        return self.uses[-1].a

    @property
    def is_shared(self) -> bool:
        """Whether it is called several times."""
        return len(self.uses) > 1

    def label(self, call: int) -> str:
        """What the values of a call carry above."""
        return f"{self.number},u={call}" if self.is_shared else str(self.number)


Names = dict[Node, Name]


def names_of(d: Derivation, turns: Sequence[Turn] = ()) -> tuple[Names, tuple[NamedLayer, ...]]:
    """The names of all values worth one, and the layers they belong to.

    Args:
        d: the net's derivation.
        turns: the steps of its loops over time.
    """
    layers = tuple(_layers(d.built))
    names: Names = dict(_given(d, layers))
    names |= _attention(d.built, layers) | _states(turns, layers)
    uses = [use for layer in layers for use in layer.uses]
    for use in uses:
        if use.z is not None:
            names.setdefault(use.z, Name("z", "z", use.label, batched=True))
        if use.a is not None:
            names.setdefault(use.a, Name("a", "a", use.label, batched=True))
    names.update(_answers(d, names))
    names.update(_hidden(d, names, layers))
    # With a penalty J is more than the one sample's loss, which then has its number as where there are many.
    alone = d.penalty is not None and d.samples == 1
    names[d.each] = Name("J", "loss", "1" if alone else "", batched=True, single=True)
    names = dict(_remembered(d, layers)) | names
    sums = {use.z: use.label for use in uses if use.z is not None and names[use.z].letter in SUMMED}
    return names | _signals(d, names, sums), layers


def _layers(built: Built) -> Iterator[NamedLayer]:
    paths = list(dict.fromkeys(path.rpartition(".")[0] for path in built.parameters))
    sums = {path: _sums(built, path) for path in paths}
    bent = _activations(built, sums)
    for number, path in enumerate(paths, 1):
        own = {p: q.node for p, q in built.parameters.items() if p.rpartition(".")[0] == path}
        layer, calls = NamedLayer(number, path, own), list(sums[path])
        uses = [Use(str(number), sums[path][call], bent.get(call, sums[path][call])) for call in calls]
        if len(uses) > 1:
            labels = [f"{number},u={call.partition('#')[2] or 1}" for call in calls]
            uses = [replace(use, label=label) for use, label in zip(uses, labels, strict=True)]
        yield replace(layer, uses=tuple(uses))


def _sums(built: Built, path: str) -> dict[str, Node | None]:
    """What a layer computes before its activation in each call: the sum it notes, else all it returns."""
    book, found = built.book, dict[str, Node | None]()
    for call in book.calls_of(path) or [path]:
        z = book.notes.get(f"{call}.z", book.results.get(call))
        z = z if isinstance(z, Node) else None  # of several values by name none is the sum
        if z is None or z not in found.values():  # the same call with the same input is one value
            found[call] = z
    return found


def _activations(built: Built, sums: Mapping[str, Mapping[str, Node | None]]) -> dict[str, Node]:
    """The activation of each call of a layer: its own, or that of the layer that reads its weighted sum."""
    notes, found = built.book.notes, {}
    for path, z in (pair for calls in sums.values() for pair in calls.items()):
        a = notes.get(f"{path}.a")
        if a is not None and a is not z:
            found[path] = a
        elif z is not None:
            later = [node for name, node in notes.items() if name.endswith(".a") and z in node.inputs]
            found.update({path: later[0]} if later else {})
    return found


def _given(d: Derivation, layers: tuple[NamedLayer, ...]) -> Iterator[tuple[Node, Name]]:
    for label, node in d.built.inputs.items():
        yield node, Name(label, "input", batched=True)
    for output, node in d.network.targets.items():
        several = len(d.network.targets) > 1
        yield node, Name("y", "target", output if several else "", batched=True, single=_is_single(node))
    for layer in layers:
        for path, node in layer.parameters.items():
            last = path.rpartition(".")[2]
            name = Name(LETTERS.get(last, last), "parameter", str(layer.number))
            yield node, name
            yield d.gradients[path], Name("", "gradient", of=name)
            if path in d.clipped and d.clipped[path] is not d.gradients[path]:
                yield d.clipped[path], Name("g", "gradient", str(layer.number), accent="hat")
            for slot, (held, _) in d.slots.get(path, {}).items():
                yield held, Name(slot, "slot", str(layer.number))
    for output, node in d.weights.items():
        yield node, Name("omega", "input", output, batched=True, single=True)
    places = [n for n in order([d.objective]) if isinstance(n.op, Input) and n.op.label == PLACES]
    yield from ((node, Name("omega", "input", batched=True)) for node in places)
    yield d.rate, Name("eta", "rate")
    yield d.count, Name("t", "rate")


def _remembered(d: Derivation, layers: tuple[NamedLayer, ...]) -> Iterator[tuple[Node, Name]]:
    """What the optimizer remembers after the update, and what normalising layers keep of their batches."""
    for layer in layers:
        number = str(layer.number)
        slots = [pair for path in layer.parameters for pair in d.slots.get(path, {}).items()]
        changed = [(slot, after) for slot, (held, after) in slots if after is not held]
        yield from ((after, Name(slot + NEW, "memory", number)) for slot, after in changed)
        for last, letter in RUNNING.items():
            state = d.built.states.get(f"{layer.path}.{last}".lstrip("."))
            if state is not None:
                yield state.node, Name(letter, "input", number)


def _states(turns: Sequence[Turn], layers: tuple[NamedLayer, ...]) -> Names:
    """What a loop computes for each cell, the cell above: what it remembers, h, and c where there is a second
    state, and what has a letter of its own, such as gates."""
    known = {layer.path: layer for layer in layers}
    found: Names = {}
    for turn in turns:
        above = known[turn.path].label(turn.call) if turn.path in known else ""
        above = f"{above},t={turn.time + 1}".lstrip(",")
        pairs = [*turn.inner.items(), *zip(STATES, turn.states, strict=False)]
        found |= {n: Name(letter, "hidden", above, batched=True) for letter, n in pairs if n.rank > 1}
    return found


def _attention(built: Built, layers: tuple[NamedLayer, ...]) -> Names:
    """Queries q, keys k, values v, scores s and weights a of attention, as in the papers."""
    known = {layer.path: layer for layer in layers}
    found: Names = {}
    for layer in layers:
        letter = PROJECTED.get(layer.path.rpartition(".")[2])
        for use in layer.uses if letter else ():
            if use.z is not None:
                found[use.z] = Name(letter or "", "z", use.label, batched=True)
    for note, weights in built.book.notes.items():
        path, _, last = note.rpartition(".")
        if last != "weights":
            continue
        place, _, call = path.partition("#")
        query = known.get(f"{place}.query".lstrip("."))
        number = "" if query is None else query.label(int(call or 1))
        found[weights] = Name("a", "hidden", number, batched=True)
        scores = next((n for n in reversed(order([weights])) if n.op.name == "matmul"), None)
        if scores is not None and scores.site.path == weights.site.path:
            found[scores] = Name("s", "hidden", number, batched=True)
    return found


def _answers(d: Derivation, names: Names) -> Names:
    found: Names = {}
    for output, node in d.built.outputs.items():
        layer = output if len(d.built.outputs) > 1 else ""
        answer = d.network.losses[output].answer(node)
        name = Name("y", "answer", layer, "hat", batched=True, single=_is_single(answer))
        # e^(log softmax) is the softmax by the road that the loss takes; it is the same answer.
        other = PUBLIC["exp"](PUBLIC["log_softmax"](node)) if answer.op.name == "softmax" else answer
        found |= {answer: name, other: name}
        if node not in names and node is not answer:
            found[node] = Name("s", "z", layer, batched=True, single=_is_single(node))
    return found


def _is_single(node: Node) -> bool:
    return all(axis == 1 for axis in node.shape[1:])


def _hidden(d: Derivation, names: Names, layers: tuple[NamedLayer, ...]) -> Names:
    """Names for the unnamed inputs of weighted sums, for a sum over sums could not be read: h^(l) feeds layer
    l + 1. What only moves numbers is looked through."""
    known = {layer.path: layer for layer in layers}
    found: Names = {}
    for node in order([d.each]):
        mean = _mean_of(node)
        if mean is not None:
            layer = known.get(node.site.path)
            number = "" if layer is None else layer.label(node.site.call)
            letter = STATISTICS[any(n.letter == STATISTICS[0] and n.layer == number for n in found.values())]
            found[node] = Name(letter, "hidden", number, batched=True)
        if node.op.name not in SUMS and (mean is None or found[node].letter != STATISTICS[0]):
            continue
        source = node.inputs[0] if mean is None else mean
        while source not in names and source not in found and _only_moves(source):
            source = source.inputs[0]
        if (
            source.inputs
            and source not in names
            and source not in found
            and isinstance(source.shape[0], Size)
        ):
            layer = known.get(node.site.path)
            feeds = f"h{len(found) + 1}" if layer is None else _feeding(layer, node.site.call)
            found[source] = Name("h", "hidden", feeds, batched=True)
    return found


def _feeding(layer: NamedLayer, call: int) -> str:
    """What the input of a layer's call carries above: the number of the layer before."""
    return f"{layer.number - 1},u={call}" if layer.is_shared else str(layer.number - 1)


def _mean_of(node: Node) -> Node | None:
    """Whose mean over some axes a value is, in a normalising layer; ``None`` for any other value."""
    if node.op.name not in ("divide", "multiply") or not isinstance(node.shape[0] if node.rank else 0, Size):
        return None
    total = node.inputs[0]
    total = (
        total.inputs[0] if total.op.name == "subtract" else total
    )  # a variance is told apart from rounding
    is_mean = total.op.name == "sum" and getattr(total.op, "keepdims", False)
    return total.inputs[0] if is_mean else None


def _only_moves(node: Node) -> bool:
    """Whether its numbers are those of its first input, elsewhere or a fixed number of times."""
    if node.op.name != "multiply":
        return node.op.name in MOVES
    return all(isinstance(n.op, Constant) for n in order([node.inputs[1]]) if not n.inputs)


def _signals(d: Derivation, names: Names, sums: Mapping[Node, str]) -> Names:
    """Names for what comes back to every named value, from the loss on."""
    found: Names = {}
    for node, back in d.cotangents.items():
        name = names.get(node)
        if name is None or name.role in ("loss", "parameter") or back in names:
            continue
        delta = Name("delta", "signal", sums.get(node, ""), batched=True)
        found.setdefault(back, delta if node in sums else replace(name, letter="", role="signal", of=name))
    return found
