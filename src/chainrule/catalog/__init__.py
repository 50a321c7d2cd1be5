"""Descriptions of building blocks: layers, losses, operations and all other entries of registries.

Input: a kind and a name, ``block("layer", "Dense")``. Output: a ``Block``, from which the screens and the
pages are rendered: summary, formula, shapes, arguments, numerics, errors, an executed example, the reference,
and the Chinese name. The package contains no descriptions of its own: they come from cards, docstrings and
tables.
"""

from chainrule.catalog.block import Argument, Block, BlockFormula, block
from chainrule.catalog.docstring import to_html, to_unicode
from chainrule.catalog.example import transcript
from chainrule.catalog.kind import KINDS, Kind, SampledCurve, resolve_kind, resolve_name, sample_curve

__all__ = [
    "KINDS",
    "Argument",
    "Block",
    "BlockFormula",
    "Kind",
    "SampledCurve",
    "block",
    "resolve_kind",
    "resolve_name",
    "sample_curve",
    "to_html",
    "to_unicode",
    "transcript",
]
