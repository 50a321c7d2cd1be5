"""What is told of a training step: values, signals, one weight's ledger, the update, and what if.

What comes in: a trace. What goes out: the sections of a ``Page``, in one language, at one depth. What this
part never does: know how a page looks.
"""
