"""The optimizers by name."""

from __future__ import annotations

from chainrule.door import Table
from chainrule.nn.optimizer.contract import Optimizer
from chainrule.nn.setting import unknown

OPTIMIZERS: Table[type[Optimizer]] = Table("chainrule.nn.optimizer", {
    "sgd": "descent.SGD", "adam": "moment.Adam", "adamw": "moment.AdamW", "rmsprop": "square.RMSprop",
    "adagrad": "square.Adagrad", "adadelta": "square.Adadelta", "adamax": "moment.Adamax",
    "nadam": "moment.NAdam", "radam": "moment.RAdam", "adafactor": "square.Adafactor",
    "asgd": "descent.ASGD", "rprop": "descent.Rprop", "ftrl": "square.Ftrl", "lion": "descent.Lion",
    "lamb": "whole.LAMB", "lars": "whole.LARS", "adan": "moment.Adan", "adabelief": "moment.AdaBelief",
    "yogi": "moment.Yogi", "muon": "whole.Muon", "schedule_free_adamw": "average.ScheduleFreeAdamW",
    "lbfgs": "lbfgs.LBFGS",
})  # fmt: skip


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
