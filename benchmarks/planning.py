"""Time the start of a training of ResNet-50 until its first step, in this process; print seconds as JSON.

Run by ``networks`` in a new process, not by users. Loading the engine is not included.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace

import numpy as np

import chainrule as cr
from benchmarks.named_networks import RESNET50, NetworkCase
from benchmarks.peers.chainrule_networks import NO_KEYS, network_of, runner_of
from chainrule.plan.microbatch import split_batch
from chainrule.plan.plan import Cut, plan
from chainrule.train.step_graph import training_step


def main(threads: int) -> dict[str, float]:
    """Seconds for the graph of a step, for its plan, and for everything until the first step."""
    cr.settings.engine, cr.settings.threads = "native", threads
    case, times = NetworkCase(RESNET50, RESNET50.batch, RESNET50.batch, threads), {}
    begin = time.perf_counter()
    step = training_step(network_of(case.net), False, 1000)
    times["graph"] = time.perf_counter() - begin
    cut = Cut(1, "loss", tuple(step.gradients.values()), step.homes)
    begin = time.perf_counter()
    split = split_batch(step.graph, case.batch, cut, threads)
    plan(step.graph, {"B": case.batch}, replace(cut, rows=split.rows))
    times["plan"] = time.perf_counter() - begin
    del step
    begin = time.perf_counter()
    runner, order = runner_of(case), np.arange(case.batch)
    runner.run(order, case.batch, 0, 1, 0, NO_KEYS)
    times["all up to the first step"] = time.perf_counter() - begin
    begin = time.perf_counter()
    runner.run(order, case.batch, 0, 1, 0, NO_KEYS)
    times["a later step"] = time.perf_counter() - begin
    return times


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
