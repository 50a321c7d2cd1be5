"""Engines run graphs.

In: a graph and arrays. Out: arrays. An engine does not depend on training, layers or files, and engines never
import one another.
"""

from chainrule.engines.dispatch import compile, evaluate
from chainrule.engines.gradient_check import GradientCheck, check_gradient

__all__ = ["GradientCheck", "check_gradient", "compile", "evaluate"]
