"""How a graph is to be run: in which phases, in which loops, in which memory, at what cost.

In: a graph and the sizes of a batch. Out: a plan, a value that can be printed and saved. This room never runs
one.
"""
