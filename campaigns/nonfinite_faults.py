"""Trainings with one fault each, and the expected report: operation, layer, step, phase, rows, cause.

A fault is injected where its report is known beforehand: a number in a row of the data for which one
operation fails, an infinite derivative, a weight set by hand, a learning rate. The rows pass through the
network in order, four at a time, so that the row determines the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.events import Event, StepDone
from chainrule.graph import Node, input_node
from chainrule.nn import Layer, Loss, layer
from chainrule.nn.scope import Scope
from chainrule.train.callback.callback import every_step

ROWS, BATCH = 42, 4  # the last batch has two rows
PRODUCTS = ("matmul", "multiply", "square", "convolution", "convolution_weight", "convolution_input")
SUMS = ("add", "subtract", "sum")


@dataclass(frozen=True)
class Truth:
    """The expected report.

    Args:
        ops: the operations that may be named; for some faults the arithmetic decides among a few.
        layer: the path of the layer.
        phase: forward, backward or update.
        step: the update that fails; 0: the one at which the training stops when every step is run singly.
        rows: the rows of the data at which it arises; ``None``: no rows are expected.
        time: the position in the sequence, inside a loop over time.
        causes: keys of which one must be the nearest or the deepest cause.
    """

    ops: tuple[str, ...]
    layer: str
    phase: str
    step: int
    rows: tuple[int, ...] | None
    causes: tuple[str, ...]
    time: int = -1


@dataclass(frozen=True)
class Fault:
    """A training that must fail, and the expected report."""

    name: str
    kind: str
    truth: Truth
    train: Callable[..., Any]


@layer
class Apply(Layer):
    """Applies one operation."""

    op: str

    def __call__(self, x: Node, scope: Scope) -> Node:
        return OPS[self.op].apply(x)


@layer
class Scaled(Layer):
    """Applies an operation to the input times a parameter, so that the parameter has a gradient."""

    op: str

    def __call__(self, x: Node, scope: Scope) -> Node:
        scale = scope.parameter("scale", (x.shape[-1],), cr.Fill(1.0))
        return BACK[self.op](x * scale)


@layer
class Loop(Layer):
    """A loop over time whose step keeps half of its state and adds the result of an operation on the cell."""

    step: str
    reverse: bool = False

    def __call__(self, x: Node, scope: Scope) -> Node:
        add = STEPS[self.step]
        last, _ = cr.scan(lambda s, c: (after := add(s, c), after), x[:, 0] * 0.0, x, reverse=self.reverse)
        return last


@layer
class Total(Layer):
    """The sum of a row, divided by a large number."""

    def __call__(self, x: Node, scope: Scope) -> Node:
        return x.sum(1, keepdims=True) * 1e-38


@dataclass(frozen=True)
class Operation:
    """An operation of a custom layer: a number for which it fails, in either dtype."""

    apply: Callable[[Node], Node]
    poison: tuple[float, float]  # float32, float64
    op: str
    cause: str


OPS: dict[str, Operation] = {
    "log of 0": Operation(lambda x: cr.log(x), (0.0, 0.0), "log", "log_zero"),
    "log of a negative number": Operation(lambda x: cr.log(x), (-3.0, -3.0), "log", "log_negative"),
    "0 / 0": Operation(lambda x: x / x, (0.0, 0.0), "divide", "zero_by_zero"),
    "1 / 0": Operation(lambda x: 1.0 / x, (0.0, 0.0), "divide", "division_by_zero"),
    "root of a negative number": Operation(lambda x: cr.sqrt(x), (-4.0, -4.0), "sqrt", "sqrt_negative"),
    "exp overflows": Operation(lambda x: cr.exp(x), (90.0, 800.0), "exp", "exp_overflow"),
    "square overflows": Operation(lambda x: cr.square(x), (3e19, 1e200), "square", "overflow_product"),
    "0 to a negative power": Operation(lambda x: x**-1.5, (0.0, 0.0), "power", "power_of_zero"),
    "fractional power of a negative number": Operation(
        lambda x: x**1.5, (-2.0, -2.0), "power", "power_of_negative"
    ),
    "power overflows": Operation(lambda x: x**9.0, (1e5, 1e40), "power", "overflow_power"),
    "sum overflows": Operation(lambda x: x + x, (3e38, 1.5e308), "add", "overflow_sum"),
    "quotient overflows": Operation(lambda x: 1e20 / x, (1e-30, 1e-300), "divide", "overflow_quotient"),
}
STEPS: dict[str, Callable[[Node, Node], Node]] = {
    "log": lambda s, c: s * 0.5 + cr.log(c),
    "root": lambda s, c: s * 0.5 + cr.sqrt(c),
    "exp": lambda s, c: s * 0.5 + cr.exp(c - s * 0.0),
    "square": lambda s, c: cr.square(s) * 0.1 + c,
}
BACK: dict[str, Callable[[Node], Node]] = {
    "root": lambda x: cr.sqrt(x),
    "guarded log": lambda x: cr.where(cr.greater(x, 0.0), cr.log(x), 0.0),
    "length": lambda x: cr.sqrt(cr.square(x).sum(1, keepdims=True)) * x,
    "guarded quotient": lambda x: cr.where(cr.greater(x, 0.0), 1.0 / x, 0.0),
}


def rows_of(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    """Rows for which every operation above is finite."""
    draw = np.random.Generator(np.random.Philox(7))
    return (1.0 + 0.1 * draw.random((ROWS, *shape))).astype(dtype)


def fitted(
    net: Layer, x: np.ndarray, loss: Any = "mse", y: Any = None, epochs: int = 2, **options: Any
) -> Any:
    """Run a training with rows in order."""
    known = {key: options.pop(key) for key in ("optimizer", "dtype", "engine", "clip") if key in options}
    known.setdefault("optimizer", cr.SGD(1e-3))
    before = options.pop("before", {})
    model = cr.Model(net, loss, **known)
    y = np.ones(len(x)) if y is None else y
    options.setdefault("batch_size", BATCH)
    options.setdefault("probes", False)
    if before:
        model.fit(x[:2], y[:2], epochs=0, verbose=False, probes=False)
        model.load_parameters(before)
    model.fit(x, y, epochs=epochs, shuffle=False, verbose=False, **options)
    return model


NETS: dict[str, tuple[tuple[int, ...], Callable[[Layer], Layer]]] = {
    "dense": ((3,), lambda at: cr.Sequential(at, cr.Dense(4, "tanh"), cr.Dense(1))),
    "conv": (
        (6, 6, 1),
        lambda at: cr.Sequential(at, cr.Conv(2, 3, activation="relu"), cr.Flatten(), cr.Dense(1)),
    ),
    "norm": ((3,), lambda at: cr.Sequential(at, cr.Dense(4), cr.BatchNorm(), cr.Dense(1))),
    "lstm": ((5, 2), lambda at: cr.Sequential(at, cr.LSTM(3), cr.Dense(1))),
    "attention": (
        (4, 2),
        lambda at: cr.Sequential(
            at, cr.MultiHeadAttention(1, units=2), cr.LayerNorm(), cr.Flatten(), cr.Dense(1)
        ),
    ),
}
PLACES: dict[str, tuple[int, ...]] = {
    "first": (2,),
    "middle": (21, 22),
    "last": (41,),
    "two rows": (13, 15),
    "second": (5,),
    "whole": (8, 9, 10, 11),
}


def forward_faults() -> Iterator[Fault]:
    """Every operation in every network: first, middle and last steps, one row and several, both dtypes."""
    places = list(PLACES.items())
    for i, name in enumerate(OPS):
        for j, (net, (shape, make)) in enumerate(NETS.items()):
            place, rows = places[(i + j) % len(places)]
            dtype = "float64" if (i + j) % 4 == 3 else "float32"
            x = rows_of(shape, dtype)
            x[list(rows), ..., -1] = OPS[name].poison[dtype == "float64"]
            truth = Truth(
                (OPS[name].op,), "apply1", "forward", rows[0] // BATCH + 1, rows, (OPS[name].cause,)
            )
            yield Fault(
                f"{name}, {place}, {dtype}",
                net,
                truth,
                lambda make=make, x=x, name=name, dtype=dtype: fitted(make(Apply(name)), x, dtype=dtype),
            )


def backward_faults() -> Iterator[Fault]:
    """Infinite derivatives of finite values, and gradients that overflow."""
    expected = {
        "root": (("divide",), "sqrt_derivative"),
        "guarded log": (("divide",), "zero_by_zero"),
        "length": (("divide",), "sqrt_derivative"),
        "guarded quotient": (("divide",), "division_by_zero"),
    }
    for name, (ops, cause) in expected.items():
        for place, rows in (("middle", (21, 22)), ("last", (41,))):
            x = rows_of((3,))
            x[list(rows)] = 0.0
            net = cr.Sequential(Scaled(name), cr.Dense(1))
            phase = "forward" if name == "guarded quotient" else "backward"
            truth = Truth(ops, "scaled1", phase, rows[0] // BATCH + 1, rows, (cause, "division_by_zero"))
            yield Fault(
                f"slope of the {name} at 0, {place}", "dense", truth, lambda net=net, x=x: fitted(net, x)
            )
    for place, row in (("first", 1), ("middle", 22), ("last", 40)):
        x = rows_of((1,))
        x[row] = 1e25
        before = {"dense1.weight": np.full((1, 1), 1e-20), "dense2.weight": np.full((1, 1), 1e10)}
        net = cr.Sequential(cr.Dense(1, bias=False), cr.Dense(1, bias=False))
        truth = Truth(PRODUCTS, "dense1", "backward", row // BATCH + 1, (row,), ("overflow_product",))
        yield Fault(
            f"gradient overflows, {place}",
            "dense",
            truth,
            lambda net=net, x=x, before=before: fitted(net, x, before=before, optimizer=cr.SGD(1e-38)),
        )


def update_faults() -> Iterator[Fault]:
    """The arithmetic of the optimizer."""
    squares = {
        "Adam": cr.Adam(1e-30),
        "RMSprop": cr.RMSprop(1e-30),
        "Adagrad": cr.Adagrad(1e-30),
        "AdamW": cr.AdamW(1e-30),
    }
    for i, (name, optimizer) in enumerate(squares.items()):
        row = (0, 22, 41, 30)[i]
        x = rows_of((2,))
        x[row] = 1e30
        truth = Truth(
            ("square", "multiply"), "dense1", "update", row // BATCH + 1, None, ("overflow_product",)
        )
        yield Fault(
            f"the memory of {name} overflows",
            "dense",
            truth,
            lambda optimizer=optimizer, x=x: fitted(
                cr.Sequential(cr.Dense(1)), x, "mae", optimizer=optimizer
            ),
        )
    for net, (shape, make) in NETS.items():
        before = {"dense1.bias": np.full(1, 10.0)} if net != "dense" else {"dense2.bias": np.full(1, 10.0)}
        last = "dense2" if net in ("dense", "norm") else "dense1"
        before = {f"{last}.bias": np.full(1, 1e4)}
        truth = Truth(
            ("multiply", "subtract"), "", "update", 1, None, ("overflow_product", "large_learning_rate")
        )
        yield Fault(
            "a learning rate of 3e38",
            net,
            truth,
            lambda make=make, shape=shape, before=before: fitted(
                make(cr.Identity()), rows_of(shape), before=before, optimizer=cr.SGD(3e38)
            ),
        )


def parameter_faults() -> Iterator[Fault]:
    """Weights set to NaN or infinity: before the first step, and between two by a callback."""
    for path, value in (("dense1.weight", np.nan), ("dense2.bias", np.inf), ("dense1.bias", -np.inf)):
        net = cr.Sequential(cr.Dense(4), cr.Dense(1))
        parameters = {
            path: np.full({"dense1.weight": (4, 3), "dense2.bias": (1,), "dense1.bias": (4,)}[path], value)
        }
        truth = Truth(("input",), path.rpartition(".")[0], "forward", 1, None, ("nonfinite_weight",))
        yield Fault(
            f"{path} is {value}",
            "dense",
            truth,
            lambda net=net, parameters=parameters: fitted(net, rows_of((3,)), before=parameters),
        )
    for step, path in ((1, "dense1.weight"), (9, "dense2.weight"), (11, "dense1.bias")):
        net = cr.Sequential(cr.Dense(4), cr.Dense(1))
        truth = Truth(("input",), path.rpartition(".")[0], "forward", step + 1, None, ("nonfinite_weight",))
        yield Fault(
            f"a callback sets {path} to NaN after step {step}",
            "dense",
            truth,
            lambda net=net, step=step, path=path: fitted(
                net, rows_of((3,)), callbacks=[Poison(step, path)], engine="reference"
            ),
        )


@dataclass(frozen=True)
class Poison(cr.Callback):
    """Sets a parameter to NaN after a step."""

    step: int
    path: str

    def start(self, training: Any) -> Callable[[Event], None]:
        def listen(event: Event) -> None:
            if isinstance(event, StepDone) and event.step == self.step:
                state = training._run.state
                broken = np.full_like(state.parameters[self.path], np.nan)
                state.parameters = {**state.parameters, self.path: broken}
                training._run.updates.load(state)

        return listen


@dataclass
class Spoil:
    """Writes a number into a row of the data after a step, as a program with the same array may do."""

    step: int
    rows: tuple[int, ...]
    value: float
    x: np.ndarray = field(repr=False)

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepDone) and event.step == self.step:
            self.x[list(self.rows), 0] = self.value


def data_faults() -> Iterator[Fault]:
    """Rows of the data that become NaN, infinite or huge during a training; a mask that masks everything."""
    for value, step, rows, engine in (
        (np.nan, 1, (17,), "native"),
        (np.inf, 9, (2, 3), "native"),
        (-np.inf, 3, (41,), "reference"),
        (np.nan, 11, (0,), "reference"),
    ):
        x = rows_of((3,))
        net = cr.Sequential(cr.Dense(4), cr.Dense(1))
        at = rows[0] // BATCH + 1
        truth = Truth(("input",), "x", "forward", at if at > step else at + 11, rows, ("nonfinite_data",))
        yield Fault(
            f"row {rows[0]} becomes {value} after step {step}",
            "dense",
            truth,
            lambda net=net, x=x, step=step, rows=rows, value=value, engine=engine: fitted(
                net, x, engine=engine, callbacks=[every_step(Spoil(step, rows, value, x))]
            ),
        )
    dense, conv = cr.Sequential(cr.Dense(1, bias=False)), NETS["conv"][1](cr.Identity())
    for kind, row, net, before, path, rows in (
        ("dense", 18, dense, {"dense1.weight": np.ones((1, 3))}, "dense1", (18,)),
        ("conv", 40, conv, {"conv1.weight": np.ones((2, 3, 3, 1))}, "conv1", (40,)),
        # The mean of the batch is subtracted first: then the squares of all its rows are too large.
        ("norm", 2, cr.Sequential(cr.BatchNorm(), cr.Dense(1)), {}, "batch_norm1", (0, 1, 2, 3)),
    ):
        x = rows_of(NETS[kind][0])
        x[row] = 3e38
        ops = (*PRODUCTS, *SUMS)
        truth = Truth(ops, path, "forward", row // BATCH + 1, rows, ("data_outlier",))
        yield Fault(
            f"row {row} holds 3e38",
            kind,
            truth,
            lambda net=net, x=x, before=before: fitted(net, x, before=before, optimizer=cr.SGD(1e-9)),
        )


@layer
class Masked(Layer):
    """A softmax over the positions whose value is above 0.5."""

    def __call__(self, x: Node, scope: Scope) -> Node:
        scale = scope.parameter("scale", (x.shape[-1],), cr.Fill(1.0))
        return cr.softmax(cr.where(cr.greater(x, 0.5), x * scale, float("-inf")))


@dataclass(frozen=True)
class Own(Loss):
    """A custom loss: an operation on the output."""

    name = "own"
    op: str

    def __call__(self, output: Node, target: Node) -> Node:
        return OPS[self.op].apply(output.sum(1)) * target.sum(1)


def loss_faults() -> Iterator[Fault]:
    """Custom losses, masks, and loops over time."""
    for i, name in enumerate(
        ("log of 0", "exp overflows", "1 / 0", "root of a negative number", "square overflows")
    ):
        row = (3, 17, 29, 41, 8)[i]
        x = rows_of((1,))
        x[row] = OPS[name].poison[0]
        truth = Truth((OPS[name].op,), "loss", "forward", row // BATCH + 1, (row,), (OPS[name].cause,))
        before = {"dense1.weight": np.ones((1, 1))}
        yield Fault(
            f"a loss: {name}",
            "dense",
            truth,
            lambda x=x, name=name, before=before: fitted(
                cr.Sequential(cr.Dense(1, bias=False)), x, Own(name), before=before, optimizer=cr.SGD(1e-9)
            ),
        )
    for rows in ((6,), (36, 38)):
        x = rows_of((4,))
        x[list(rows)] = 0.0
        truth = Truth(("softmax",), "masked1", "forward", rows[0] // BATCH + 1, rows, ("all_masked",))
        yield Fault(
            f"row {rows[0]} is all masked",
            "attention",
            truth,
            lambda x=x: fitted(cr.Sequential(Masked(), cr.Dense(1)), x),
        )


def loop_faults() -> Iterator[Fault]:
    """Inside the step of a loop over time, at one of its cells."""
    for step, value, op, cause, row, at, then, reverse in (
        ("log", 0.0, "log", "log_zero", 5, 2, 2, False),
        ("log", -1.0, "log", "log_negative", 21, 0, 0, True),
        ("root", -2.0, "sqrt", "sqrt_negative", 41, 4, 4, False),
        ("exp", 95.0, "exp", "exp_overflow", 0, 3, 3, True),
        ("square", 1e15, "square", "overflow_product", 19, 0, 2, False),
        ("square", 1e15, "square", "overflow_product", 38, 4, 2, True),
    ):
        x = rows_of((5, 2))
        x[row, at, 1] = value
        truth = Truth((op,), "loop1", "forward", row // BATCH + 1, (row,), (cause,), then)
        net = cr.Sequential(Loop(step, reverse), cr.Dense(1))
        yield Fault(f"{step} of cell {at} in a loop", "lstm", truth, lambda net=net, x=x: fitted(net, x))


def rounding_faults() -> Iterator[Fault]:
    """Sums that overflow in the order of compiled code and not in that of NumPy."""
    draw = np.random.Generator(np.random.Philox(3))
    rows_of_numbers = (draw.choice([-0.7e38, 0.7e38], (2000, 24))).astype("float32")
    node = input_node("x", (None, 24), "float32")
    total = cr.Graph({"y": node.sum(1)})
    native, reference = (
        ~np.isfinite(cr.compile(total, engine).run({"x": rows_of_numbers})["y"])
        for engine in ("native", "reference")
    )
    for row, values in zip((6, 27), rows_of_numbers[native & ~reference], strict=False):
        x = rows_of((24,))
        x[row] = values
        truth = Truth(("sum",), "total1", "forward", row // BATCH + 1, (row,), ("overflow_sum",))
        yield Fault(
            "a sum overflows in compiled code only",
            "dense",
            truth,
            lambda x=x: fitted(cr.Sequential(Total(), cr.Dense(1)), x),
        )


def rate_faults() -> Iterator[Fault]:
    """Learning rates that are far too large."""
    for net, (shape, make) in NETS.items():
        for optimizer in (cr.SGD(1e6), cr.SGD(1e3, momentum=0.9)):
            y = 100.0 * np.cos(np.arange(ROWS))
            truth = Truth((), "", "", 0, None, ("loss_grew", "weights_grew", "large_learning_rate"))
            yield Fault(
                f"{optimizer}",
                net,
                truth,
                lambda make=make, shape=shape, optimizer=optimizer, y=y, **also: fitted(
                    make(cr.Identity()), rows_of(shape), y=y, optimizer=optimizer, epochs=200, **also
                ),
            )


FAMILIES: dict[str, Callable[[], Iterator[Fault]]] = {
    "an operation of the network": forward_faults,
    "a derivative or a gradient": backward_faults,
    "the optimizer update": update_faults,
    "a weight set by hand": parameter_faults,
    "the data": data_faults,
    "a loss or a mask": loss_faults,
    "a step of a scan": loop_faults,
    "rounding of compiled code": rounding_faults,
    "a learning rate": rate_faults,
}
