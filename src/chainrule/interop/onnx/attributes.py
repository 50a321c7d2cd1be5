"""The attributes of operations of an ONNX file: which are imported, and of which kind each is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.interop.onnx.refusals import invalid, unsupported
from chainrule.interop.onnx.tensors import array_of, text_of
from chainrule.interop.refusals import clipped

_WINDOW = "auto_pad dilations kernel_shape pads strides"
_REDUCTION = "axes keepdims noop_with_empty_axes"
ATTRIBUTES: dict[str, frozenset[str]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "AveragePool": f"{_WINDOW} ceil_mode count_include_pad",
        "BatchNormalization": "epsilon momentum spatial training_mode",
        "Clip": "max min",
        "Concat": "axis",
        "Constant": "value value_float value_floats value_int value_ints",
        "Conv": f"{_WINDOW} group",
        "Dropout": "ratio seed",
        "Flatten": "axis",
        "Gather": "axis",
        "Gelu": "approximate",
        "Gemm": "alpha beta transA transB",
        "LayerNormalization": "axis epsilon stash_type",
        "LeakyRelu": "alpha",
        "LogSoftmax": "axis",
        "MaxPool": f"{_WINDOW} ceil_mode storage_order",
        "Pad": "mode pads value",
        "ReduceMax": _REDUCTION,
        "ReduceMean": _REDUCTION,
        "ReduceMin": _REDUCTION,
        "ReduceSum": _REDUCTION,
        "Reshape": "allowzero shape",
        "Slice": "axes ends starts",
        "Softmax": "axis",
        "Squeeze": "axes",
        "Transpose": "perm",
        "Unsqueeze": "axes",
    }.items()
}
"""The attributes that are imported; an operation with another one means something else."""
_FLOAT, _INTEGER, _TEXT, _TENSOR, _FLOATS, _INTEGERS = 1, 2, 3, 4, 6, 7  # ``AttributeProto.AttributeType``
_KINDS: dict[str, int] = {
    name: kind
    for kind, names in {
        _FLOAT: "alpha beta epsilon max min momentum ratio value_float",
        _INTEGER: "allowzero axis ceil_mode count_include_pad group keepdims noop_with_empty_axes seed"
        " spatial stash_type storage_order training_mode transA transB value_int",
        _TEXT: "approximate auto_pad mode",
        _TENSOR: "value",
        _FLOATS: "value_floats",
        _INTEGERS: "axes dilations ends kernel_shape pads perm shape starts strides value_ints",
    }.items()
    for name in names.split()
}
_READ: dict[int, Callable[[Any, str], Any]] = {
    _FLOAT: lambda attribute, where: float(attribute.f),
    _INTEGER: lambda attribute, where: int(attribute.i),
    _TEXT: lambda attribute, where: attribute.s.decode("utf-8", "replace")[:60],
    _TENSOR: lambda attribute, where: array_of(attribute.t, where),
    _FLOATS: lambda attribute, where: list(attribute.floats),
    _INTEGERS: lambda attribute, where: list(attribute.ints),
}


def attributes_of(step: Any, where: str) -> dict[str, Any]:
    """The attributes of an operation by name.

    Args:
        step: a ``NodeProto``.
        where: the file.

    Raises:
        FileError: E458 an attribute twice, of another kind than its name requires, or not finite; E459 one
            that is not imported.
    """
    attributes: dict[str, Any] = {}
    operation = text_of(step.op_type)
    known = ATTRIBUTES.get(operation, frozenset())
    for attribute in step.attribute:
        name = text_of(attribute.name)
        if name not in known:
            expected = ", ".join(sorted(known)) or fact("no attributes")
            raise unsupported(where, operation, expected, clipped(name))
        if name in attributes or attribute.ref_attr_name:
            raise invalid(where, fact("a name of its own for each value"), clipped(name))
        kind = _FLOAT if (operation, name) == ("Pad", "value") else _KINDS[name]  # else of Constant: a tensor
        if attribute.type != kind:
            expected = fact("attributes of numbers, texts and tensors, each of its kind")
            raise invalid(where, expected, f"{operation}: {name}")
        value = attributes[name] = _READ[attribute.type](attribute, where)
        if attribute.type in (_FLOAT, _FLOATS) and not np.isfinite(value).all():
            raise invalid(where, fact("finite numbers"), f"{operation}: {name} = {value}")
    return attributes
