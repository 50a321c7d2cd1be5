"""How long the beginning of a training of ResNet-50 takes in this process; prints seconds as JSON.

Run by ``networks``, in a fresh process; not meant for a person. Loading the engine is not in the numbers.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace

import numpy as np

import chainrule as cr
from benchmarks.network_nets import RESNET50, NetworkCase
from benchmarks.peers.chainrule_networks import NO_KEYS, network_of, runner_of
from chainrule.plan.microbatch import split_batch
from chainrule.plan.plan import Cut, plan
from chainrule.train.step import training_step


def main(threads: int) -> dict[str, float]:
    """Seconds for the graph of a step, its plan, and from a described net to the end of its first step."""
    cr.settings.engine, cr.settings.threads = "native", threads
    case, found = NetworkCase(RESNET50, RESNET50.batch, RESNET50.batch, threads), {}
    begin = time.perf_counter()
    step = training_step(network_of(case.net), False, 1000)
    found["graph"] = time.perf_counter() - begin
    cut = Cut(1, "loss", tuple(step.gradients.values()), step.homes)
    begin = time.perf_counter()
    split = split_batch(step.graph, case.batch, cut, threads)
    plan(step.graph, {"B": case.batch}, replace(cut, rows=split.rows))
    found["plan"] = time.perf_counter() - begin
    del step
    begin = time.perf_counter()
    runner, order = runner_of(case), np.arange(case.batch)
    runner.run(order, case.batch, 0, 1, 0, NO_KEYS)
    found["all up to the first step"] = time.perf_counter() - begin
    begin = time.perf_counter()
    runner.run(order, case.batch, 0, 1, 0, NO_KEYS)
    found["a later step"] = time.perf_counter() - begin
    return found


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
