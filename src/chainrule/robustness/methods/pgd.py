"""Projected gradient descent with random restarts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from chainrule.messages import Text
from chainrule.records import frozen
from chainrule.robustness.method import Attack
from chainrule.robustness.problem import Problem, Search
from chainrule.robustness.stream import Stream
from chainrule.validation import require_integer, require_number

_RELATIVE_STEP = 2.5  # radii that all steps together can cover, as in the reference


@frozen
class PGD(Attack):
    """Projected gradient descent (PGD): steps of fixed size along the gradient, projected into the ball.

    Each restart begins at a random point of the ball; a sample takes part until it is misclassified.

    Formula: x <- P(x + a s), s = sign(dJ/dx) or (dJ/dx) / |dJ/dx|; P projects into ball and range.

    Args:
        steps: steps of each restart.
        restarts: number of random starting points.
        step_size: length a of a step as a share of the radius; 0 for 2.5 / ``steps``.

    Reference: Madry, Makelov, Schmidt, Tsipras and Vladu (2018), Towards deep learning models resistant to
    adversarial attacks, ICLR.
    """

    name: ClassVar[str] = "pgd"
    title: ClassVar[Text] = "projected gradient descent (PGD)"
    reference: ClassVar[str] = (
        "Madry, Makelov, Schmidt, Tsipras and Vladu, 2018, Towards deep learning models resistant to "
        "adversarial attacks"
    )
    steps: int = 40
    restarts: int = 1
    step_size: float = 0.0

    def __post_init__(self) -> None:
        require_integer(self, "steps", 1, fix=f"steps={type(self).steps}")
        require_integer(self, "restarts", 1, fix=f"restarts={type(self).restarts}")
        require_number(self, "step_size", minimum=0)

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        search, ball = Search(problem, rows), problem.ball
        size = (self.step_size or _RELATIVE_STEP / self.steps) * ball.radius
        for _ in range(self.restarts):
            u, at = ball.random((len(rows), *problem.sample_shape), stream), search.open
            u = ball.project(problem.x[rows[at]], u[at])
            for step in range(self.steps + 1):
                if not at.size:
                    return search
                evaluation = problem.evaluate(u, rows[at], "loss")
                correct = search.record(at, u, evaluation)
                if step == self.steps:
                    break
                assert evaluation.gradient is not None
                moved = u + size * ball.steepest(evaluation.gradient)
                at = at[correct]
                u = ball.project(problem.x[rows[at]], moved[correct])
        return search
