"""The XLA engine's named networks: multi-step runs as in ``Model.fit``, whole and in eight shards."""

from __future__ import annotations

from functools import partial

import numpy as np

import chainrule as cr
from benchmarks.named_networks import NetworkCase
from benchmarks.peers import Run, Variants
from benchmarks.peers.chainrule_networks import NO_KEYS, runner_of

VARIANTS = {"one device": 0, "eight shards": 1}
"""The setting ``devices`` of each variant: 1 is the deterministic mode, whose bits do not depend on it."""


def train(case: NetworkCase) -> Variants:
    """Multi-step runs of the engine."""
    return {name: partial(_multi_step, case, devices) for name, devices in VARIANTS.items()}


def _multi_step(case: NetworkCase, devices: int) -> Run:
    with cr.settings.using(devices=devices):
        runner = runner_of(case, "xla")
    order, batches = case.order().astype(np.int64), case.rows // case.batch

    def run(count: int) -> float:
        last = 0.0
        while count > 0:  # a multi-step run ends with the pass, as in fit
            results, _ = runner.run(order, case.batch, 0, min(count, batches), 0, NO_KEYS)
            last, count = float(results[-1, 0]), count - batches
        return last

    return run
