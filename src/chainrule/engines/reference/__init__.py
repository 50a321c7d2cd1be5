"""The law: NumPy, node by node, any number kind; slow, plain, and what all engines are tested against."""

from chainrule.engines.reference.elementwise_chunks import Tail
from chainrule.engines.reference.program import Program

__all__ = ["Program", "Tail"]
