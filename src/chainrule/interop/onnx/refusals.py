"""The errors for refused ONNX files."""

from __future__ import annotations

from chainrule.errors import FileError
from chainrule.interop.refusals import clipped


def invalid(where: str, expected: str, received: str) -> FileError:
    """E458: not an ONNX file, damaged, or too large."""
    return FileError("E458", where=where, expected=expected, received=clipped(received, 200))


def unsupported(where: str, name: str, expected: str, received: str) -> FileError:
    """E459: an operation, an attribute or a shape that is not imported."""
    return FileError(
        "E459", where=where, name=clipped(name), expected=expected, received=clipped(received, 200)
    )
