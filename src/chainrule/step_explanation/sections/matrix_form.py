"""Depth 3: the chain rule in symbols, the matrix form of all samples, and common mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.graph import Node, order
from chainrule.notation import Big, Derivative, Product, Symbol, Tree
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.page.page import Equation, Items, Lines, Part, Section
from chainrule.step_explanation.writer import Writer
from chainrule.texts.sentence import Sentence
from chainrule.trace import Name, NamedLayer

_LETTERS = "opqrstuv"
PITFALLS = ("simultaneous", "one_over_n", "z_for_a", "forgotten_bias", "sum_for_mean", "sign")


def letters(writer: Writer) -> Section | None:
    """Write the derivative of the loss by a weight of each layer: a product, summed over all paths."""
    layers = layer_chain(writer)
    if not layers:
        return None
    parts: list[Part] = [writer.render("letters_intro")]
    for layer in layers:
        left = Derivative(Symbol("J"), Symbol("w", ("j", "k"), str(layer.number)))
        parts.append(Lines(writer.label("C"), (Equation(left, (_path_sum(writer, layers, layer),)),)))
    return Section(writer.render("chain_letters"), tuple(parts))


def layer_chain(writer: Writer) -> list[NamedLayer]:
    """Return the layers of a network that is a chain of weighted sums, or an empty list for any other."""
    t = writer.trace
    layers, built = list(t.layers), t.derivation.built
    summed = all(f"{layer.path}.z".lstrip(".") in built.book.notes for layer in layers)
    is_shared = any(layer.is_shared for layer in layers)
    if not layers or not summed or is_shared or len(built.inputs) > 1:
        return []
    sources = [next(iter(built.inputs.values())), *(layer.a for layer in layers[:-1])]
    for layer, source in zip(layers, sources, strict=True):
        kinds = {path.rpartition(".")[2] for path in layer.parameters}
        if layer.z is None or source is None or kinds - {"weight", "bias"}:
            return []
        if not _reads_only(t.reads(layer.z), source, layer):
            return []
        if layer is not layers[-1] and _activation(layer) is not layer.a:
            return []  # a unit of the layer depends on several weighted sums
    return layers if layers[-1].z in t.derivation.cotangents else []


def _activation(layer: NamedLayer) -> Node:
    """Return the layer's activation if each unit depends on its weighted sum only, else the weighted sum."""
    assert layer.z is not None
    assert layer.a is not None
    pending, seen = [layer.a], {layer.z}
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.inputs and (not isinstance(node.op, Elementwise) or node.rank not in (0, layer.z.rank)):
            return layer.z
        pending += node.inputs
    return layer.a


def _reads_only(inputs: tuple[object, ...], source: object, layer: NamedLayer) -> bool:
    return set(inputs) <= {source, *layer.parameters.values()} and source in inputs


def _path_sum(writer: Writer, layers: list[NamedLayer], target: NamedLayer) -> Tree:
    """Return dJ/dyhat · dyhat/dz · dz/da ... dz/dw, summed over the units of the layers between."""
    t = writer.trace
    above = [layer for layer in layers if layer.number > target.number]
    units = {target.number: "j"}
    sums: list[str] = []
    for i, layer in enumerate(above):
        assert layer.z is not None
        wide = t.values[layer.z].shape[-1] > 1
        units[layer.number] = _LETTERS[i % len(_LETTERS)] if wide else "1"
        sums += [units[layer.number]] if wide else []
    factors: list[Tree] = []
    before: Tree = Symbol("J")
    for layer in reversed([target, *above]):
        for node in dict.fromkeys((_activation(layer), layer.z)):
            assert node is not None
            now = _symbol(t.names[node], units[layer.number])
            factors.append(Derivative(before, now))
            before = now
    factors.append(Derivative(before, Symbol("w", ("j", "k"), str(target.number))))
    tree: Tree = Product(tuple(factors))
    for letter in reversed(sums):
        tree = Big("sum", letter, tree)
    return tree


def _symbol(name: Name, unit: str) -> Tree:
    return Symbol(name.letter, () if name.single else (unit,), name.layer, name.accent)


def matrices(writer: Writer) -> Section | None:
    """Return the forward and backward pass of all samples in matrices."""
    layers = layer_chain(writer)
    if not layers:
        return None
    lines = [*_forward(writer, layers), *_backward(writer, layers)]
    parts: list[Part] = [writer.render("matrices_intro")]
    if writer.trace.derivation.penalty is not None:
        parts.append(writer.render("matrices_penalty"))
    return Section(writer.render("matrices"), (*parts, Items(tuple(lines))))


def _line(writer: Writer, equations: Sequence[str]) -> Sentence:
    return writer.render("clause", clause=",  ".join(equations), about={"matrices": tuple(equations)})


def _values(layer: NamedLayer) -> str:
    """Return the matrix of the values that a layer passes on."""
    return f"{'A' if _activation(layer) is not layer.z else 'Z'}^({layer.number})"


def _forward(writer: Writer, layers: list[NamedLayer]) -> Iterator[Sentence]:
    source = "X"
    for layer in layers:
        n = layer.number
        bias = f" + b^({n})" if any(path.endswith("bias") for path in layer.parameters) else ""
        equations = [f"Z^({n}) = {source}·W^({n})ᵀ{bias}"]
        source = _values(layer)
        yield _line(writer, [*equations, *([f"{source} = g(Z^({n}))"] if source[0] == "A" else [])])


def _backward(writer: Writer, layers: list[NamedLayer]) -> Iterator[Sentence]:
    last, d = layers[-1], writer.trace.derivation
    weight = "ω⁽ⁱ⁾·" if d.weights else ""
    has_slope = _activation(last) is not last.z and last.a in d.cotangents
    slope = f" ⊙ g′(Z^({last.number}))" if has_slope else ""
    values = f"{'A' if has_slope else 'Z'}^({last.number})"
    yield _line(writer, [f"D^({last.number}) = {weight}∂J⁽ⁱ⁾/∂{values}{slope}"])
    mean = "(1/Σω)" if d.weights else "(1/n)"
    for layer in reversed(layers):
        n = layer.number
        below = layers[n - 2] if n > 1 else None
        source = "X" if below is None else _values(below)
        equations = []
        for path, node in layer.parameters.items():
            letter = "b" if path.endswith("bias") else "W"
            data = f"{mean}·Σᵢ D^({n})" if letter == "b" else f"{mean}·D^({n})ᵀ·{source}"
            penalty = f" + ∂R/∂{letter}^({n})" if _is_penalized(writer, node) else ""
            equations.append(f"∂J/∂{letter}^({n}) = {data}{penalty}")
        yield _line(writer, equations)
        if below is not None:
            slope = f" ⊙ g′(Z^({n - 1}))" if _values(below)[0] == "A" else ""
            yield _line(writer, [f"D^({n - 1}) = (D^({n})·W^({n})){slope}"])


def _is_penalized(writer: Writer, parameter: Node) -> bool:
    penalty = writer.trace.derivation.penalty
    return penalty is not None and parameter in order([penalty])


def pitfalls(writer: Writer) -> Section:
    """List common mistakes in manual derivations."""
    return Section(
        writer.render("pitfalls"),
        (
            Items(
                tuple(
                    writer.render("numbered", i=i, text=writer.render(key))
                    for i, key in enumerate(PITFALLS, 1)
                )
            ),
        ),
    )
