"""L-BFGS: a quasi-Newton direction from the last few steps, and a line search along it.

A line search evaluates the loss repeatedly, but a step is one graph. So each training step evaluates loss and
gradient once, at the current trial point; the state of the search (the start of the line, the two ends of the
interval that contains a good step length) is stored in slots; and the step ends by moving the parameters to
the next trial point. So a search is saved, resumed and compiled like everything else, and the training loop
needs no special case.

A trial point may be bad. The network is evaluated at the last point that a search accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY
from functools import reduce

from chainrule.graph import Node
from chainrule.nn.optimizer.optimizer import Nodes, Optimizer, Slot, StepContext
from chainrule.nn.schedule import Constant, Schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require_integer, require_number

LINE = tuple(("length base slope tries has_high low low_loss low_slope high high_loss high_slope").split())
Line = dict[str, Node]


@frozen
class LBFGS(Optimizer):
    """L-BFGS: a quasi-Newton method with line search, for small networks and data that fits into one batch.

    One step of the training is one evaluation of the loss; a step along a direction takes one or two of them.

    Formula: d = -H g, with H the inverse Hessian of least change that turns the last changes y of g into
    the last moves s (the two-loop recursion); the length t satisfies Wolfe's strong conditions
    J(w + t d) <= J(w) + armijo t g.d and |g(w + t d).d| <= -curvature g.d.

    Args:
        learning_rate: the first length tried along each direction, above 0.
        history_size: the number of steps whose moves and changes are stored, at least 1.
        armijo, curvature: 0 < armijo < curvature < 1.
        max_evaluations: after how many evaluations a search settles for the best length it has.

    Cost: 2 history_size + 3 arrays of each parameter's size; 4 history_size multiplications a number and
    step.

    Raises:
        UsageError E102: a setting out of its range; a batch that is not the whole training set.

    Reference: Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization; Nocedal
    and Wright (2006), Numerical optimization, algorithms 3.5, 3.6 and 7.4. PyTorch's ``LBFGS`` with
    ``line_search_fn="strong_wolfe"`` goes the same way with other interpolations.
    """

    chinese = ("L-BFGS", "近似牛顿法的步子，用于小网络和单批数据。")
    name = "lbfgs"
    learning_rate: float = 1.0
    _: KW_ONLY
    history_size: int = 10
    armijo: float = 1e-4
    curvature: float = 0.9
    max_evaluations: int = 20

    def __post_init__(self) -> None:
        require_number(self, "learning_rate", above=0)
        require_integer(self, "history_size", 1, 100)
        require_number(self, "curvature", above=0, below=1)
        require_number(self, "armijo", above=0, below=self.curvature)
        require_integer(self, "max_evaluations", 1)

    @property
    def schedule(self) -> Schedule:
        return Constant(self.learning_rate)

    @property
    def needs_all(self) -> bool:
        return True

    def memory(self, shapes: Mapping[str, Shape]) -> dict[str, Slot]:
        slots = {f"line/{name}": Slot(()) for name in LINE}
        slots["line/curvatures"] = Slot((self.history_size,))
        for path, shape in shapes.items():
            slots |= {f"{path}/{name}": Slot(shape) for name in ("point", "gradient", "direction")}
            slots |= {f"{path}/{name}": Slot((self.history_size, *shape)) for name in ("moves", "changes")}
        return slots

    def evaluation_parameters(self, parameters: Nodes, slots: Nodes, count: Node) -> dict[str, Node]:
        return {path: slots[f"{path}/point"] for path in parameters}

    def moves(
        self, parameters: Nodes, gradients: Nodes, slots: Nodes, context: StepContext
    ) -> tuple[dict[str, Node], dict[str, Node]]:
        line = {name: slots[f"line/{name}"] for name in LINE}
        current = {name: _of(slots, parameters, name) for name in ("point", "gradient", "direction")}
        slope = dot(gradients, current["direction"])
        is_given_up = F.greater(line["tries"], float(self.max_evaluations))
        is_first = F.equal(context.count, 1.0)
        is_good = F.logical_and(self._falls(line, context.loss), self._is_flat(line, slope))
        ends = F.logical_or(is_first, F.logical_or(is_given_up, is_good))
        is_lost = F.logical_and(is_given_up, F.equal(line["length"], 0.0))
        past = self._past(parameters, gradients, slots, _neither(is_first, is_lost), ends)
        ahead, start = self._begin(gradients, past, context)
        chosen = self._searched(line, context.loss, slope)
        line = {name: F.where(ends, start[name], chosen[name]) for name in LINE}
        fresh = {"point": parameters, "gradient": gradients, "direction": ahead}
        new_slots = {f"line/{name}": node for name, node in line.items()} | past
        moved = {}
        for path in parameters:
            new = {name: F.where(ends, fresh[name][path], current[name][path]) for name in fresh}
            moved[path] = new["point"] + line["length"] * new["direction"]
            new_slots |= {f"{path}/{name}": node for name, node in new.items()}
        return moved, new_slots

    def _falls(self, line: Line, loss: Node) -> Node:
        """Return whether the loss at the trial point is below Armijo's line and the best so far."""
        bound = line["base"] + line["length"] * line["slope"] * self.armijo
        return F.logical_and(F.less_equal(loss, bound), F.less(loss, line["low_loss"]))

    def _is_flat(self, line: Line, slope: Node) -> Node:
        return F.less_equal(F.abs(slope), line["slope"] * -self.curvature)

    def _past(
        self, parameters: Nodes, gradients: Nodes, slots: Nodes, counts: Node, ends: Node
    ) -> dict[str, Node]:
        """Return the stored moves and changes with those of the search that ends here; none if it failed."""
        moves = {path: p - slots[f"{path}/point"] for path, p in parameters.items()}
        changes = {path: g - slots[f"{path}/gradient"] for path, g in gradients.items()}
        bend = dot(moves, changes)
        is_new = F.logical_and(ends, F.greater(bend, dot(changes, changes) * 1e-10))
        is_new = F.logical_and(is_new, counts)
        new_slots = {}
        for path in parameters:
            for name, last in (("moves", moves[path]), ("changes", changes[path])):
                new_slots[f"{path}/{name}"] = F.where(is_new, *_pushed(slots[f"{path}/{name}"], last))
        curvatures = F.where(is_new, *_pushed(slots["line/curvatures"], bend))
        forgets = F.logical_and(ends, F.logical_not(counts))
        new_slots["line/curvatures"] = F.where(forgets, 0.0, curvatures)
        return new_slots

    def _begin(self, gradients: Nodes, past: Nodes, context: StepContext) -> tuple[dict[str, Node], Line]:
        """Return a new direction from here, and the state of its search before the first trial."""
        down = {path: -g for path, g in gradients.items()}
        turned = self._turned(down, past)
        is_down = F.less(dot(turned, gradients), 0.0)
        ahead = {path: F.where(is_down, turned[path], down[path]) for path in down}
        total = reduce(F.add, [F.sum(F.abs(g)) for g in gradients.values()])
        knows = F.greater(past["line/curvatures"][self.history_size - 1], 0.0)
        first = F.where(knows, 1.0, F.minimum(1.0 / F.maximum(total, 1e-30), 1.0))
        zero, slope = context.loss * 0.0, dot(ahead, gradients)
        start = dict.fromkeys(LINE, zero)
        start |= {"length": context.learning_rate * first, "base": context.loss, "low_loss": context.loss}
        return ahead, {**start, "slope": slope, "low_slope": slope}

    def _turned(self, down: Nodes, past: Nodes) -> dict[str, Node]:
        """Return -H g by the two-loop recursion; a missing pair has curvature 0 and changes nothing."""
        curvatures = past["line/curvatures"]
        pairs = [
            (
                {p: past[f"{p}/moves"][i] for p in down},
                {p: past[f"{p}/changes"][i] for p in down},
                _inverse(curvatures[i]),
            )
            for i in range(self.history_size)
        ]
        q, shares = dict(down), []
        for moves, changes, inverse in reversed(pairs):
            share = dot(moves, q) * inverse
            q = {path: node - share * changes[path] for path, node in q.items()}
            shares.append(share)
        changes = pairs[-1][1]
        scale = curvatures[self.history_size - 1] * _inverse(dot(changes, changes))
        scale = F.where(F.greater(scale, 0.0), scale, 1.0)
        q = {path: node * scale for path, node in q.items()}
        for (moves, changes, inverse), share in zip(pairs, reversed(shares), strict=True):
            rest = share - dot(changes, q) * inverse
            q = {path: node + rest * moves[path] for path, node in q.items()}
        return q

    def _searched(self, line: Line, loss: Node, slope: Node) -> Line:
        """Return the search after a rejected trial: narrower ends, and the next length to try."""
        where = F.where
        falls, trial = self._falls(line, loss), {"": line["length"], "_loss": loss, "_slope": slope}
        to_high = where(F.greater(line["has_high"], 0.0), line["high"] - line["low"], 1.0)
        is_past = F.greater_equal(slope * to_high, 0.0)  # the bottom lies between low and here
        new = dict(line)
        for end, value in trial.items():
            low, high = line[f"low{end}"], line[f"high{end}"]
            new[f"low{end}"] = where(falls, value, low)
            new[f"high{end}"] = where(falls, where(is_past, low, high), value)
        has_bracket = F.logical_or(F.logical_not(falls), is_past)
        new["has_high"] = F.maximum(line["has_high"], has_bracket.astype(loss.dtype))
        inside = between(new)
        further = F.greater(new["has_high"], 0.0)
        new["tries"] = line["tries"] + 1.0
        ends = F.greater_equal(new["tries"], float(self.max_evaluations))
        new["tries"] = where(ends, float(self.max_evaluations + 1), new["tries"])
        new["length"] = where(ends, new["low"], where(further, inside, line["length"] * 4.0))
        return new


def between(line: Line) -> Node:
    """Return the bottom of the cubic through both ends, kept a tenth of their distance away from either."""
    low, high = line["low"], line["high"]
    width = high - low
    mean = line["low_slope"] + line["high_slope"] - (line["high_loss"] - line["low_loss"]) / width * 3.0
    root = F.sqrt(F.relu(F.square(mean) - line["low_slope"] * line["high_slope"]))
    root = root * F.sign(width)
    below = line["high_slope"] - line["low_slope"] + root * 2.0
    share = 1.0 - (line["high_slope"] + root - mean) / below
    share = F.where(F.is_finite(share), share, 0.5)
    return low + F.clip(share, 0.1, 0.9) * width


def dot(one: Nodes, other: Nodes) -> Node:
    """Return the scalar product over all parameters, shape ()."""
    return reduce(F.add, [F.sum(one[path] * other[path]) for path in one])


def _of(slots: Nodes, paths: Nodes, name: str) -> dict[str, Node]:
    return {path: slots[f"{path}/{name}"] for path in paths}


def _pushed(rows: Node, last: Node) -> tuple[Node, Node]:
    """Return the rows with one more at the end and the first one forgotten; and the rows as they are."""
    fresh = F.reshape(last, (1, *last.shape))
    return F.concatenate([rows[1:], fresh], 0), rows


def _inverse(number: Node) -> Node:
    """Return 1 over a number above 0, else 0."""
    is_there = F.greater(number, 0.0)
    return F.where(is_there, 1.0 / F.where(is_there, number, 1.0), 0.0)


def _neither(one: Node, other: Node) -> Node:
    return F.logical_not(F.logical_or(one, other))
