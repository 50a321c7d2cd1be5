"""A schedule written as a formula of the step number: text, never code."""

from __future__ import annotations

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.formula_text import check_formula, formula_nodes
from chainrule.nn.schedule.schedule import Schedule
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.records import frozen


@frozen
class RateFormula(Schedule):
    """The learning rate as a formula of t, the updates so far, and T, those of the full training.

    The formula is parsed by the formula parser and converted to nodes; nothing in it can be executed, so it
    may come from a file.

    Args:
        text: such as ``"0.1 / (1 + 0.01 t)"`` with every product written as ``*``; supported: ``+ - * / ^``,
            comparisons, ``pi`` and ``e``, and abs, cos, erf, exp, floor, log, max, min, relu, sigmoid, sign,
            sin, softplus, sqrt, tanh, where.

    Raises:
        UsageError E102: not a formula, one with other names, or one that is too long.

    Example:
        >>> from chainrule.engines import evaluate
        >>> from chainrule.graph import constant
        >>> rate = RateFormula("where(t < 10, 0.1, 0.1 * 0.5^((t - 10) / 5))")
        >>> float(evaluate(rate(constant(15.0, "float64"), 100), {}))
        0.05
    """

    chinese = ("公式调度", "以公式给出学习率：t 为已更新次数，T 为总次数。")
    text: str

    def check(self) -> None:
        expected = fact("a formula of t and T ({name} is unknown)", name="")
        check_formula(self, "text", ("t", "T"), expected, 'cr.RateFormula("0.1 * 0.5^floor(t / 100)")')

    def __call__(self, step: Node, horizon: int) -> Node:
        return formula_nodes(self.text, {"t": step, "T": full_like(step, float(max(1, horizon)))}, step)
