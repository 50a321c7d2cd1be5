"""Side by side with its peers: what this engine costs, beside what a user would take instead.

A time alone says little: the machine, its load and its clock all change it. So nothing here is compared
across runs. Every engine gets a process of its own (``worker``), as its users would run it, with the same
number of threads on the same processors; the processes are asked in turn, A B C A B C ..., so that whatever
the machine does meanwhile hits all alike; a median over these rounds is what is told. The machine's own
matrix product is one of those asked, so the share of its peak belongs to the same minutes as the rest.

Peers run at their best setting: each offers *variants* (a fused optimizer, another memory format, many
steps in one call), all are measured, and the fastest stands for the peer. All engines begin with the same
parameters and take the same batches; the loss after the first steps is compared, so that nobody is fast by
doing something else.

What is timed, on both sides: batches are gathered by index from arrays that lie in memory in the engine's
own kind (a tensor, a device array), then forward, loss, backward and SGD with momentum. Reading and
converting data is not.

The command is ``python -m benchmarks.step``.
"""
