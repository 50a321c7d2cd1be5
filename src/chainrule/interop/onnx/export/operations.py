"""All operations that are written as operations of ONNX."""

from __future__ import annotations

from chainrule.interop.onnx.export import arrays, elementwise, loop, windows
from chainrule.interop.onnx.export.graph import Rule

OPERATIONS: dict[str, Rule] = {
    **elementwise.OPERATIONS,
    **arrays.OPERATIONS,
    **windows.OPERATIONS,
    **loop.OPERATIONS,
}
"""The function that writes an operation, by the name of its card."""
