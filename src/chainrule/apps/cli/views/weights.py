"""Screen of a weights file of another library: its tensors, read without running code."""

from __future__ import annotations

import os

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import text_of
from chainrule.interop import is_weights, read_tensors
from chainrule.spec import shape_text

_OURS = b'{"__metadata__":{"chainrule":'  # the start of the header of a model file of chainrule


def is_foreign(file: str) -> bool:
    """Whether a file contains weights of another library; a safetensors file may be a model of chainrule."""
    if not is_weights(file) or not file.lower().endswith(".safetensors"):
        return is_weights(file)
    if not os.path.isfile(file):
        return False  # the error for a missing model is raised later
    with open(file, "rb") as stream:
        return not stream.read(8 + len(_OURS)).endswith(_OURS)


def show_weights(file: str) -> None:
    """Print the names, shapes and dtypes of the tensors of a file, in file order.

    Raises:
        FileError: as ``read_weights``.
    """
    tensors = read_tensors(file)
    screen.line(file, "bold")
    header = [text_of(key) for key in ("tensor", "shape", "dtype")]
    screen.table(header, [(name, shape_text(t.shape), t.kind) for name, t in tensors.items()])
    numbers = sum(tensor.size for tensor in tensors.values())
    screen.line(text_of("tensor_count").format(tensors=f"{len(tensors):,}", numbers=f"{numbers:,}"))
    screen.line(text_of("tensors_next").format(file=file))
