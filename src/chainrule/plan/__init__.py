"""Execution plans: the phases, loops, memory and cost with which a graph runs.

In: a graph and the sizes of a batch. Out: a plan, a value that can be printed and saved. This package never
runs a plan.
"""
