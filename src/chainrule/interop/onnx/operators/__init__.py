"""The operators of ONNX that are imported: by domain, name, and the version since which they are defined so.

Each module defines some of them as functions from a ``Call`` to nodes, arrays (for values that are known) or
values, and lists them in ``OPERATORS``: the name, and a function or one for each version from which on it
holds. Operators that ONNX defines as functions of others need no entry.

Images are (B, C, H, W) in ONNX and (B, H, W, C) here, so convolutions and pooling exchange axes before and
after.

Reference: ONNX Operator Schemas and Changelog, versions 7 to 28.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.interop.onnx.call import Call
from chainrule.interop.onnx.operators import (
    arithmetic,
    control,
    convolution,
    images,
    indexing,
    integers,
    normalization,
    quantization,
    recurrent,
    reduction,
    shape,
    signal,
    texts,
    trees,
)

try:
    import onnx
except ImportError:
    onnx = None

Function = Callable[[Call], Any]
_MODULES = (
    arithmetic,
    control,
    convolution,
    images,
    indexing,
    integers,
    normalization,
    quantization,
    recurrent,
    reduction,
    shape,
    signal,
    texts,
    trees,
)


def _table() -> dict[tuple[str, str], dict[int, Function]]:
    table: dict[tuple[str, str], dict[int, Function]] = {}
    for module in _MODULES:
        for title, functions in module.OPERATORS.items():
            domain, _, kind = title.rpartition(".")
            table[domain, kind] = dict(functions) if isinstance(functions, Mapping) else {1: functions}
    return table


OPERATORS = _table()
WITH_SIZES: Mapping[str, Function] = shape.WITH_SIZES
KNOWN: Mapping[str, Function] = shape.KNOWN
"""The operators that compute with symbolic lengths."""


def find(domain: str, kind: str, version: int) -> Function | None:
    """Return the function of an operator at a version; ``None`` if there is none."""
    functions = OPERATORS.get((domain, kind), {})
    since = max((v for v in functions if v <= version), default=None)
    return None if since is None else functions[since]


def covers(domain: str, kind: str, version: int) -> bool:
    """Return whether an operator is imported, by itself or as a function of others."""
    domain = "" if domain == "ai.onnx" else domain
    if find(domain, kind, version) is not None:
        return True
    if onnx is None:
        return False
    try:
        schema = onnx.defs.get_schema(kind, version, domain)
    except onnx.defs.SchemaError:
        return False
    return _is_function(schema)


def _is_function(schema: Any) -> bool:
    """Return whether ONNX defines an operator as a function of others."""
    return schema.has_function or schema.has_context_dependent_function


def supported() -> list[str]:
    """Return the names of all operators that are imported, with their domain where it is not that of ONNX.

    Example:
        >>> "Conv" in supported()
        True
    """
    names = {f"{domain}.{kind}".lstrip(".") for domain, kind in OPERATORS}
    if onnx is not None:
        for schema in onnx.defs.get_all_schemas():
            if _is_function(schema):
                names.add(f"{schema.domain}.{schema.name}".lstrip("."))
    return sorted(names)
