"""Fingerprints of computations: equal for two nodes exactly if both compute the same from the same inputs.

A training may only be resumed with the same computation. Its settings can be compared as records, but the
code of a custom layer can change while its fields do not: tanh becomes sin. The source text is no reliable
criterion: a comment changes it, and a function in another file does not. The graph is what runs, so the graph
is compared.

The fingerprint of a node hashes its operation, the attributes of the operation and the fingerprints of its
inputs (a Merkle tree). It does not depend on names of layers, source lines, the order of construction or the
hashes of Python, so it is equal in every process and on every machine. C libraries differ in the last bit;
therefore floats are rounded to 12 digits, and arrays of float64 to float32.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from chainrule.graph.node import Constant, Node
from chainrule.symbolic_shape import Size

Known = dict[Any, str]  # fingerprints by node, and texts of name and attributes by operation


def fingerprint(nodes: Node | Mapping[str, Node] | Iterable[Node], known: Known | None = None) -> str:
    """Return the fingerprint of a node, of named nodes or of a sequence of nodes: 32 hexadecimal digits.

    Args:
        nodes: the nodes.
        known: fingerprints of nodes from earlier calls; those of this call are added.

    Example:
        >>> from chainrule.graph.node import input_node, constant
        >>> x = input_node("x", (2,), "float64")
        >>> fingerprint(x) == fingerprint(input_node("x", (2,), "float64")) != fingerprint(constant(1.0))
        True
    """
    known = {} if known is None else known
    if isinstance(nodes, Node):
        return _of(nodes, known)
    return _digest(_text(nodes if isinstance(nodes, Mapping) else tuple(nodes), known))


def _of(node: Node, known: Known) -> str:
    stack = [node]
    while stack:  # recursion would fail at about a thousand consecutive operations
        last = stack[-1]
        missing = [source for source in last.inputs if source not in known]
        if missing:
            stack += missing
            continue
        if last not in known:
            inputs = ",".join([known[source] for source in last.inputs])
            known[last] = _digest(f"{_op(last.op, known)}<{inputs}>")
        stack.pop()
    return known[node]


def _op(op: Any, known: Known) -> str:
    key = (op.name, op)  # operations without attributes have equal hashes; the name avoids collisions
    if key not in known:
        is_constant = isinstance(op, Constant)
        known[key] = f"constant {_array(op.array)}" if is_constant else f"{op.name} {_record(op, known)}"
    return known[key]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _text(value: Any, known: Known) -> str:
    """Return a value as a text that is equal in every process."""
    if value is None or isinstance(value, bool | int | str | bytes):
        return repr(value)
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, tuple | list):
        return f"({','.join([_text(part, known) for part in value])})"
    if isinstance(value, Node):
        return _of(value, known)
    if isinstance(value, Size):
        return f"size{_text(value.terms, known)}"
    if isinstance(value, Mapping):
        parts = sorted((_text(key, known), _text(part, known)) for key, part in value.items())
        return "{" + ",".join(f"{key}:{part}" for key, part in parts) + "}"
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value))
    if is_dataclass(value) and not isinstance(value, type):
        return _record(value, known)
    raise TypeError(f"no fingerprint of {type(value).__name__}")


def _record(value: Any, known: Known) -> str:
    kind = type(value)
    parts = [f"{name}={_text(getattr(value, name), known)}" for name in _names(kind)]
    return f"{kind.__name__}({','.join(parts)})"


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def _array(array: np.ndarray) -> str:
    form = f"{array.dtype}{array.shape}"
    if array.size == 1 and array.dtype.kind == "f":
        return f"{form}{array.item():.12g}"
    if array.dtype == np.float64:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    return form + hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest()
