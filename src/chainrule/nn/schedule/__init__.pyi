# Written by python -m pages.stub from __init__.py.

from chainrule.nn.schedule.composed import RateProduct as RateProduct
from chainrule.nn.schedule.composed import RateSequence as RateSequence
from chainrule.nn.schedule.composed import Slowed as Slowed
from chainrule.nn.schedule.composed import Warmup as Warmup
from chainrule.nn.schedule.cosine_and_cyclic import Cosine as Cosine
from chainrule.nn.schedule.cosine_and_cyclic import CosineRestarts as CosineRestarts
from chainrule.nn.schedule.cosine_and_cyclic import Cyclic as Cyclic
from chainrule.nn.schedule.cosine_and_cyclic import OneCycle as OneCycle
from chainrule.nn.schedule.decay import ExponentialDecay as ExponentialDecay
from chainrule.nn.schedule.decay import InverseTimeDecay as InverseTimeDecay
from chainrule.nn.schedule.decay import LinearRamp as LinearRamp
from chainrule.nn.schedule.decay import MultiStep as MultiStep
from chainrule.nn.schedule.decay import Noam as Noam
from chainrule.nn.schedule.decay import PiecewiseConstant as PiecewiseConstant
from chainrule.nn.schedule.decay import PolynomialDecay as PolynomialDecay
from chainrule.nn.schedule.decay import Step as Step
from chainrule.nn.schedule.formula import RateFormula as RateFormula
from chainrule.nn.schedule.plateau import REDUCTIONS as REDUCTIONS
from chainrule.nn.schedule.plateau import ReduceOnPlateau as ReduceOnPlateau
from chainrule.nn.schedule.plateau import plateau_of as plateau_of
from chainrule.nn.schedule.schedule import Constant as Constant
from chainrule.nn.schedule.schedule import Schedule as Schedule
from chainrule.nn.schedule.schedule import known_schedule as known_schedule
