"""Gradient accumulation: several batches for one update, when a large batch does not fit into memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.optimizer.optimizer import Nodes, Slot, StepContext
from chainrule.nn.optimizer.weight_averaging import Around
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.schedule import Schedule, Slowed
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require, require_integer


@frozen
class Accumulated(Around):
    """Accumulates the gradients of several batches and updates once with their mean.

    With equal batches the move is that of one large batch. Schedules count moves, not batches. Batches left
    over at the end of an epoch count for the first move of the next.

    Args:
        inner: the optimizer that moves the weights.
        steps: the number of batches for each update, at least 1.
        clip: what limits the mean gradient; the model's own ``clip`` limits that of each batch.

    Raises:
        UsageError E102: a setting out of its range.
    """

    chinese = ("梯度累积", "把几个批量的梯度加起来，按平均移动一次。")
    name = "accumulated"
    _: KW_ONLY
    steps: int = 2
    clip: Clip | None = None

    def check(self) -> None:
        require_integer(self, "steps", 1)
        require(self, "inner", not self.inner.needs_all, fact("an optimizer that takes batches"))
        require(
            self, "clip", self.clip is None or isinstance(self.clip, Clip), fact("a clip"), "cr.ClipNorm(1.0)"
        )

    @property
    def schedule(self) -> Schedule:
        return Slowed(self.inner.schedule, self.steps)

    def memory(self, shapes: Mapping[str, Shape]) -> dict[str, Slot]:
        return {**self.inner.memory(shapes), **{f"{path}/gathered": Slot(s) for path, s in shapes.items()}}

    def moves(
        self, parameters: Nodes, gradients: Nodes, slots: Nodes, context: StepContext
    ) -> tuple[dict[str, Node], dict[str, Node]]:
        sums = {path: slots[f"{path}/gathered"] + g for path, g in gradients.items()}
        means = {path: total / float(self.steps) for path, total in sums.items()}
        if self.clip is not None:
            means = self.clip(means)
        turn = self._updates_after(context.count - 1.0) + 1.0  # the number of the move that is being prepared
        is_due = F.equal(turn * float(self.steps), context.count)
        moved, new_slots = self.inner.moves(
            parameters, means, slots, StepContext(context.learning_rate, turn, context.loss)
        )
        where = F.where
        moved = {path: where(is_due, node, parameters[path]) for path, node in moved.items()}
        new_slots = {label: where(is_due, node, slots[label]) for label, node in new_slots.items()}
        return moved, {**new_slots, **{f"{path}/gathered": where(is_due, 0.0, s) for path, s in sums.items()}}

    def evaluation_parameters(self, parameters: Nodes, slots: Nodes, count: Node) -> dict[str, Node]:
        updates = self._updates_after(count)
        is_early = F.equal(updates, 0.0)
        points = self.inner.evaluation_parameters(parameters, slots, updates)
        return {
            path: node if node is parameters[path] else F.where(is_early, parameters[path], node)
            for path, node in points.items()
        }

    def _updates_after(self, count: Node) -> Node:
        """Return the number of updates after ``count`` batches."""
        return F.floor(count / float(self.steps))
