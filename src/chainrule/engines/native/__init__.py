"""Native engine: runs a graph as one table of compiled kernels, in float32 or float64."""

from chainrule.engines.native.runtime.program import Program, rounds_factors
from chainrule.engines.native.runtime.step_runner import CompiledStep, Trainer

__all__ = ["CompiledStep", "Program", "Trainer", "rounds_factors"]
