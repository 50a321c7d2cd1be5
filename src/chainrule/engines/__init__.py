"""Engines run graphs.

In: a graph and arrays. Out: arrays. An engine knows nothing of epochs, layers or files, and engines never
import one another.
"""

from chainrule.engines.check import GradientCheck, check_gradient
from chainrule.engines.run import compile, evaluate

__all__ = ["GradientCheck", "check_gradient", "compile", "evaluate"]
