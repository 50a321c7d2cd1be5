# Written by python -m pages.stub from __init__.py.

from chainrule.trace.formula_builder import FormulaBuilder as FormulaBuilder
from chainrule.trace.formula_builder import Scalar as Scalar
from chainrule.trace.formula_builder import scalars as scalars
from chainrule.trace.names import Name as Name
from chainrule.trace.names import NamedLayer as NamedLayer
from chainrule.trace.symbolic_step import Derivation as Derivation
from chainrule.trace.symbolic_step import derive as derive
from chainrule.trace.tracer import GradientCheck as GradientCheck
from chainrule.trace.tracer import Stop as Stop
from chainrule.trace.tracer import Trace as Trace
from chainrule.trace.tracer import TrainingPosition as TrainingPosition
from chainrule.trace.tracer import trace as trace
from chainrule.trace.tracer import trace_rows as trace_rows
