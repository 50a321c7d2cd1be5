"""Depth 3: the chain rule in symbols, the matrix form of all samples, and common mistakes."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derive.writer import Writer
from chainrule.notation import Big, Derivative, Product, Symbol, Tree
from chainrule.page.page import Equation, Items, Lines, Part, Section
from chainrule.trace import Name, NamedLayer

_LETTERS = "opqrstuv"
PITFALLS = ("simultaneous", "one_over_n", "z_for_a", "forgotten_bias", "sum_for_mean", "sign")


def letters(writer: Writer) -> Section | None:
    """The derivative of the loss with respect to a weight of each layer: a product, summed over all paths."""
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
    return layers if layers[-1].z in t.derivation.cotangents else []


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
        for node in dict.fromkeys((layer.a, layer.z)):
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
    """The forward and backward pass of all samples in matrices."""
    layers = layer_chain(writer)
    if not layers:
        return None
    lines = [*_forward(layers), *_backward(writer, layers)]
    return Section(writer.render("matrices"), (writer.render("matrices_intro"), Items(tuple(lines))))


def _forward(layers: list[NamedLayer]) -> Iterator[str]:
    source = "X"
    for layer in layers:
        n = layer.number
        bias = f" + b^({n})" if any(path.endswith("bias") for path in layer.parameters) else ""
        yield f"Z^({n}) = {source}·W^({n})ᵀ{bias}" + (
            f",  A^({n}) = g(Z^({n}))" if layer.a is not layer.z else ""
        )
        source = f"A^({n})" if layer.a is not layer.z else f"Z^({n})"


def _backward(writer: Writer, layers: list[NamedLayer]) -> Iterator[str]:
    last = layers[-1]
    slope = (
        f" ⊙ g′(Z^({last.number}))"
        if last.a is not last.z and last.a in writer.trace.derivation.cotangents
        else ""
    )
    yield (
        f"D^({last.number}) = ∂J⁽ⁱ⁾/∂A^({last.number}){slope}"
        if slope
        else f"D^({last.number}) = ∂J⁽ⁱ⁾/∂Z^({last.number})"
    )
    for layer in reversed(layers):
        n = layer.number
        below = layers[n - 2] if n > 1 else None
        source = "X" if below is None else f"A^({n - 1})" if below.a is not below.z else f"Z^({n - 1})"
        bias = (
            f",  ∂J/∂b^({n}) = (1/n)·Σᵢ D^({n})" if any(p.endswith("bias") for p in layer.parameters) else ""
        )
        yield f"∂J/∂W^({n}) = (1/n)·D^({n})ᵀ·{source}{bias}"
        if below is not None:
            slope = f" ⊙ g′(Z^({n - 1}))" if below.a is not below.z else ""
            yield f"D^({n - 1}) = (D^({n})·W^({n})){slope}"


def pitfalls(writer: Writer) -> Section:
    """Common mistakes in manual derivations."""
    return Section(
        writer.render("pitfalls"),
        (Items(tuple(f"{i}. {writer.render(key)}" for i, key in enumerate(PITFALLS, 1))),),
    )
