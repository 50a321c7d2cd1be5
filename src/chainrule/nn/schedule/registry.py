"""All schedules: the ones a file may name."""

from __future__ import annotations

from chainrule.nn.schedule.composed import RateProduct, RateSequence, Slowed, Warmup
from chainrule.nn.schedule.cyclic import Cosine, CosineRestarts, Cyclic, OneCycle
from chainrule.nn.schedule.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    LinearRamp,
    Noam,
    PolynomialDecay,
)
from chainrule.nn.schedule.formula import RateFormula
from chainrule.nn.schedule.plateau import ReduceOnPlateau
from chainrule.nn.schedule.schedule import Constant, Schedule
from chainrule.nn.schedule.step import MultiStep, PiecewiseConstant, Step

SCHEDULES: tuple[type[Schedule], ...] = (
    Constant, Step, MultiStep, PiecewiseConstant, ExponentialDecay, InverseTimeDecay, PolynomialDecay,
    LinearRamp, Noam, Cosine, CosineRestarts, OneCycle, Cyclic, Warmup, RateSequence, RateProduct, Slowed,
    RateFormula, ReduceOnPlateau,
)  # fmt: skip
