"""The law: NumPy, node by node, any number kind. Slow and plain, and what every other engine is tested
against.
"""

from chainrule.engines.reference.program import Program

__all__ = ["Program"]
