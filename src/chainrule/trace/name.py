"""What the values of a network are called, so that a formula reads as in a textbook.

Layers that hold parameters are numbered l = 1 .. L. Their weighted sums are z^(l), their activations a^(l),
their weights w^(l) and biases b^(l); the inputs are x, the target y, the answer y-hat, a sample's loss J.
What comes back to a weighted sum is delta^(l); what comes back to any other value is written as the
derivative it is. Values without a name of their own are not shown at all: a formula is unfolded through them
until it meets names (see ``unfold``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from chainrule.frozen import frozen
from chainrule.graph import Node, order
from chainrule.nn.build import Built
from chainrule.notation import Derivative, Symbol, Tree
from chainrule.ops import PUBLIC
from chainrule.spec import Size
from chainrule.trace.derivation import Derivation

Index = tuple[int, ...]
GIVEN = ("input", "target", "parameter", "rate", "slot")
LETTERS = {"weight": "w", "bias": "b"}


@frozen
class Name:
    """How the numbers of one node are written.

    Args:
        letter: a letter or word (``"delta"`` for the Greek one).
        role: ``input``, ``target``, ``parameter``, ``z``, ``a``, ``answer``, ``hidden``, ``loss``, ``rate``,
            ``slot``, ``signal`` (what comes back) or ``gradient``.
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
class NamedLayer:
    """A layer that holds parameters.

    Args:
        number: l, from 1.
        path: its place in the net, such as ``"dense1"``.
        parameters: its parameters by path.
        z, a: its weighted sum and its activation, where it has them; one node where nothing bends the sum.
    """

    number: int
    path: str
    parameters: Mapping[str, Node]
    z: Node | None = None
    a: Node | None = None


Names = dict[Node, Name]


def names_of(d: Derivation) -> tuple[Names, tuple[NamedLayer, ...]]:
    """The names of all values worth one, and the layers they belong to."""
    layers = tuple(_layers(d.built))
    names: Names = dict(_given(d, layers))
    for layer in layers:
        number = str(layer.number)
        if layer.z is not None:
            names.setdefault(layer.z, Name("z", "z", number, batched=True))
        if layer.a is not None:
            names.setdefault(layer.a, Name("a", "a", number, batched=True))
    names.update(_answers(d, names))
    names.update(_hidden(d, names, layers))
    names[d.each] = Name("J", "loss", batched=True, single=True)
    sums = {layer.z: str(layer.number) for layer in layers if layer.z is not None}
    return names | _signals(d, names, sums), layers


def _layers(built: Built) -> Iterator[NamedLayer]:
    paths = list(dict.fromkeys(path.rpartition(".")[0] for path in built.parameters))
    bent = _activations(built, paths)
    for number, path in enumerate(paths, 1):
        own = {p: q.node for p, q in built.parameters.items() if p.rpartition(".")[0] == path}
        z = built.book.notes.get(f"{path}.z")
        yield NamedLayer(number, path, own, z, bent.get(path, z))


def _activations(built: Built, paths: list[str]) -> dict[str, Node]:
    """The activation of each layer: its own, or that of the activation layer that reads its weighted sum."""
    notes, found = built.book.notes, {}
    for path in paths:
        z, a = notes.get(f"{path}.z"), notes.get(f"{path}.a")
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
    yield d.rate, Name("eta", "rate")
    yield d.count, Name("t", "rate")


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
    l + 1."""
    feeds = {layer.path: str(layer.number - 1) for layer in layers}
    found: Names = {}
    for node in order([d.each]):
        if node.op.name != "matmul":
            continue
        source = node.inputs[0]
        while source not in names and source.op.name in ("reshape", "transpose", "broadcast"):
            source = source.inputs[0]
        if (
            source.inputs
            and source not in names
            and source not in found
            and isinstance(source.shape[0], Size)
        ):
            found[source] = Name("h", "hidden", feeds.get(node.site.path, f"h{len(found) + 1}"), batched=True)
    return found


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
