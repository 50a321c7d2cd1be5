"""Traces: every value of one training step on given samples.

Input: a network, its parameters and samples. Output: a ``Trace`` with every value, cotangent and local
derivative, the update and its effect on the loss, and the formula of any single number in named symbols.
Sentences are written in ``chainrule.derive``, not here.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "finite_difference": "GradientCheck",
        "step_nodes": "Derivation derive",
        "names": "Name NamedLayer",
        "stops": "Stop",
        "tracer": "Trace TrainingPosition trace trace_rows",
        "formula_builder": "FormulaBuilder Scalar scalars",
    },
)
__getattr__, __dir__ = _LAZY.hooks
