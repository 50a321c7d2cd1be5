"""Reference engine: NumPy, node by node, any dtype. Slow and simple; all other engines are tested
against it.
"""

from chainrule.engines.reference.program import ElementwiseChain, Program

__all__ = ["ElementwiseChain", "Program"]
