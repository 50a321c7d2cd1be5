"""The room of traces: what exactly happened to these samples, as values.

What comes in: a network, its parameters, samples. What goes out: a ``Trace``: every value, everything that
came back, the local slopes, the update and its effect, and the formula of any single number in symbols with
names. What the room never does: write a sentence.
"""

from chainrule.trace.check import Checked
from chainrule.trace.derivation import Derivation, derive
from chainrule.trace.name import Name, NamedLayer
from chainrule.trace.simplify import simplify
from chainrule.trace.stop import Stop
from chainrule.trace.tracing import Moment, Trace, trace
from chainrule.trace.unfold import Scalar, Unfolder, scalars

__all__ = [
    "Checked",
    "Derivation",
    "Moment",
    "Name",
    "NamedLayer",
    "Scalar",
    "Stop",
    "Trace",
    "Unfolder",
    "derive",
    "scalars",
    "simplify",
    "trace",
]
