"""The optimizers by name."""

from __future__ import annotations

from chainrule.lazy_imports import LazyRegistry
from chainrule.nn.optimizer.optimizer import Optimizer
from chainrule.nn.validation import unknown

OPTIMIZERS: LazyRegistry[type[Optimizer]] = LazyRegistry("chainrule.nn.optimizer", {
    "sgd": "sgd.SGD", "adam": "adam.Adam", "adamw": "adam.AdamW", "rmsprop": "adagrad.RMSprop",
    "adagrad": "adagrad.Adagrad", "adadelta": "adagrad.Adadelta", "adamax": "adam.Adamax",
    "nadam": "adam.NAdam", "radam": "adam.RAdam", "adafactor": "adagrad.Adafactor",
    "asgd": "sgd.ASGD", "rprop": "sgd.Rprop", "ftrl": "adagrad.Ftrl", "lion": "sgd.Lion",
    "lamb": "layerwise.LAMB", "lars": "layerwise.LARS", "adan": "adam.Adan", "adabelief": "adam.AdaBelief",
    "yogi": "adam.Yogi", "muon": "layerwise.Muon",
    "schedule_free_adamw": "weight_averaging.ScheduleFreeAdamW",
    "lbfgs": "lbfgs.LBFGS",
})  # fmt: skip


def known_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """The optimizer of this name with its defaults, or the optimizer itself.

    Raises:
        UsageError E101: no such optimizer.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise unknown("optimizer", optimizer, list(OPTIMIZERS), 'optimizer="{}"')
    return OPTIMIZERS[optimizer]()
