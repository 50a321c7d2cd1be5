"""Parameter groups: other settings for some parameters, selected by their paths.

Parameters that must not move at all are no group: ``Model(..., frozen=["dense1"])`` leaves them out of the
step, so that their gradients cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, replace

from chainrule.errors import UsageError, fact, nearest
from chainrule.extension import Extensible, changed
from chainrule.graph import Node
from chainrule.nn.optimizer.optimizer import Moved, Nodes, Optimizer, Rule, Slot, StepContext
from chainrule.nn.regularization.constraint import Constraint
from chainrule.nn.schedule import Schedule
from chainrule.nn.scope import is_at, outline
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require, require_number


@frozen
class Group(Extensible):
    """The settings for the parameters of some paths.

    Args:
        pattern: a path, the beginning of one (``"dense1"``), or a pattern with ``*`` (``"*.bias"``).
        learning_rate_factor: at least 0: the factor of the learning rate.
        weight_decay: at least 0: the weight decay in place of the optimizer's.
        constraint: a projection of the parameters after each step.

    Raises:
        UsageError E102: a setting out of its range.
    """

    chinese = ("参数组", "某些路径的参数有何不同。")
    pattern: str = "*"
    _: KW_ONLY
    learning_rate_factor: float = 1.0
    weight_decay: float | None = None
    constraint: Constraint | None = None

    def __post_init__(self) -> None:
        require(
            self, "pattern", isinstance(self.pattern, str) and self.pattern != "", fact("a path"), '"*.bias"'
        )
        require_number(self, "learning_rate_factor", minimum=0)
        if self.weight_decay is not None:
            require_number(self, "weight_decay", minimum=0)
        fits = self.constraint is None or isinstance(self.constraint, Constraint)
        require(self, "constraint", fits, fact("a constraint"), "cr.MaxNorm(2.0)")

    def has(self, path: str) -> bool:
        """Return whether a parameter belongs to the group.

        Args:
            path: the path of a parameter.
        """
        return is_at(path, self.pattern)


@frozen
class Grouped(Optimizer):
    """An optimizer with other settings for some parameters; the first group that matches a path applies.

    Args:
        inner: the optimizer of all parameters.
        groups: what is different, group by group.

    Raises:
        UsageError E102: an ``inner`` that does not treat parameters one by one, or no groups.
        UsageError E101: a group whose pattern fits no parameter that moves.

    Example:
        >>> from chainrule.nn import AdamW
        >>> groups = (Group("*.bias", weight_decay=0.0), Group("dense1", learning_rate_factor=0.1))
        >>> careful = Grouped(AdamW(0.001), groups=groups)
        >>> careful.group("dense1.bias").weight_decay, careful.group("dense1.weight").learning_rate_factor
        (0.0, 0.1)
    """

    chinese = ("参数分组", "某些参数用另外的设置。")
    name = "grouped"
    inner: Rule
    _: KW_ONLY
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        groups = (self.groups,) if isinstance(self.groups, Group) else self.groups
        object.__setattr__(self, "groups", tuple(groups) if isinstance(groups, list) else groups)
        require(self, "inner", isinstance(self.inner, Rule), fact("an optimizer such as AdamW"), "cr.AdamW()")
        fits = isinstance(self.groups, tuple) and all(isinstance(g, Group) for g in self.groups)
        require(
            self, "groups", fits and bool(self.groups), "groups", '(cr.Group("*.bias", weight_decay=0.0),)'
        )
        for group in self.groups:
            self._member(group)  # refuses, while it is being written, a decay that the optimizer has not

    @property
    def schedule(self) -> Schedule:
        return self.inner.schedule

    def group(self, path: str) -> Group:
        """Return the group of a parameter; one that changes nothing if it fits none.

        Args:
            path: the path of a parameter.
        """
        return next((group for group in self.groups if group.has(path)), Group())

    def memory(self, shapes: Mapping[str, Shape]) -> dict[str, Slot]:
        idle = [group.pattern for group in self.groups if not any(map(group.has, shapes))]
        if idle:
            close = nearest(idle[0], shapes)
            raise UsageError(
                "E101",
                where="Group, pattern",
                name=idle[0],
                expected=outline(shapes) or fact("no parameters"),
                received=", ".join(idle),
                fix=f'cr.Group("{close or "*"}", learning_rate_factor=...)',
            )
        return self.inner.memory(shapes)

    def moves(
        self, parameters: Nodes, gradients: Nodes, slots: Nodes, context: StepContext
    ) -> tuple[dict[str, Node], dict[str, Node]]:
        moved: dict[str, Node] = {}
        new_slots: dict[str, Node] = {}
        for path, p in parameters.items():
            group = self.group(path)
            moved[path], new = self._move(
                group, p, gradients[path], self.inner.slots_of(path, p, slots), context
            )
            new_slots |= {f"{path}/{name}": node for name, node in new.items()}
        return moved, new_slots

    def evaluation_parameters(self, parameters: Nodes, slots: Nodes, count: Node) -> dict[str, Node]:
        return self.inner.evaluation_parameters(parameters, slots, count)

    def _move(self, group: Group, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        learning_rate = (
            context.learning_rate
            if group.learning_rate_factor == 1
            else context.learning_rate * group.learning_rate_factor
        )
        moved, new = self._member(group).move(p, g, slots, replace(context, learning_rate=learning_rate))
        return (moved if group.constraint is None else group.constraint(moved)), new

    def _member(self, group: Group) -> Rule:
        return (
            self.inner if group.weight_decay is None else changed(self.inner, weight_decay=group.weight_decay)
        )
