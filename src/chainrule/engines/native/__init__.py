"""The native engine: a graph as one table of compiled kernels. float32 and float64."""

from chainrule.engines.native.runtime.program import Program
from chainrule.engines.native.runtime.step_runner import Trainer

__all__ = ["Program", "Trainer"]
