"""The fast gradient sign method: one step of the full radius along the gradient."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from chainrule.messages import Text
from chainrule.records import frozen
from chainrule.robustness.method import Attack
from chainrule.robustness.problem import Problem, Search
from chainrule.robustness.stream import Stream


@frozen
class FGSM(Attack):
    """Fast gradient sign method: one step from the sample to the boundary of the ball.

    Formula: x' = x + r sign(dJ/dx); for the Euclidean norm x' = x + r (dJ/dx) / |dJ/dx|.

    Reference: Goodfellow, Shlens and Szegedy (2015), Explaining and harnessing adversarial examples, ICLR.
    """

    name: ClassVar[str] = "fgsm"
    title: ClassVar[Text] = "fast gradient sign method (FGSM)"
    reference: ClassVar[str] = (
        "Goodfellow, Shlens and Szegedy, 2015, Explaining and harnessing adversarial examples"
    )

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        search, ball, every = Search(problem, rows), problem.ball, np.arange(len(rows))
        first = problem.evaluate(search.u, rows, "loss")
        search.record(every, search.u.copy(), first)
        assert first.gradient is not None
        u = ball.project(problem.x[rows], ball.radius * ball.steepest(first.gradient))
        search.record(every, u, problem.margins(u, rows))
        return search
