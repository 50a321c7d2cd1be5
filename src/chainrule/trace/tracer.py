"""Run a network once and keep everything: every value, every cotangent, the update and its effect.

The reference engine computes in float64, whatever the dtype of the training, so that the displayed values can
be checked to ten digits. The network runs in evaluation mode, without dropout, unless an update of a training
is explained: then it runs in training mode with the masks of that update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import prng
from chainrule.engines import reference
from chainrule.engines.dispatch import evaluate
from chainrule.graph import Constant, Graph, Input, Node, constant, order
from chainrule.memoization import cached_property
from chainrule.nn.schedule import REDUCTIONS
from chainrule.ops.operation_card import Card
from chainrule.ops.scan.scan_builder import unrolled
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, bound
from chainrule.trace.formula_builder import FormulaBuilder, scalars
from chainrule.trace.names import INPUT_ROLES, NamedLayer, Names, names_of
from chainrule.trace.symbolic_step import Derivation, SampleWeights, derive, sample_weights
from chainrule.train.evaluation.rows import NetworkRows
from chainrule.train.network import Network

# Numerical gradient check by central differences: ``(J(w + h) - J(w - h)) / 2h``.
#
# The estimate does not use the chain rule. It costs two forward passes per entry, so a large network is
# checked on a sample of its entries, chosen with a fixed key.

STEP = 1e-5  # near the cube root of the float64 rounding error, where central differences are best
ALL = 200  # up to this many entries, all are checked
SOME = 20  # otherwise a sample of this size

Place = tuple[str, tuple[int, ...]]
Loss = Callable[[Mapping[str, np.ndarray]], float]


@frozen
class GradientCheck:
    """A gradient compared with central differences.

    Args:
        places: the checked entries as (path, index).
        analytic, numeric: the two derivatives of each entry.
        total: the number of entries of all parameters.
        step: h.
    """

    places: tuple[Place, ...]
    analytic: tuple[float, ...]
    numeric: tuple[float, ...]
    total: int
    step: float = STEP

    @property
    def errors(self) -> tuple[float, ...]:
        """Differences relative to the sum of both magnitudes.

        Entries below a thousandth of the largest are compared relative to that thousandth, because the
        rounding error of the loss exceeds them.
        """
        largest = max((abs(g) for g in (*self.analytic, *self.numeric)), default=0.0)
        return tuple(
            abs(a - n) / max(abs(a) + abs(n), largest / 1000, 1e-300)
            for a, n in zip(self.analytic, self.numeric, strict=True)
        )

    @property
    def worst(self) -> int:
        """The position in ``places`` of the largest relative difference."""
        return int(np.argmax(self.errors)) if self.places else 0

    @property
    def error(self) -> float:
        """The largest relative difference."""
        return self.errors[self.worst] if self.places else 0.0


def sampled_entries(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Place, ...]:
    """Return the entries to check: all of a small network, otherwise a fixed sample."""
    entries = [(path, int(i)) for path, shape in shapes.items() for i in range(int(np.prod(shape)))]
    if len(entries) > ALL:
        chosen = prng.permutation(prng.key_of(0), len(entries))[:SOME]
        entries = [entries[i] for i in sorted(chosen)]
    return tuple((p, tuple(int(k) for k in np.unravel_index(i, shapes[p]))) for p, i in entries)


def check(
    loss: Loss,
    parameters: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
    places: Sequence[Place],
) -> GradientCheck:
    """Compare gradients with central differences of the loss.

    Args:
        loss: J as a function of the parameters.
        parameters, gradients: by path, float64.
        places: the entries to check.
    """
    analytic = tuple(float(gradients[path][index]) for path, index in places)
    numeric = tuple(_difference(loss, parameters, path, index) for path, index in places)
    return GradientCheck(tuple(places), analytic, numeric, sum(p.size for p in parameters.values()))


def _difference(loss: Loss, parameters: Mapping[str, np.ndarray], path: str, index: tuple[int, ...]) -> float:
    losses = []
    width = STEP * max(1.0, abs(float(parameters[path][index])))
    for step in (width, -width):
        moved = parameters[path].copy()
        moved[index] += step
        losses.append((loss({**parameters, path: moved}), float(moved[index])))
    (high, above), (low, below) = losses
    if not np.isfinite(high - low) or above == below:
        return float("nan")
    return (high - low) / (above - below)  # the step after rounding


# The stops of a trace: every named value of the forward pass, the loss, every error signal, every update.


@frozen
class Stop:
    """One stop of a trace.

    Args:
        kind: ``forward``, ``loss``, ``backward`` or ``update``.
        op: the operation that computed the value.
        path: the layer or parameter to which it belongs.
        node: the node of the value; at a backward stop the forward node whose cotangent it is.
        inputs: the named nodes in the formula of its first number.
        value: the value, or the cotangent at a backward stop.
        slope: the local derivative of an elementwise function.
        upstream: the incoming gradient, where there is a slope.
        downstream: the outgoing gradient, ``upstream * slope``.
    """

    kind: str
    op: str
    path: str
    node: Node
    inputs: tuple[Node, ...]
    value: np.ndarray
    slope: np.ndarray | None = None
    upstream: np.ndarray | None = None
    downstream: np.ndarray | None = None


def stops_of(derivation: Derivation, names: Names, formulas: FormulaBuilder) -> tuple[Stop, ...]:
    """Return all stops in execution order."""
    return (
        *_forward(derivation, names, formulas),
        *_backward(derivation, names, formulas),
        *_updates(derivation, formulas),
    )


def _forward(derivation: Derivation, names: Names, formulas: FormulaBuilder) -> Iterator[Stop]:
    for node in order([*derivation.predictions(), derivation.sample_losses]):
        role = names[node].role if node in names else ""
        if role and role not in INPUT_ROLES:
            kind = "loss" if node is derivation.sample_losses else "forward"
            value, path = formulas.values[node], derivation.site_of(node).path
            yield Stop(kind, node.op.name, path, node, reads_of(formulas, node), value)


def _backward(derivation: Derivation, names: Names, formulas: FormulaBuilder) -> Iterator[Stop]:
    values, local_derivatives = formulas.values, derivation.local_derivatives()
    for node, cotangent in derivation.cotangents.items():
        if node not in names or names[node].role in ("loss", "parameter"):
            continue
        path, reads = derivation.site_of(node).path, reads_of(formulas, cotangent)
        stop = Stop("backward", node.op.name, path, node, reads, values[cotangent])
        slope, downstream = (
            local_derivatives.get(node),
            derivation.cotangents.get(node.inputs[0]) if node.inputs else None,
        )
        if slope is not None and downstream is not None:
            stop = replace(
                stop, slope=values[slope], upstream=values[cotangent], downstream=values[downstream]
            )
        yield stop
    for path, node in derivation.gradients.items():
        p = derivation.built.parameters[path].node
        yield Stop("backward", node.op.name, path, p, reads_of(formulas, node), values[node])


def _updates(derivation: Derivation, formulas: FormulaBuilder) -> Iterator[Stop]:
    for path, node in derivation.updated.items():
        yield Stop("update", node.op.name, path, node, reads_of(formulas, node), formulas.values[node])


def reads_of(formulas: FormulaBuilder, node: Node) -> tuple[Node, ...]:
    """Return the named nodes in the formula of the first number of ``node``."""
    if not formulas.values[node].size or node not in formulas.cards:
        return ()
    tree = formulas.scalar(node, (0,) * formulas.values[node].ndim)
    return tuple(dict.fromkeys(at.node for at in scalars(tree)))


Arrays = dict[str, np.ndarray]


@frozen(eq=False)
class Trace:
    """One training step on some samples: all values, without text.

    Args:
        derivation: the nodes.
        values: the array of every node.
        cards: the operation of every computed node, with its sizes bound.
        names: the names of the named nodes.
        layers: the layers that have parameters, from first to last.
        parameters, new_parameters: values before and after the update, by path.
        gradients: dJ/dw of every parameter, by path.
        learning_rate: the learning rate of the update.
        loss, new_loss: J before and after.
        predictions, new_predictions: what the network predicts before and after, by output.
        recompute: J and the predictions of the same samples for other parameters.
        optimizer_state: ``""`` without a state, ``"first"`` for its initial values, ``"given"`` for a state
            that was passed.
    """

    derivation: Derivation
    values: Mapping[Node, np.ndarray]
    cards: Mapping[Node, Card]
    names: Names
    layers: tuple[NamedLayer, ...]
    parameters: Arrays
    new_parameters: Arrays
    gradients: Arrays
    learning_rate: float
    loss: float
    new_loss: float
    predictions: Arrays
    new_predictions: Arrays
    recompute: Recomputation
    optimizer_state: str = ""

    def __repr__(self) -> str:
        return f"<Trace of {self.samples} samples: {len(self.values)} values, loss {self.loss:.6g}>"

    @property
    def samples(self) -> int:
        """The number of samples, n."""
        return self.derivation.samples

    @cached_property
    def formulas(self) -> FormulaBuilder:
        """The builder of the formula of any single number."""
        return FormulaBuilder(self.values, self.cards, self.names, self.samples)

    @cached_property
    def stops(self) -> tuple[Stop, ...]:
        """The stops of the step, in execution order."""
        return stops_of(self.derivation, self.names, self.formulas)

    def reads(self, node: Node) -> tuple[Node, ...]:
        """Return the named nodes in the formula of the first number of ``node``."""
        return reads_of(self.formulas, node)

    @cached_property
    def gradient_check(self) -> GradientCheck:
        """The gradient compared with central differences: all entries, or a sample of a large network."""
        shapes = {path: p.shape for path, p in self.parameters.items()}
        return self.check(sampled_entries(shapes) if self.is_finite else ())

    def check(self, places: Sequence[Place]) -> GradientCheck:
        """Compare these entries of the gradient with central differences."""
        return check(lambda p: self.recompute(p)[0], self.parameters, self.gradients, places)

    @property
    def is_finite(self) -> bool:
        """Whether the loss and all gradients are finite."""
        return bool(np.isfinite(self.loss)) and all(np.isfinite(g).all() for g in self.gradients.values())

    @property
    def predicted_change(self) -> float:
        """The change of the loss that the gradient predicts: gradient times change, summed."""
        return sum(
            float(np.sum(self.gradients[path] * (self.new_parameters[path] - p)))
            for path, p in self.parameters.items()
        )

    @cached_property
    def non_finite(self) -> tuple[Node, tuple[int, ...]] | None:
        """Node and index of the first NaN or infinite value, or ``None``."""
        for node, value in self.values.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                return node, tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        return None

    def back(self, node: Node) -> Node | None:
        """Return the cotangent of a forward node, or ``None`` if it has none."""
        return self.derivation.cotangents.get(node)


@frozen
class TrainingPosition:
    """The position of an update within a training.

    Args:
        step: the number of updates before this one.
        horizon: the number of updates of the whole training, for the learning-rate schedule.
        slots: the optimizer state by ``PATH/SLOT``; its initial values by default.
        training: whether the network runs in training mode, with dropout and batch statistics.
        key: the random key of the step, for a network that samples in training mode.
        weights: (n,) sample weights; all equal by default.
    """

    step: int = 0
    horizon: int = 1
    slots: Mapping[str, np.ndarray] | None = None
    training: bool = False
    key: np.ndarray | None = None
    weights: np.ndarray | None = None


def _weighting(
    network: Network, feeds: Mapping[str, np.ndarray], weights: np.ndarray | None, samples: int
) -> SampleWeights:
    targets = {name: feeds[name] for name in network.target_names.values()}
    weighting = sample_weights(network, targets, None if weights is None else _exact(weights))
    if samples == 1 and len(targets) == 1:
        return replace(weighting, divisor=1.0, arrays={})  # a single sample is its own mean
    return weighting


def trace(
    network: Network,
    arrays: Mapping[str, np.ndarray],
    x: Mapping[str, np.ndarray],
    y: Mapping[str, np.ndarray],
    position: TrainingPosition | None = None,
) -> Trace:
    """Run a network on samples and keep every value.

    Args:
        network: the network; it is rebuilt in float64.
        arrays: its parameters and states, by path.
        x: (n, ...) inputs, by name.
        y: targets in the form that the losses expect, by the name of their input.
        position: the position of the update within a training; by default it is the first update.

    Example:
        >>> from chainrule.nn import Dense, SGD
        >>> from chainrule.train.network import Recipe
        >>> from chainrule.symbolic_shape import Size
        >>> inputs = {"x": Spec((Size.symbol("B"), 1), "float32")}
        >>> network = Network(Recipe(Dense(1), "half_mse", SGD(0.1)), inputs)
        >>> held = {"weight": np.ones((1, 1)), "bias": np.zeros(1)}
        >>> t = trace(network, held, {"x": np.array([[2.0]])}, {"target": np.array([[1.0]])})
        >>> t.loss, t.gradients["weight"].tolist(), round(t.new_loss, 6)
        (0.5, [[2.0]], 0.125)
    """
    position = position or TrainingPosition()
    exact = in_float64(network)
    feeds = {name: _exact(a) for name, a in {**arrays, **x, **y}.items()}
    samples = len(next(iter(feeds[name] for name in exact.inputs)))
    with unrolled() as turns:  # also needed while the loss is built, which builds the network
        weighting = _weighting(exact, feeds, position.weights, samples)
        derivation = derive(exact, weighting, samples, network.recipe.dtype if position.training else "")
    parameters = {path: feeds[path] for path in exact.parameters}
    slots, optimizer_state = _slots(derivation, position)
    learning_rate = _learning_rate(exact, position)
    feeds |= slots | {
        "learning rate": np.array(learning_rate),
        "update number": np.array(float(position.step + 1)),
    }
    feeds |= {} if position.key is None else {KEY: position.key}
    feeds |= weighting.feeds()
    values, cards = _walk(derivation.graph(), feeds)
    names, layers = names_of(derivation, turns)
    updated = {path: values[node] for path, node in derivation.updated.items()}
    recompute = Recomputation(derivation, feeds)
    gradients = {path: values[node] for path, node in derivation.gradients.items()}
    new_loss, new_predictions = recompute({**parameters, **updated})
    loss, predictions = recompute(parameters)
    return Trace(
        derivation,
        values,
        cards,
        names,
        layers,
        parameters,
        {**parameters, **updated},
        gradients,
        learning_rate,
        loss,
        new_loss,
        predictions,
        new_predictions,
        recompute,
        optimizer_state,
    )


def in_float64(network: Network) -> Network:
    """Return the same network, computed in float64 by the reference engine."""
    inputs = {
        name: Spec(spec.shape, "float64") if spec.is_float else spec for name, spec in network.inputs.items()
    }
    precision = network.precision if network.recipe.dtype == "float32" else "float32"  # of the explained one
    recipe = replace(network.recipe, dtype="float64", precision=precision)
    return Network(recipe, inputs, "reference", quantization=network.quantization)


def _exact(array: Any) -> np.ndarray:
    """Convert floating-point arrays to float64 and integer arrays, except uint32, to int64."""
    array = np.asarray(array)
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    return array.astype(np.int64) if array.dtype.kind in "iu" and array.dtype != np.uint32 else array


def _slots(derivation: Derivation, position: TrainingPosition) -> tuple[Arrays, str]:
    labels = [f"{path}/{slot}" for path, slots in derivation.slots.items() for slot in slots]
    if not labels:
        return {}, ""
    if position.slots is not None:
        return {label: _exact(position.slots[label]) for label in labels}, "given"
    memory = derivation.network.slots
    return {label: np.full(bound(memory[label].shape), memory[label].first) for label in labels}, "first"


def _learning_rate(network: Network, position: TrainingPosition) -> float:
    learning_rate = network.recipe.optimizer.schedule(
        constant(float(position.step), "float64"), position.horizon
    )
    reduction = (position.slots or {}).get(REDUCTIONS, 0.0)
    return float(
        evaluate(
            learning_rate,
            {REDUCTIONS: reduction} if Graph({"rate": learning_rate}).inputs else {},
            "reference",
        )
    )


def _walk(graph: Graph, feeds: Arrays) -> tuple[dict[Node, np.ndarray], dict[Node, Card]]:
    values: dict[Node, np.ndarray] = {}
    cards: dict[Node, Card] = {}
    for node in graph.nodes:
        if isinstance(node.op, Constant):
            values[node] = node.op.array
        elif isinstance(node.op, Input):
            values[node] = feeds[node.op.label]
    for node, card, _, value in reference.Program(graph).walk(feeds):
        values[node], cards[node] = value, card
    return {node: values[node] for node in order(graph.outputs.values())}, cards


class Recomputation:
    """The forward pass of the same samples for other parameters.

    Args:
        feeds: all inputs by name.
    """

    def __init__(self, derivation: Derivation, feeds: Arrays) -> None:
        predictions = {
            f"prediction.{name}": derivation.network.losses[name].prediction(o)
            for name, o in derivation.built.outputs.items()
        }
        self._feeds = feeds
        self._program = reference.Program(Graph({"loss": derivation.objective, **predictions}))

    def __call__(self, parameters: Mapping[str, np.ndarray]) -> tuple[float, Arrays]:
        """Return J and the predictions by output."""
        results = self._run(self._program, parameters)
        return float(results.pop("loss")), {k.removeprefix("prediction."): v for k, v in results.items()}

    def values(self, parameters: Mapping[str, np.ndarray], nodes: Sequence[Node]) -> list[np.ndarray]:
        """Return the values of these nodes."""
        program = reference.Program(Graph({str(i): node for i, node in enumerate(nodes)}))
        return list(self._run(program, parameters).values())

    def _run(self, program: reference.Program, parameters: Mapping[str, np.ndarray]) -> Arrays:
        feeds = {**self._feeds, **parameters}
        return program.run({name: feeds[name] for name in program.graph.inputs})


def trace_rows(rows: NetworkRows) -> Trace:
    """Return the trace of one training step on labeled rows, with the parameters of their model."""
    return trace(rows.network, rows.model.arrays, rows.x, rows.y, TrainingPosition())
