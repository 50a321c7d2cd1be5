"""The course: its parts in two languages and as notebooks (part), and as slides (presentation)."""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "part": (
            "blocks catalog code_and_output notebook part_text parts title translated_page "
            "with_plain_formulas without_solutions"
        ),
        "presentation": "slides",
    },
)
__getattr__, __dir__ = _LAZY.hooks
