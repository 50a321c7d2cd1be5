"""Tensors and attributes of an ONNX file as arrays; sizes are checked before anything is allocated."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.interop.onnx.values import TEXT
from chainrule.interop.refusals import clipped

try:
    import onnx
    from onnx import helper, numpy_helper
except ImportError:
    onnx = helper = numpy_helper = None

RANK = 32
LONGEST = 2**40  # of an axis, also of a tensor without elements
SPARSE = 64 * 2**20  # bytes of a dense tensor that is stored as a sparse one
_EXTERNAL = 1


def invalid(where: str, expected: str, received: str) -> FileError:
    """Return the error E458: not an ONNX file, damaged, or too large."""
    return FileError("E458", where=where, expected=expected, received=clipped(received, 200))


def unsupported(where: str, name: str, expected: str, received: str) -> FileError:
    """Return the error E459: an operation, an attribute or a shape that is not imported."""
    return FileError(
        "E459", where=where, name=clipped(name), expected=expected, received=clipped(received, 200)
    )


def text_of(name: str | bytes) -> str:
    """Return a name of the file; the parser returns bytes where it is not UTF-8."""
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def dtype_of(code: int) -> np.dtype | None:
    """Return the dtype of a code of the format; ``None`` for one that is not known."""
    assert helper is not None
    if code == 8:
        return TEXT
    try:
        return np.dtype(helper.tensor_dtype_to_np_dtype(code))
    except (KeyError, ValueError, TypeError):
        return None


def array_of(tensor: Any, where: str) -> np.ndarray:
    """Return the elements of a tensor.

    Args:
        tensor: a ``TensorProto``.
        where: the file; external data is read from files in its folder.

    Raises:
        FileError E458: its elements do not match its shape. E459: another dtype; data in a place that is
            not read.
    """
    assert numpy_helper is not None
    name = clipped(text_of(tensor.name) or "tensor", 60)
    dtype = dtype_of(tensor.data_type)
    if dtype is None:
        expected = "float32, float64, int32, int64, bool, ..."
        raise unsupported(where, name, expected, fact("dtype {code}", code=tensor.data_type))
    shape = tuple(tensor.dims)
    if len(shape) > RANK or any(not 0 <= n <= LONGEST for n in shape):
        raise invalid(where, fact("at most {limit} axes", limit=RANK), f"{name}: {shape[:RANK]}")
    size = math.prod(shape)
    if tensor.HasField("segment"):
        raise invalid(where, fact("whole tensors"), name)
    if tensor.data_location == _EXTERNAL or len(tensor.external_data):
        return _external(tensor, dtype, shape, where)
    expected = fact("{count:,} numbers of {name}", count=size, name=name)
    if not _has_elements(tensor, dtype, size):
        raise invalid(where, expected, fact("another number of them"))
    try:
        array = np.array(numpy_helper.to_array(tensor))
    except Exception as cause:  # of several classes, by the dtype
        raise invalid(where, expected, str(cause)) from cause
    if array.shape != shape:
        raise invalid(where, expected, str(array.shape))
    if dtype == TEXT:
        return np.array([text_of(entry) for entry in array.ravel()], object).reshape(shape)
    return array


FIELDS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")


def _has_elements(tensor: Any, dtype: np.dtype, size: int) -> bool:
    """Return whether a tensor stores as many elements as its shape has; small dtypes are packed."""
    bits = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}.get(dtype.name)
    bits = bits or 8 * dtype.itemsize
    if tensor.raw_data:
        return len(tensor.raw_data) == -(-size * bits // 8) and dtype != TEXT
    stored = sum(len(getattr(tensor, field)) for field in FIELDS)
    if bits < 8:
        return stored in (size, -(-size * bits // 8))
    return stored == size * (2 if dtype.kind == "c" else 1)


def _external(tensor: Any, dtype: np.dtype, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Return the elements of a tensor in another file, which must be a plain file in the folder of the model.

    Raises:
        FileError: E459 the path leaves the folder, or is a link; E458 the file has other sizes.
    """
    name = clipped(text_of(tensor.name) or "tensor", 60)
    entries = {text_of(entry.key): text_of(entry.value) for entry in tensor.external_data}
    folder = os.path.realpath(os.path.dirname(os.path.abspath(where)))
    place = entries.get("location", "")
    path = os.path.normpath(os.path.join(folder, place))
    is_name = bool(where and place) and "\0" not in place and not os.path.isabs(place)
    if not is_name or os.path.realpath(path) != path or not Path(path).is_relative_to(folder):
        expected = fact("weights in this file, or in a plain file in its folder")
        received = fact("weights in another file (external data): {place}", place=clipped(place, 60))
        raise unsupported(where, name, expected, received)
    size = math.prod(shape) * dtype.itemsize
    try:
        offset = int(entries.get("offset", "0") or 0)
        stated = int(entries.get("length", "") or size)
    except ValueError:
        raise invalid(where, fact("integers"), f"{name}: offset, length") from None
    expected = fact("{count:,} bytes of {name} in {place}", count=size, name=name, place=clipped(place, 60))
    try:
        available = os.path.getsize(path) if os.path.isfile(path) else -1
    except OSError:
        available = -1
    if offset < 0 or stated != size or available < offset + size or dtype == TEXT or dtype.kind == "V":
        received = f"offset={offset}, length={stated}, {max(available, 0):,} bytes"
        raise invalid(where, expected, received)
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read(size)
    if len(data) != size:
        raise invalid(where, expected, f"{len(data):,}")
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def dense_of(sparse: Any, where: str) -> np.ndarray:
    """Return a ``SparseTensorProto`` as a dense array.

    Raises:
        FileError E458: indices that do not match its values or its shape; a shape that is too large.
    """
    values, indices = array_of(sparse.values, where), array_of(sparse.indices, where)
    name, shape = clipped(text_of(sparse.values.name), 60), tuple(sparse.dims)
    size = math.prod(shape)
    is_flat = indices.ndim == 1
    is_shape = bool(shape) and len(shape) <= RANK and all(0 < n <= LONGEST for n in shape)
    fits = is_shape and values.ndim == 1 and size * values.dtype.itemsize <= SPARSE
    fits = fits and indices.dtype == np.int64
    fits = fits and indices.shape in ((len(values),), (len(values), len(shape)))
    upper = size if is_flat else np.array(shape)
    if not fits or (indices < 0).any() or (indices >= upper).any():
        raise invalid(where, fact("indices inside the shape, one for each value"), f"{name}: {shape}")
    dense = np.zeros(shape, values.dtype)
    dense[np.unravel_index(indices, shape) if is_flat else tuple(indices.T)] = values
    return dense


# The attributes of an operation: their types by ``AttributeProto.AttributeType``.


def attribute_value(attribute: Any, where: str) -> Any:
    """Return the value of an attribute: number, text, list, array, ``GraphProto`` or ``TypeProto``.

    Raises:
        FileError E458: an attribute of another type.
    """
    match attribute.type:
        case 1:
            return float(attribute.f)
        case 2:
            return int(attribute.i)
        case 3:
            return attribute.s.decode("utf-8", "replace")
        case 4:
            return array_of(attribute.t, where)
        case 5:
            return attribute.g
        case 6:
            return [float(f) for f in attribute.floats]
        case 7:
            return [int(i) for i in attribute.ints]
        case 8:
            return [text.decode("utf-8", "replace") for text in attribute.strings]
        case 9:
            return [array_of(tensor, where) for tensor in attribute.tensors]
        case 11:
            return dense_of(attribute.sparse_tensor, where)
        case 13:
            return attribute.tp
        case _:
            expected = fact("attributes of numbers, texts and tensors, each of its kind")
            raise invalid(where, expected, clipped(text_of(attribute.name)))


def attributes_of(step: Any, schema: Any, where: str) -> dict[str, Any]:
    """Return the attributes of an operation by name, with the defaults of its definition.

    Args:
        step: a ``NodeProto``.
        schema: the definition of the operator at its version.
        where: the file.

    Raises:
        FileError: E458 an attribute twice, of another type than its definition has, or not finite; E459 one
            that the definition does not have.
    """
    operation = text_of(step.op_type)
    attributes: dict[str, Any] = {}
    for attribute in step.attribute:
        name = text_of(attribute.name)
        if name not in schema.attributes:
            expected = ", ".join(sorted(schema.attributes)) or fact("no attributes")
            raise unsupported(where, operation, expected, clipped(name))
        if name in attributes or attribute.ref_attr_name:
            raise invalid(where, fact("a name of its own for each value"), clipped(name))
        if attribute.type != schema.attributes[name].type.value:
            expected = fact("attributes of numbers, texts and tensors, each of its kind")
            raise invalid(where, expected, f"{operation}: {name}")
        attributes[name] = attribute_value(attribute, where)
    for name, definition in schema.attributes.items():
        if name not in attributes and definition.default_value.type:
            attributes[name] = attribute_value(definition.default_value, where)
    return attributes
