"""Schedules: the learning rate as a function of the step, one file per idea.

A schedule consists of nodes of the step graph like everything else, so the learning rate of any step can be
explained, and a training resumes at the right learning rate from the step number alone.
"""

from __future__ import annotations

from chainrule import block_index
from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {"schedule": "Schedule known_schedule", "plateau": "REDUCTIONS plateau_of"},
    block_index.SCHEDULES,
)
__getattr__, __dir__ = _LAZY.hooks
