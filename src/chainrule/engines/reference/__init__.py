"""The law: NumPy, node by node, any number kind; slow, plain, and what all engines are tested against."""

from chainrule.engines.reference.program import Program
from chainrule.engines.reference.tail import Tail

__all__ = ["Program", "Tail"]
