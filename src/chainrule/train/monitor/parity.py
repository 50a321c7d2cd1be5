"""A learner's graphs, compared on every way of computing them: its answers, or one step of its training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.data import Arrays
from chainrule.engines.parity import Parity
from chainrule.engines.parity import parity as parity_of
from chainrule.errors import TrainingError
from chainrule.train.evaluation import evaluate
from chainrule.train.loop import feed
from chainrule.train.state import TrainState

if TYPE_CHECKING:
    from chainrule.train.learner import Learner


def parity(model: Learner, x: Any, y: Any = None) -> Parity:
    """Whether law, source and machine code agree on a learner's answers, or on one training step.

    Args:
        model: an initialised learner.
        x: inputs, as for ``predict``; a few rows will do.
        y: targets, as for ``evaluate``: then a whole step is compared, with gradients and update.

    Fails:
        TrainingError E503: the model has not learned anything yet.
    """
    if model.network is None:
        raise TrainingError("E503", where="parity", fix="model.fit(x, y)")
    if y is None:
        inputs = model.fitting(Arrays.of(x, dtype=model.recipe.dtype).x)
        return parity_of(model.network.answers.graph, {**model.held, **inputs})
    rows = evaluate.encoded(model, Arrays.of(x, y, dtype=model.recipe.dtype))
    step = model.network.step(weighted=False, horizon=1)
    state = TrainState(model.parameters(), model.states(), step.first_slots())
    given = feed(rows, state, step, seed=0)
    return parity_of(step.graph, {name: given[name] for name in step.graph.inputs})
