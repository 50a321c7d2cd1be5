"""Traces: every value of one training step on given samples.

Input: a network, its parameters and samples. Output: a ``Trace`` with every value, cotangent and local
derivative, the update and its effect on the loss, and the formula of any single number in named symbols.
Sentences are written in ``chainrule.step_explanation``, not here.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "tracer": "GradientCheck Trace TrainingPosition trace trace_rows Stop",
        "symbolic_step": "Derivation derive",
        "names": "Name NamedLayer",
        "formula_builder": "FormulaBuilder Scalar scalars",
    },
)
__getattr__, __dir__ = _LAZY.hooks
