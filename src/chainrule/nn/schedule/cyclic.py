"""Schedules that follow a wave: half a cosine, cosines again and again, one cycle, many cycles."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.schedule.schedule import Schedule
from chainrule.nn.validation import require_number, require_whole, unknown
from chainrule.ops import PUBLIC
from chainrule.records import frozen


@frozen
class Cosine(Schedule):
    """Lets the rate sink from its first value to a floor along half a cosine: slowly, fast, slowly.

    Formula: floor + (rate - floor) (1 + cos(pi t)) / 2 with t = min(1, step / steps).

    Args:
        rate: the learning rate at the first update, above 0.
        steps: after how many updates the floor is reached; the whole training when ``None``.
        floor: the last rate, 0 <= floor <= rate.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts (ICLR). As
    PyTorch's ``CosineAnnealingLR`` up to ``steps``; afterwards this one stays at the floor, where that one
    climbs again.
    """

    rate: float
    _: KW_ONLY
    steps: int | None = None
    floor: float = 0.0

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_number(self, "floor", least=0, most=self.rate)
        if self.steps is not None:
            require_whole(self, "steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        passed = PUBLIC["minimum"](step / float(max(1, self.steps or horizon)), 1.0)
        half = (PUBLIC["cos"](passed * math.pi) + 1.0) / 2.0
        return half * (self.rate - self.floor) + self.floor


@frozen
class CosineRestarts(Schedule):
    """Half a cosine down, then at once up again for a new one, usually longer than the one before.

    Formula: floor + (rate shrink^n - floor) (1 + cos(pi u)) / 2, with n the number of restarts so far and u
    the part of the running period that has passed; period n is first longer^n updates.

    Args:
        rate: the learning rate at the first update, above 0.
        first: how many updates the first period takes.
        longer: at least 1: each period over the one before.
        floor: the lowest rate, 0 <= floor <= rate.
        shrink: 0 < shrink <= 1: the top of each period over that of the one before.

    Numerics: computed in float64; the number of restarts found by a logarithm is set right by comparison.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts (ICLR). As
    PyTorch's ``CosineAnnealingWarmRestarts``; ``shrink`` is the ``m_mul`` of Keras's ``CosineDecayRestarts``.
    """

    rate: float
    _: KW_ONLY
    first: int
    longer: int = 1
    floor: float = 0.0
    shrink: float = 1.0

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_whole(self, "first", 1)
        require_whole(self, "longer", 1, 1000)
        require_number(self, "floor", least=0, most=self.rate)
        require_number(self, "shrink", above=0, most=1)

    def __call__(self, step: Node, horizon: int) -> Node:
        exact = step.astype("float64")
        made = self._restarts(exact)
        length = PUBLIC["power"](float(self.longer), made) * float(self.first)
        part = (exact - self._begin(made)) / length
        top = PUBLIC["power"](self.shrink, made) * self.rate - self.floor
        return ((PUBLIC["cos"](part * math.pi) + 1.0) / 2.0 * top + self.floor).astype(step.dtype)

    def _begin(self, made: Node) -> Node:
        """The update at which the period after so many restarts begins."""
        if self.longer == 1:
            return made * float(self.first)
        return (PUBLIC["power"](float(self.longer), made) - 1.0) * (self.first / (self.longer - 1.0))

    def _restarts(self, exact: Node) -> Node:
        if self.longer == 1:
            return PUBLIC["floor"](exact / float(self.first))
        grown = exact * ((self.longer - 1.0) / self.first) + 1.0
        near = PUBLIC["floor"](PUBLIC["log"](grown) / math.log(self.longer))
        late = PUBLIC["less"](exact, self._begin(near)).astype("float64")
        early = PUBLIC["greater_equal"](exact, self._begin(near + 1.0)).astype("float64")
        return near + early - late


@frozen
class OneCycle(Schedule):
    """Up from a low rate to the highest, then down to nearly 0: the whole training is one cycle.

    Formula: from low = rate/rise_from to rate over the first ``share`` of the steps, then from rate to
    low/sink_to over the rest, along half a cosine or a line.

    Args:
        rate: the highest learning rate, above 0.
        steps: how many updates the cycle takes; the whole training when ``None``.
        share: 0 < share < 1: the part of the steps on the way up.
        rise_from: at least 1.
        sink_to: at least 1.
        shape: ``"cosine"`` or ``"linear"``.

    Fails:
        UsageError E101, E102: no such shape; a setting out of its range.

    Reference: Smith and Topin (2018), Super-convergence: very fast training of neural networks using large
    learning rates (arXiv 1708.07120). As PyTorch's ``OneCycleLR`` with ``pct_start=share``,
    ``div_factor=rise_from`` and ``final_div_factor=sink_to``, without its momentum.
    """

    rate: float
    _: KW_ONLY
    steps: int | None = None
    share: float = 0.3
    rise_from: float = 25.0
    sink_to: float = 1e4
    shape: str = "cosine"

    def check(self) -> None:
        require_number(self, "rate", above=0)
        if self.steps is not None:
            require_whole(self, "steps", 2)
        require_number(self, "share", above=0, below=1)
        require_number(self, "rise_from", least=1)
        require_number(self, "sink_to", least=1)
        if self.shape not in ("cosine", "linear"):
            raise unknown("OneCycle, shape", self.shape, ["cosine", "linear"], 'shape="{}"')

    def __call__(self, step: Node, horizon: int) -> Node:
        total = max(2, self.steps or horizon)
        low, top = self.rate / self.rise_from, self.share * total - 1.0
        rising = self._between(low, self.rate, step / max(top, 1e-12))
        part = PUBLIC["minimum"]((step - top) / (total - 1.0 - top), 1.0)
        sinking = self._between(self.rate, low / self.sink_to, part)
        return PUBLIC["where"](PUBLIC["less_equal"](step, top), rising, sinking)

    def _between(self, start: float, end: float, part: Node) -> Node:
        if self.shape == "linear":
            return part * (end - start) + start
        return (PUBLIC["cos"](part * math.pi) + 1.0) * ((start - end) / 2.0) + end


@frozen
class Cyclic(Schedule):
    """Up and down in straight lines between two rates, again and again.

    Formula: floor + (rate - floor) h s with s the height of the running triangle, 0 to 1, and h = 1
    (``"triangular"``), 1/2^n after n cycles (``"triangular2"``) or factor^step (``"exp_range"``).

    Args:
        rate: the highest learning rate, above 0.
        floor: the lowest, 0 <= floor <= rate.
        up: how many updates a climb takes.
        down: how many a descent takes; as many as ``up`` when ``None``.
        mode: ``"triangular"``, ``"triangular2"`` or ``"exp_range"``.
        factor: of ``"exp_range"``, 0 < factor <= 1.

    Fails:
        UsageError E101, E102: no such mode; a setting out of its range.

    Reference: Smith (2017), Cyclical learning rates for training neural networks (WACV). As PyTorch's
    ``CyclicLR`` without its momentum.
    """

    rate: float
    _: KW_ONLY
    floor: float
    up: int = 2000
    down: int | None = None
    mode: str = "triangular"
    factor: float = 1.0

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_number(self, "floor", least=0, most=self.rate)
        require_whole(self, "up", 1)
        if self.down is not None:
            require_whole(self, "down", 1)
        require_number(self, "factor", above=0, most=1)
        if self.mode not in (modes := ["triangular", "triangular2", "exp_range"]):
            raise unknown("Cyclic, mode", self.mode, modes, 'mode="{}"')

    def __call__(self, step: Node, horizon: int) -> Node:
        down = float(self.down or self.up)
        cycles = PUBLIC["floor"](step / (self.up + down))
        inside = step - cycles * (self.up + down)
        height = PUBLIC["minimum"](inside / float(self.up), (self.up + down - inside) / down)
        if self.mode == "triangular2":
            height = height * PUBLIC["power"](0.5, cycles)
        elif self.mode == "exp_range":
            height = height * PUBLIC["power"](self.factor, step)
        return height * (self.rate - self.floor) + self.floor
