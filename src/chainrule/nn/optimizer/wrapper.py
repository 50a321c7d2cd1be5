"""The optimizers that add something to another one."""

from __future__ import annotations

from chainrule.nn.optimizer.accumulation import Accumulated
from chainrule.nn.optimizer.average import EMA, SWA
from chainrule.nn.optimizer.contract import Optimizer
from chainrule.nn.optimizer.group import Grouped

WRAPPERS: tuple[type[Optimizer], ...] = (Accumulated, EMA, SWA, Grouped)
