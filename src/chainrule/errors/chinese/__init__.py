"""Chinese templates of the facts of errors, by their English templates.

A fact is a record with an English template (``errors.message``). The template is the key of the Chinese
one, which has the same fields in any order. An architecture test lists templates without Chinese, fields that
differ, and entries that are not used.

Input: nothing. Output: ``PHRASES`` for facts, and ``CHINESE``, which also has the sentences of the catalog.
This package contains tables only; ``errors.message`` renders.
"""

from __future__ import annotations

from chainrule.errors.catalog import CATALOG
from chainrule.errors.chinese import (
    auditing,
    data,
    explanations,
    files,
    images,
    layers,
    molecules,
    networks,
    operations,
    privacy,
    speech,
    tables,
    training,
    verification,
)

PHRASES: dict[str, str] = {
    **networks.PHRASES,
    **layers.PHRASES,
    **operations.PHRASES,
    **privacy.PHRASES,
    **explanations.PHRASES,
    **training.PHRASES,
    **files.PHRASES,
    **data.PHRASES,
    **tables.PHRASES,
    **images.PHRASES,
    **molecules.PHRASES,
    **speech.PHRASES,
    **verification.PHRASES,
    **auditing.PHRASES,
}
CHINESE: dict[str, str] = {**{entry.en: entry.zh for entry in CATALOG.values()}, **PHRASES}

__all__ = ["CHINESE", "PHRASES"]
