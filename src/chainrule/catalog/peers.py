"""What PyTorch and Keras call the building blocks, so that a person who knows their names finds ours.

The table beside this file is written by ``python -m pages.names``, which asks the installed PyTorch and the
list of Keras's names; a test holds it to what the command writes.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("peers.toml")
OTHERS = "other"  # the section of names that are no block here
_AXES = r"[123](?=[dD])"


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


@cache
def names_elsewhere(kind: str, block: str) -> dict[str, str]:
    """What each library calls a block; of names that differ in the number of axes alone one stands for all.

    Example:
        >>> names_elsewhere("layer", "Conv")
        {'PyTorch': 'ConvNd', 'Keras': 'ConvND, ConvolutionND'}
    """
    found = {}
    for peer, names in _peers(kind, block):
        kept = [name for name in names if not name.startswith("Lazy")]
        counts = Counter(re.sub(_AXES, "N", name) for name in kept)
        told = (bare if counts[bare := re.sub(_AXES, "N", name)] > 1 else name for name in kept)
        if kept:
            found[peer] = ", ".join(dict.fromkeys(told))
    return found


def _peers(kind: str, block: str) -> Iterator[tuple[str, list[str]]]:
    """Each library with the names that it has for a block."""
    for part in filter(None, _table().get(kind, {}).get(block, "").split("; ")):
        peer, _, names = part.partition(": ")
        yield peer, names.split(", ")


@cache
def _called(kind: str) -> Mapping[str, str]:
    """The blocks of a kind by their names elsewhere, in small letters; the first that has a name keeps it."""
    found: dict[str, str] = {}
    for block in _table().get(kind, {}):
        for name in (name for _, names in _peers(kind, block) for name in names):
            found.setdefault(name.casefold(), block)
            found.setdefault(name.casefold().removesuffix("_"), block)
    return found


def called_elsewhere(kind: str, name: str) -> str | None:
    """The block of a kind that another library calls so.

    Example:
        >>> called_elsewhere("layer", "Conv2d"), called_elsewhere("layer", "relu")
        ('Conv', None)
    """
    return _called(kind).get(name.casefold())


def said_elsewhere(name: str) -> str:
    """What is to be said of a name of PyTorch or Keras that is no block here; ``""`` if it is none of theirs.

    Example:
        >>> said_elsewhere("RNNBase")
        'RNNBase of PyTorch: cr.scan, the loop of all recurrent layers'
    """
    found = {own.casefold(): (own, text) for own, text in _table()[OTHERS].items()}
    own, text = found.get(name.casefold(), ("", ""))
    return f"{own} of {text}" if text else ""
