"""Certified bounds: what a network computes for *all* inputs of a box.

Input: a node, its parameters, and boxes. Output: intervals and linear bounds that hold in exact arithmetic
for every input of a box, and proofs and counterexamples of properties. The rules of the operations are in
``rules/``. This package does not train and does not read files.
"""

from chainrule.bounds.interval import Interval
from chainrule.bounds.propagation import Enclosure
from chainrule.bounds.rules import RULES
from chainrule.bounds.structure import Structure

__all__ = ["RULES", "Enclosure", "Interval", "Structure"]
