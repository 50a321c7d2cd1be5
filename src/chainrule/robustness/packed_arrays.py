"""Arrays as plain data of a record, in float32: their shape, and their numbers in base64."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np


def packed(array: np.ndarray) -> dict[str, Any]:
    """Return an array as plain data: its shape, and float32 numbers in base64."""
    content = np.ascontiguousarray(array, "<f4").tobytes()
    return {"shape": list(array.shape), "data": base64.b64encode(content).decode()}


def unpacked(record: Any) -> np.ndarray | None:
    """Return the array of ``packed``; ``None`` where it is none, or not finite."""
    try:
        shape, content = [int(n) for n in record["shape"]], base64.b64decode(record["data"], validate=True)
        array = np.frombuffer(content, "<f4").reshape(shape)
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    return array if np.isfinite(array).all() and min(shape, default=0) > 0 else None
