"""Schedules: the learning rate as a function of the step, one file for each idea.

A schedule is nodes of the step graph like everything else, so the rate of any step can be explained, and a
resumed training needs nothing but the step's number to go on at the right rate.
"""

from chainrule.nn.schedule.contract import Constant, Schedule, known_schedule
from chainrule.nn.schedule.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    LinearRamp,
    Noam,
    PolynomialDecay,
)
from chainrule.nn.schedule.formula import RateFormula
from chainrule.nn.schedule.joined import RateProduct, RateSequence, Slowed, Warmup
from chainrule.nn.schedule.plateau import REDUCTIONS, ReduceOnPlateau, plateau_of
from chainrule.nn.schedule.stair import MultiStep, PiecewiseConstant, Step
from chainrule.nn.schedule.wave import Cosine, CosineRestarts, Cyclic, OneCycle

SCHEDULES: tuple[type[Schedule], ...] = (
    Constant, Step, MultiStep, PiecewiseConstant, ExponentialDecay, InverseTimeDecay, PolynomialDecay,
    LinearRamp, Noam, Cosine, CosineRestarts, OneCycle, Cyclic, Warmup, RateSequence, RateProduct, Slowed,
    RateFormula, ReduceOnPlateau,
)  # fmt: skip

__all__ = [
    "REDUCTIONS",
    "SCHEDULES",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LinearRamp",
    "MultiStep",
    "Noam",
    "OneCycle",
    "PiecewiseConstant",
    "PolynomialDecay",
    "RateFormula",
    "RateProduct",
    "RateSequence",
    "ReduceOnPlateau",
    "Schedule",
    "Slowed",
    "Step",
    "Warmup",
    "known_schedule",
    "plateau_of",
]
