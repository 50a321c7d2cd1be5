"""Evaluate the matrix equations that an explanation prints, on the values of its trace."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.engines.reference import Program
from chainrule.gradient import cotangents
from chainrule.graph import Graph, Input, Node
from chainrule.ops import functional as F
from chainrule.trace import Trace


def matrix_equation_holds(trace: Trace, text: str) -> bool:
    """Evaluate an equation between matrices, such as "D^(1) = (D^(2)·W^(2)) ⊙ g′(Z^(1))"."""
    arrays = _matrices(trace)
    left, _, right = text.partition(" = ")
    signs = {chr(0xE000 + i): name for i, name in enumerate(sorted(arrays, key=len, reverse=True))}
    for sign, name in signs.items():
        right = right.replace(name, sign)
    values = {sign: arrays[name] for sign, name in signs.items()}
    return bool(np.allclose(arrays[left], _matrix(right, values, trace), rtol=1e-8, atol=1e-12))


def _matrix(code: str, values: Mapping[str, np.ndarray], trace: Trace) -> np.ndarray:
    """Evaluate a sum of products of matrices, each of which is one character."""
    terms = _split(code, " + ")
    if len(terms) > 1:
        return sum((_matrix(term, values, trace) for term in terms), np.zeros(()))
    factors = _split(code, " ⊙ ")
    if len(factors) > 1:
        return np.prod([_matrix(factor, values, trace) for factor in factors], axis=0)
    for mean, count in (("(1/n)·", float(trace.samples)), ("(1/Σω)·", trace.derivation.divisor)):
        if code.startswith(mean):
            return _matrix(code.removeprefix(mean), values, trace) / count
    parts = _split(code, "·")
    if len(parts) > 1:
        return np.linalg.multi_dot([_matrix(part, values, trace) for part in parts])
    if code.startswith("("):
        return _matrix(code[1:-1], values, trace)
    if code.startswith("Σᵢ "):
        return _matrix(code.removeprefix("Σᵢ "), values, trace).sum(0)
    return _matrix(code[:-1], values, trace).T if code.endswith("ᵀ") else values[code]


def _split(code: str, separator: str) -> list[str]:
    """Split at a separator outside of parentheses; a leading mean stays with its product."""
    parts, depth, start, place = [], 0, 0, 0
    while place < len(code):
        depth += {"(": 1, ")": -1}.get(code[place], 0)
        if depth == 0 and code.startswith(separator, place):
            parts.append(code[start:place])
            start = place = place + len(separator)
        else:
            place += 1
    return [*parts, code[start:]]


def _matrices(trace: Trace) -> dict[str, np.ndarray]:
    """The matrices by the names of the page: rows are samples, one column for each unit."""
    t, d = trace, trace.derivation
    n = t.samples
    (x,) = d.built.inputs.values()
    arrays = {"X": t.values[x].reshape(n, -1)}
    penalties = {} if d.penalty is None else cotangents(d.penalty, list(trace_nodes(t).values()))[0]
    for layer in t.layers:
        number, z, a = layer.number, layer.z, layer.a
        assert z is not None
        assert a is not None
        arrays[f"Z^({number})"], arrays[f"A^({number})"] = t.values[z], t.values[a]
        arrays[f"g(Z^({number}))"] = t.values[a]
        arrays[f"D^({number})"] = t.values[d.cotangents[z]]
        arrays[f"∂J⁽ⁱ⁾/∂Z^({number})"] = _unweighted(t, d.cotangents[z])
        arrays[f"ω⁽ⁱ⁾·∂J⁽ⁱ⁾/∂Z^({number})"] = t.values[d.cotangents[z]]
        if a in d.cotangents:
            arrays[f"∂J⁽ⁱ⁾/∂A^({number})"] = _unweighted(t, d.cotangents[a])
            arrays[f"ω⁽ⁱ⁾·∂J⁽ⁱ⁾/∂A^({number})"] = t.values[d.cotangents[a]]
        arrays[f"g′(Z^({number}))"] = _elementwise_slope(t, z, a)
        for path, node in layer.parameters.items():
            letter = "b" if path.endswith("bias") else "W"
            arrays[f"{letter}^({number})"] = t.values[node]
            arrays[f"∂J/∂{letter}^({number})"] = t.gradients[path]
            if node in penalties:
                arrays[f"∂R/∂{letter}^({number})"] = evaluated(t, penalties[node])
    return arrays


def trace_nodes(trace: Trace) -> dict[str, Node]:
    """The nodes of the parameters by path."""
    return {path: p.node for path, p in trace.derivation.built.parameters.items()}


def _unweighted(trace: Trace, back: Node) -> np.ndarray:
    values, d = trace.values[back], trace.derivation
    if not d.weights:
        return values
    weights = trace.values[next(iter(d.weights.values()))]
    return values / weights.reshape(-1, *[1] * (values.ndim - 1))


def _elementwise_slope(trace: Trace, z: Node, a: Node) -> np.ndarray:
    """The derivative of each activation with respect to its own weighted sum, by a sum over the others."""
    if a is z:
        return np.ones_like(trace.values[z])
    back, _ = cotangents(F.sum(a), [z])
    return evaluated(trace, back[z])


def evaluated(trace: Trace, node: Node, **more: np.ndarray) -> np.ndarray:
    """Evaluate a node on the inputs of a trace, and on further inputs by name."""
    feeds = {n.op.label: array for n, array in trace.values.items() if isinstance(n.op, Input)} | more
    program = Program(Graph({"value": node}))
    return program.run({name: feeds[name] for name in program.graph.inputs})["value"]
