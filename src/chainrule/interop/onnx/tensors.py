"""Tensors of an ONNX file as arrays; sizes are checked before anything is allocated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.interop.onnx.refusals import invalid, unsupported
from chainrule.interop.refusals import clipped

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
