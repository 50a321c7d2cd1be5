"""Nodes and graphs: computations as values that can be printed, compared and saved.

Input: operations with their inputs. Output: immutable nodes, each with its ``Spec``; two nodes that compute
the same value are one object. This package does not compute values.
"""

from chainrule.graph.graph import Graph, fingerprint, order, rebuild
from chainrule.graph.limits import Limits, building, reserve
from chainrule.graph.node import (
    Constant,
    Input,
    Node,
    Op,
    Site,
    constant,
    current_site,
    input_node,
    make,
    register_operators,
    site,
)

__all__ = [
    "Constant",
    "Graph",
    "Input",
    "Limits",
    "Node",
    "Op",
    "Site",
    "building",
    "constant",
    "current_site",
    "fingerprint",
    "input_node",
    "make",
    "order",
    "rebuild",
    "register_operators",
    "reserve",
    "site",
]
