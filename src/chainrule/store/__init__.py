"""Crash-safe storage: after a kill, a full disk or a power cut, a file is either the old one or the new one.

Input: bytes, texts, and arrays by name with a record. Output: the same, verified by a checksum. This package
does not depend on networks or trainings, and opening a file executes nothing.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(__name__, {"run_folder": "Checkpoint RunFolder"})
__getattr__, __dir__ = _LAZY.hooks
