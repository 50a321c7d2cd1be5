"""Benchmarks of chainrule beside other libraries.

A time depends on the machine, its load and its clock, so times of different runs are not compared. Every
engine has its own process (``worker``), as for its users, with the same number of threads on the same
processors; the processes are measured in turn, A B C A B C ..., so that changes of the machine affect all of
them, and the median over these rounds is reported. The machine's matrix product is measured in the same
rounds, so the share of its peak refers to the same minutes.

Peers run at their best setting: each has *variants* (a fused optimizer, another memory format, many steps in
one call), all are measured, and the fastest represents the peer. All engines start with the same parameters
and use the same batches; the loss after the first steps is compared, so that all of them compute the same.

The timed work: batches are gathered by index from arrays in memory in the engine's own type (a tensor, a
device array), then forward, loss, backward and SGD with momentum. Reading and converting data is excluded.

The command is ``python -m benchmarks.step``.
"""
