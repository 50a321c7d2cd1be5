"""All schedules: what a file may name."""

from __future__ import annotations

from chainrule.nn.schedule.contract import Constant, Schedule
from chainrule.nn.schedule.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    LinearRamp,
    Noam,
    PolynomialDecay,
)
from chainrule.nn.schedule.formula import RateFormula
from chainrule.nn.schedule.joined import RateProduct, RateSequence, Slowed, Warmup
from chainrule.nn.schedule.plateau import ReduceOnPlateau
from chainrule.nn.schedule.stair import MultiStep, PiecewiseConstant, Step
from chainrule.nn.schedule.wave import Cosine, CosineRestarts, Cyclic, OneCycle

SCHEDULES: tuple[type[Schedule], ...] = (
    Constant, Step, MultiStep, PiecewiseConstant, ExponentialDecay, InverseTimeDecay, PolynomialDecay,
    LinearRamp, Noam, Cosine, CosineRestarts, OneCycle, Cyclic, Warmup, RateSequence, RateProduct, Slowed,
    RateFormula, ReduceOnPlateau,
)  # fmt: skip
