"""This engine: multi-step runs as in ``Model.fit``, ``fit`` itself, and predictions."""

from __future__ import annotations

import time
from itertools import chain
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.descriptions import MOMENTUM, RATE, Case, Conv, Dense, Net, Pool
from benchmarks.peers import Lap, Run, Variants
from benchmarks.peers.chainrule_networks import train as train
from benchmarks.peers.chainrule_networks import use
from chainrule.engines.dispatch import Trainer
from chainrule.events import EpochDone, Event
from chainrule.graph import Graph
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.network import Network, Recipe
from chainrule.train.step_graph import Step, training_step

NO_KEYS = np.zeros((0, 2), np.uint32)  # these networks have no random numbers


def build(net: Net) -> Any:
    """The network in this package's layers."""
    layers, is_flat = [], len(net.shape) == 1
    for layer in net.layers:
        match layer:
            case Dense():
                layers += [] if is_flat else [cr.Flatten()]
                layers.append(cr.Dense(layer.units, layer.activation or None))
                is_flat = True
            case Conv():
                padding = "same" if layer.same else "valid"
                layers.append(cr.Conv(layer.channels, layer.kernel, padding=padding, activation="relu"))
            case Pool():
                layers.append(cr.MaxPool(layer.size))
    return cr.Sequential(*layers)


def network_of(net: Net) -> Network:
    """The network's graphs, with loss and optimizer, for batches of any size."""
    recipe = Recipe(build(net), net.loss, cr.SGD(RATE, momentum=MOMENTUM))
    spec = Spec((Size.symbol("B"), *net.shape), "float32")
    return Network(recipe, {"x": spec}, "native")


def _initial_values(network: Network, case: Case) -> dict[str, np.ndarray]:
    """The initial parameters by path, and the states."""
    values = dict(zip(network.parameters, chain.from_iterable(case.parameters()), strict=True))
    return {**network.initialize(case.seed)[1], **values}


def step(case: Case) -> Variants:
    """Multi-step runs; for a network without them, the program of the step, batch by batch."""
    use(case)
    network = network_of(case.net)
    built = training_step(network, False, 1000)
    x, y = case.data()
    state = {**_initial_values(network, case), **built.initial_slots()}
    runner = built.program.trainer({"x": x, "target": y}, state, "native")
    if runner is not None:
        return {"multi-step": lambda: _multi_step(runner, case)}
    return {"step by step": lambda: _single(built, state, x, y, case)}


def _multi_step(runner: Trainer, case: Case) -> Run:
    order = case.order().astype(np.int64)
    batches = case.rows // case.batch

    def run(count: int) -> float:
        last = 0.0
        while count > 0:  # a multi-step run ends with the pass, as in fit
            results, _ = runner.run(order, case.batch, 0, min(count, batches), 0, NO_KEYS)
            last, count = float(results[-1, 0]), count - batches
        return last

    return run


def _single(built: Step, state: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray, case: Case) -> Run:
    program, homes = cr.compile(built.graph, "native"), built.homes
    order, batches, zero = case.order(), case.rows // case.batch, np.array(0)

    def run(count: int) -> float:
        loss = 0.0
        for i in range(count):
            at = i % batches * case.batch
            rows = order[at : at + case.batch]
            results = program.run({**state, "x": x[rows], "target": y[rows], "step": zero})
            state.update({label: results[name] for name, label in homes.items()})
            loss = float(results["loss"])
        return loss

    return run


def epoch(case: Case) -> Variants:
    """``fit`` as users call it, its epochs after the first, and the steps inside it alone."""
    return {
        "fit, an epoch": lambda: _fit(case, is_complete=False),
        "fit, complete call": lambda: _fit(case, is_complete=True),
        "bare steps": lambda: _bare(case),
    }


def _bare(case: Case) -> Run:
    run, batches = next(iter(step(case).values()))(), case.rows // case.batch
    return lambda count: run(count * batches)


class _Clock:
    """Listens to a training and records the times at which its epochs ended."""

    last_step_only = True  # other steps are not reported

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, EpochDone):
            self.wall.append(time.perf_counter())
            self.cpu.append(time.process_time())


def _fit(case: Case, is_complete: bool) -> Run:
    use(case)
    x, y = case.data()
    model = cr.Model(build(case.net), case.net.loss, cr.SGD(RATE, momentum=MOMENTUM))

    def run(count: int) -> float | Lap:
        clock = _Clock()
        epochs = count if is_complete else count + 1
        options: dict[str, Any] = {"seed": case.seed, "verbose": True, "callbacks": [clock]}
        history = model.fit(x, y, epochs=epochs, batch_size=case.batch, **options)
        loss = float(history[-1]["loss"] or 0.0)
        return (
            loss if is_complete else Lap(loss, clock.wall[-1] - clock.wall[0], clock.cpu[-1] - clock.cpu[0])
        )

    return run


def predict(case: Case) -> Variants:
    """The model as users call it, and the program behind it."""
    return {"program.run": lambda: _program(case), "model(x)": lambda: _model(case)}


def _program(case: Case) -> Run:
    use(case)
    network = network_of(case.net)
    (output,) = network.inference.outputs.values()
    program = cr.compile(Graph({"y": output}), "native", case.precision)
    arrays = {**_initial_values(network, case), "x": case.batch_of_inputs()}

    def run(count: int) -> float:
        y = program.run(arrays, fixed=True)["y"]
        for _ in range(count - 1):
            y = program.run(arrays, fixed=True)["y"]
        return float(y[0, 0])

    return run


def _model(case: Case) -> Run:
    use(case)
    model = cr.Model(build(case.net), case.net.loss, cr.SGD(RATE, momentum=MOMENTUM))
    model.initialize({"x": Spec((Size.symbol("B"), *case.net.shape), "float32")})
    values: list[Any] = list(chain.from_iterable(case.parameters()))
    model.load_parameters(dict(zip(model.parameters(), values, strict=True)))
    x = case.batch_of_inputs()

    def run(count: int) -> float:
        y: Any = model(x)
        for _ in range(count - 1):
            y = model(x)
        return float(y[0, 0])

    return run
