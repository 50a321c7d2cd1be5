"""Optimizers, one file for each idea; ``contract`` says what one is, ``OPTIMIZERS`` lists those with a name.

All of them move against the gradient; they differ in how far. ``SGD`` goes rate times the gradient. ``Adam``
and its family divide it by its usual size, so that a weight with small gradients moves as far as one with
large ones. ``WRAPPERS`` add something to another optimizer: groups, averages, accumulation.
"""

from __future__ import annotations

from chainrule.nn.optimizer.accumulation import Accumulated
from chainrule.nn.optimizer.average import EMA, SWA, ScheduleFreeAdamW
from chainrule.nn.optimizer.contract import Now, Optimizer, Rule, Slot
from chainrule.nn.optimizer.descent import ASGD, SGD, Lion, Rprop
from chainrule.nn.optimizer.group import Group, Grouped
from chainrule.nn.optimizer.lbfgs import LBFGS
from chainrule.nn.optimizer.moment import AdaBelief, Adam, Adamax, AdamW, Adan, NAdam, RAdam, Yogi
from chainrule.nn.optimizer.square import Adadelta, Adafactor, Adagrad, Ftrl, RMSprop
from chainrule.nn.optimizer.whole import LAMB, LARS, Muon
from chainrule.nn.setting import unknown

OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.name: kind
    for kind in (
        SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, NAdam, RAdam, Adafactor, ASGD, Rprop, Ftrl,
        Lion, LAMB, LARS, Adan, AdaBelief, Yogi, Muon, ScheduleFreeAdamW, LBFGS,
    )
}  # fmt: skip
WRAPPERS: tuple[type[Optimizer], ...] = (Accumulated, EMA, SWA, Grouped)


def known_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """The optimizer of this name with its defaults, or the optimizer itself.

    Fails:
        UsageError E101: no such optimizer.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise unknown("optimizer", optimizer, list(OPTIMIZERS), 'optimizer="{}"')
    return OPTIMIZERS[optimizer]()


__all__ = [
    "ASGD",
    "EMA",
    "LAMB",
    "LARS",
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "SWA",
    "WRAPPERS",
    "Accumulated",
    "AdaBelief",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "Ftrl",
    "Group",
    "Grouped",
    "Lion",
    "Muon",
    "NAdam",
    "Now",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "Rule",
    "ScheduleFreeAdamW",
    "Slot",
    "Yogi",
    "known_optimizer",
]
