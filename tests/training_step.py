"""The step graph of the plan tests: a linear model of two numbers, with momentum."""

from __future__ import annotations

import chainrule as cr
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.plan.plan import Cut


def step_nodes() -> dict[str, Node]:
    """Return its nodes by name: batch, parameters, loss, gradients, new values."""
    x, t = input_node("x", (None, 2), "float64"), input_node("t", (None, 1), "float64")
    w, b, v = (input_node(n, shape, "float64") for n, shape in (("w", (1, 2)), ("b", (1,)), ("v", (1, 2))))
    error = x @ w.T + b - t
    loss = cr.mean(cr.square(error))
    dw, db = grad(loss, [w, b])
    new_v = 0.9 * v + dw
    new = {"new v": new_v, "new w": w - 0.1 * new_v, "new b": b - 0.1 * db}
    return {"x": x, "t": t, "w": w, "b": b, "v": v, "error": error, "loss": loss, "dw": dw, "db": db, **new}


def step() -> tuple[Graph, Cut]:
    """Return its graph, and how it is cut for microbatches of four samples."""
    nodes = step_nodes()
    homes = {"new w": "w", "new b": "b", "new v": "v"}
    graph = Graph({name: nodes[name] for name in ("loss", *homes)})
    return graph, Cut(4, "loss", (nodes["dw"], nodes["db"]), homes)
