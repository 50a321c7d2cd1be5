"""Notation of an explanation: the meaning of every symbol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.derive.writer import Writer
from chainrule.graph import Node
from chainrule.messages import translated
from chainrule.notation import Product, Sum, Symbol, to_unicode
from chainrule.texts.sentence import Sentence
from chainrule.texts.symbols import NOUNS
from chainrule.trace import Name, Scalar, scalars

ALWAYS = {"x", "w", "b", "z", "a", "y", "y_hat", "J", "delta"}
# Sentences on several letters: (text key, letters that must all occur, letters that it explains).
TOGETHER = (
    ("letters_lstm", {"i", "f", "o"}, {"i", "f", "o", "m"}),
    ("letters_gru", {"r", "u"}, {"r", "u", "m"}),
    ("letters_attention", {"q", "k"}, {"q", "k", "v", "s"}),
)
EITHER = (("letters_norm", {"mu", "var"}), ("letters_scale", {"gamma", "beta"}))
OF_ROLE = {
    "parameter": "letters_parameter", "input": "letters_input", "slot": "letters_memory",
    "memory": "letters_memory", "state": "letters_state", "hidden": "letters_hidden", "z": "letters_hidden",
    "a": "letters_hidden",
}  # fmt: skip


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
    """The value with which a weight is multiplied in the formula of a weighted sum; ``None`` if it is not."""
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
