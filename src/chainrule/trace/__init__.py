"""The room of traces: what exactly happened to these samples, as values.

What comes in: a network, its parameters, samples. What goes out: a ``Trace``: every value, everything that
came back, the local slopes, the update and its effect, and the formula of any single number in symbols with
names. What the room never does: write a sentence.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "samples": "rows_of trace_rows",
        "finite_difference": "Checked",
        "step_nodes": "Derivation derive",
        "names": "Name NamedLayer",
        "stops": "Stop",
        "tracer": "Moment Trace trace",
        "unroll": "Scalar Unfolder scalars",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
