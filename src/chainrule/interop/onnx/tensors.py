"""Tensors of an ONNX file as arrays; sizes are checked before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.interop.refusals import clipped

# The errors for refused ONNX files.


def invalid(where: str, expected: str, received: str) -> FileError:
    """E458: not an ONNX file, damaged, or too large."""
    return FileError("E458", where=where, expected=expected, received=clipped(received, 200))


def unsupported(where: str, name: str, expected: str, received: str) -> FileError:
    """E459: an operation, an attribute or a shape that is not imported."""
    return FileError(
        "E459", where=where, name=clipped(name), expected=expected, received=clipped(received, 200)
    )


RANK = 8
# The code of a dtype in the file, the dtype, and the field that contains its numbers if they are not raw.
_DTYPES: dict[int, tuple[str, str]] = {
    1: ("<f4", "float_data"),
    11: ("<f8", "double_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
}
_EXTERNAL = 1


def text_of(name: str | bytes) -> str:
    """A name of the file; the parser returns bytes where it is not UTF-8."""
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def array_of(tensor: Any, where: str) -> np.ndarray:
    """The numbers of a tensor.

    Args:
        tensor: a ``TensorProto``.
        where: the file.

    Raises:
        FileError E458: its numbers do not match its shape. E459: another dtype; numbers in another file.
    """
    name = clipped(text_of(tensor.name) or "tensor", 60)
    if tensor.data_location == _EXTERNAL or len(tensor.external_data):
        raise unsupported(
            where, name, fact("weights inside the file"), fact("weights in another file (external data)")
        )
    if tensor.data_type not in _DTYPES:
        raise unsupported(
            where, name, "float32, float64, int32, int64", fact("dtype {code}", code=tensor.data_type)
        )
    dtype, field = _DTYPES[tensor.data_type]
    shape = tuple(tensor.dims)
    if len(shape) > RANK or any(n < 0 for n in shape):
        raise invalid(where, fact("at most {limit} axes", limit=RANK), f"{name}: {shape}")
    size = math.prod(shape)
    if not size or tensor.HasField("segment"):
        raise invalid(where, fact("tensors of at least one number"), f"{name}: {shape}")
    if tensor.raw_data:
        stored = len(tensor.raw_data) // np.dtype(dtype).itemsize
        is_whole = len(tensor.raw_data) == stored * np.dtype(dtype).itemsize
    else:
        stored, is_whole = len(getattr(tensor, field)), True
    if stored != size or not is_whole:
        raise invalid(where, fact("{count:,} numbers of {name}", count=size, name=name), f"{stored:,}")
    source = np.frombuffer(tensor.raw_data, dtype) if tensor.raw_data else np.array(getattr(tensor, field))
    array = source.astype(np.dtype(dtype).newbyteorder("=")).reshape(shape)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        kind = "NaN" if np.isnan(array).any() else fact("infinite")
        raise invalid(where, fact("finite numbers"), fact("{name}: {value}", name=name, value=kind))
    return array


# The attributes of operations of an ONNX file: which are imported, and of which kind each is.

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
