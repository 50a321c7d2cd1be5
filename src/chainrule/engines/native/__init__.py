"""The native engine: a graph as one table of compiled kernels. float32 and float64."""

from chainrule.engines.native.program import Program

__all__ = ["Program"]
