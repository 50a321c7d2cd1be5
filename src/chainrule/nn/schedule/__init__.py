"""Schedules: the learning rate as a function of the step, one file per idea.

A schedule consists of nodes of the step graph like everything else, so the learning rate of any step can be
explained, and a training resumes at the right learning rate from the step number alone.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "schedule": "Constant Schedule known_schedule",
        "decay": "ExponentialDecay InverseTimeDecay LinearRamp Noam PolynomialDecay",
        "formula": "RateFormula",
        "composed": "RateProduct RateSequence Slowed Warmup",
        "plateau": "REDUCTIONS ReduceOnPlateau plateau_of",
        "step": "MultiStep PiecewiseConstant Step",
        "registry": "SCHEDULES",
        "cyclic": "Cosine CosineRestarts Cyclic OneCycle",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
