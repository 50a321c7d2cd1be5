"""Building blocks explained: what a layer, a loss, an operation or any other entry of a registry is.

What comes in: a kind and a name, ``block("layer", "Dense")``. What goes out: a ``Block``, everything that is
known of it as one value, from which the terminal and the pages are written: summary, formula, shapes,
arguments, numerics, failures, an example that runs, the reference, and its Chinese name. What the room never
does: say a second time what a card, a docstring or a table says.
"""

from chainrule.catalog.block import Argument, Block, Written, block
from chainrule.catalog.curves import Sampled, sampled
from chainrule.catalog.example import transcript
from chainrule.catalog.formula_text import to_html, to_unicode
from chainrule.catalog.kind import KINDS, Kind, known_name, resolve_kind

__all__ = [
    "KINDS",
    "Argument",
    "Block",
    "Kind",
    "Sampled",
    "Written",
    "block",
    "known_name",
    "resolve_kind",
    "sampled",
    "to_html",
    "to_unicode",
    "transcript",
]
