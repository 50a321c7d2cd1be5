"""Nodes and graphs: what is to be computed, as a value that can be printed, compared and saved.

In: operations with their inputs. Out: frozen nodes, each typed by its ``Spec``; two nodes that compute the
same thing are one object. This room never computes a number.
"""

from chainrule.graph.fingerprint import fingerprint
from chainrule.graph.graph import Graph, order
from chainrule.graph.leaf import Constant, Input, constant, input_node
from chainrule.graph.limits import Limits, building, reserve
from chainrule.graph.node import Node, Site, here, make, site, teach_signs
from chainrule.graph.op import Op
from chainrule.graph.rebuild import rebuild

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
    "fingerprint",
    "here",
    "input_node",
    "make",
    "order",
    "rebuild",
    "reserve",
    "site",
    "teach_signs",
]
