"""The message for an unknown public name: ``cr.Linear``, ``cr.Sequentail``, ``cr.dense``.

The name may belong to PyTorch or Keras, have another case, or be misspelled.
"""

from __future__ import annotations

from collections.abc import Collection

from chainrule.catalog.kind import KINDS
from chainrule.catalog.peers import peer_note
from chainrule.errors import nearest

LIKENESS = 0.75  # minimum similarity to a public name; many of 400 names are similar by 0.5


def missing_name(name: str, known: Collection[str]) -> str:
    """The message of the ``AttributeError`` for an unknown attribute of the package.

    Args:
        name: the attribute.
        known: the public names.

    Example:
        >>> missing_name("Linear", ["Dense"])
        "module 'chainrule' has no attribute 'Linear'; use cr.Dense (chainrule show layer Dense)"
        >>> missing_name("Sequentail", ["Sequential"])
        "module 'chainrule' has no attribute 'Sequentail'; did you mean cr.Sequential?"
    """
    return f"module 'chainrule' has no attribute {name!r}{_hint(name, known)}"


def _hint(name: str, known: Collection[str]) -> str:
    folded = {own.casefold(): own for own in known}
    if own := folded.get(name.casefold().replace("_", "")):
        return f"; did you mean cr.{own}?"
    for kind in KINDS.values():
        own = kind.named(name)
        if own and own.casefold() != name.casefold():
            use = f"use cr.{own}" if own in known else f'use "{own}"'
            return f"; {use} (chainrule show {kind.name} {own})"
    if text := peer_note(name):
        return f"; {text}"
    close = nearest(name, known, LIKENESS)
    return f"; did you mean cr.{close}?" if close else ""
