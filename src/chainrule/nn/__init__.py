"""Networks as descriptions: layers, losses, initialisers, optimizers and schedules, all builders of graph nodes.

In: hyper-parameters. Out: frozen records that, called with nodes, give nodes. This room never holds an array and
never runs a graph.
"""
