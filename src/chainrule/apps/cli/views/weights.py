"""A file of foreign weights on the screen: the tensors it holds, read safely."""

from __future__ import annotations

import os

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import say
from chainrule.interop import is_weights, read_tensors
from chainrule.spec import shape_text

_OURS = b'{"__metadata__":{"chainrule":'  # how the header of a model file of our own begins


def is_foreign(file: str) -> bool:
    """Whether a path is that of foreign weights; a safetensors file may be a model of our own."""
    if not is_weights(file) or not file.lower().endswith(".safetensors"):
        return is_weights(file)
    if not os.path.isfile(file):
        return False  # who looks for a model says that it is missing
    with open(file, "rb") as stream:
        return not stream.read(8 + len(_OURS)).endswith(_OURS)


def show_weights(file: str) -> None:
    """The names, shapes and number kinds of a file's tensors, in the order of the file.

    Raises:
        FileError: as ``read_weights``.
    """
    tensors = read_tensors(file)
    screen.line(file, "bold")
    header = [say(key) for key in ("tensor", "shape", "number_kind")]
    screen.table(header, [(name, shape_text(t.shape), t.kind) for name, t in tensors.items()])
    numbers = sum(tensor.size for tensor in tensors.values())
    screen.line(say("tensor_count").format(tensors=f"{len(tensors):,}", numbers=f"{numbers:,}"))
    screen.line(say("tensors_next").format(file=file))
