"""The sections on the update: the change of every parameter, and predicted and actual change of the loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.graph import Node, order
from chainrule.nn.optimizer import SGD, Optimizer
from chainrule.notation import number
from chainrule.page.page import Cell, Equation, Lines, Part, Section, Table
from chainrule.records import frozen
from chainrule.step_explanation.sections.gradients import listed_entries
from chainrule.step_explanation.writer import Index, Writer, brief, figure, share, signed
from chainrule.texts.sentence import Sentence
from chainrule.trace import NamedLayer, Scalar, scalars

MOST_SLOTS = 4  # maximum number of optimizer slots listed; with more, only the formula is shown
MAX_SENTENCES = 3  # maximum number of transfers described in sentences; more are a table


def update(writer: Writer) -> Section:
    """Return the optimizer's formula with the numbers of one parameter element, and the changes of all."""
    t = writer.trace
    parts: list[Part] = [
        writer.render(
            "update_intro",
            rate=number(t.learning_rate),
            optimizer=_optimizer_name(t.derivation.network.recipe.optimizer),
        )
    ]
    if t.optimizer_state:
        parts += state_description(writer)
    if t.derivation.network.recipe.clip is not None:
        parts.append(writer.render("clipped", clip=t.derivation.network.recipe.clip))
    entries, total = listed_entries(writer)
    trained = [(path, index) for path, index in entries if path in t.derivation.updated]
    if trained:
        parts.append(Lines(writer.label("U"), update_equations(writer, *trained[0])))
    rows = tuple(_row(writer, path, index) for path, index in trained)
    head = tuple(
        writer.render(key) for key in ("parameter", "old", "derivative_short", "new", "move", "of_size")
    )
    parts.append(Table(head, rows, (1, 2, 3, 4, 5), "update"))
    if len(trained) < total:
        parts.append(writer.render("more_short", n=f"{total - len(trained):,}"))
    return Section(writer.render("update"), tuple(parts))


def state_description(writer: Writer) -> Iterator[str]:
    """Yield the description of the optimizer state."""
    slots = {name.letter: None for name in writer.trace.names.values() if name.role == "slot"}
    if slots and len(slots) <= MOST_SLOTS:
        yield writer.render("memory_names", names=writer.join(slots))
    t = writer.trace
    befores = [before for own in t.derivation.slots.values() for before, _ in own.values()]
    is_zero = not any(t.values[node].any() for node in befores if node in t.values)
    is_first = t.optimizer_state == "first"
    yield writer.render("memory_given" if not is_first else "memory_first" if is_zero else "memory_initial")


def update_equations(writer: Writer, path: str, index: Index) -> tuple[Equation, ...]:
    """Return the equations of the optimizer slots, then that of the new value of one parameter element."""
    node, t = writer.trace.derivation.updated[path], writer.trace
    slots: dict[Scalar, None] = {}
    pending = [Scalar(node, index)]
    while pending and len(slots) <= MOST_SLOTS:
        read = [at for scalar in pending for at in scalars(t.formulas.scalar(scalar.node, scalar.index))]
        pending = [at for at in dict.fromkeys(read) if t.names[at.node].role == "memory" and at not in slots]
        slots = dict.fromkeys([*pending, *slots])
    equations = [writer.equation(at.node, at.index) for at in slots] if len(slots) <= MOST_SLOTS else []
    return (*equations, writer.equation(node, index, writer.parameter(path, index), sign="←"))


def _optimizer_name(optimizer: Optimizer) -> str:
    """Return the class name of an optimizer, such as Adam."""
    return type(optimizer).__name__


def _row(writer: Writer, path: str, index: Index) -> tuple[Cell, ...]:
    t = writer.trace
    old, new = float(t.parameters[path][index]), float(t.new_parameters[path][index])
    gradient = float(t.gradients[path][index])
    return (
        writer.parameter(path, index),
        figure(old),
        signed(gradient),
        figure(new),
        signed(new - old),
        share(new - old, old),
    )


def effect(writer: Writer) -> Section:
    """Return the predicted and the actual change of the loss."""
    t = writer.trace
    change = t.new_loss - t.loss
    parts = [_outputs(writer)] if t.samples == 1 else []
    facts = {
        "old": figure(t.loss),
        "new": figure(t.new_loss),
        "change": signed(change),
        "promise": signed(t.predicted_change),
    }
    parts.append(writer.render("loss_moved", **facts))
    parts.append(writer.render("promise_sgd" if _is_plain(writer) else "promise", **facts))
    parts.append(_verdict(writer, change))
    return Section(writer.render("effect"), tuple(part for part in parts if part))


def _is_plain(writer: Writer) -> bool:
    recipe = writer.trace.derivation.network.recipe
    optimizer = recipe.optimizer
    plain = isinstance(optimizer, SGD) and not optimizer.momentum and not optimizer.weight_decay
    return plain and recipe.clip is None and not recipe.frozen


def _outputs(writer: Writer) -> Sentence:
    texts: list[Sentence] = []
    for name, old in writer.trace.predictions.items():
        new = writer.trace.new_predictions[name]
        node = writer.trace.derivation.network.losses[name].prediction(
            writer.trace.derivation.built.outputs[name]
        )
        places = _listed(writer, name, writer.places(node), np.maximum(old, new))
        for i in places:
            facts = {
                "name": writer.text(writer.symbol(node, i)),
                "old": figure(old[i]),
                "new": figure(new[i]),
            }
            texts.append(writer.render("moved", **facts, about={"output": name, "index": i, "node": node}))
    return writer.render("outputs_moved", outputs=writer.join(texts), about={"moved": texts})


def _listed(writer: Writer, output: str, places: list[Index], sizes: np.ndarray) -> list[Index]:
    """Return the outputs to list: all if they are few, else the target class and the most probable ones."""
    target = writer.trace.values[writer.trace.derivation.network.targets[output]][writer.sample]
    if len(places) <= writer.few or target.ndim or target.dtype.kind not in "iu" or sizes.ndim != 2:
        return places[: writer.few]
    ranked = sorted(places, key=lambda place: (place[1] != int(target), -sizes[place]))
    return ranked[: writer.few]


def _verdict(writer: Writer, change: float) -> Sentence:
    """Compare the change of the loss with the one that the gradient predicts."""
    t, promise = writer.trace, writer.trace.predicted_change
    if all(np.array_equal(t.new_parameters[path], value) for path, value in t.parameters.items()):
        return writer.render("flat" if not any(g.any() for g in t.gradients.values()) else "no_move")
    if promise >= 0:
        return writer.render("uphill")
    gap = change - promise
    key = "curvature" if change < 0 else "too_far"
    return writer.render(key, gap=signed(gap), percent=brief(100 * abs(gap / promise)))


@frozen
class SignalTransfer:
    """The error signal on its path from one layer to the previous one.

    Args:
        near, far: the layer closer to the loss and the one before it.
        sent, arrived, left: norm of the signal at the near weighted sum, at the far activation and at the far
            weighted sum.
        has_activation: whether an activation function is between the last two.
        share_of_first: the product of all factors from the last layer on.
    """

    near: NamedLayer
    far: NamedLayer
    sent: float
    arrived: float
    left: float
    has_activation: bool
    share_of_first: float

    @property
    def weight_factor(self) -> float:
        """The factor of the weights and of all other operations between the layers."""
        return self.arrived / self.sent

    @property
    def derivative_factor(self) -> float:
        """The factor of the derivatives of the activation function."""
        return self.left / self.arrived


def shrinking(writer: Writer) -> Section | None:
    """Write the norm of the error signal per layer as exact products of weight and derivative factors.

    Many layers are shown as a table. The heading is the question why early layers learn slowly only if they
    do.
    """
    transfers = list(signal_transfers(writer))
    if not transfers:
        return None
    parts = (
        [_ladder(writer, transfers)]
        if len(transfers) > MAX_SENTENCES
        else [text for transfer in transfers for text in _sentences(writer, transfer)]
    )
    intro = [
        writer.render("shrinking_intro"),
        *([writer.render("ladder_intro")] if len(transfers) > MAX_SENTENCES else []),
    ]
    is_smaller = all(transfer.share_of_first < 1 for transfer in transfers)
    heading = writer.render("shrinking" if is_smaller else "signal_sizes", about={"transfers": transfers})
    return Section(heading, (*intro, *parts))


def signal_transfers(writer: Writer) -> Iterator[SignalTransfer]:
    """Yield the transfers of the error signal from the last layer to the first.

    A transfer goes from a layer to the one before it if the loss depends on the earlier layer only through
    the later one. Layers side by side, such as the branches of an ensemble, have no transfer between them.
    """
    t, back = writer.trace, writer.trace.derivation.cotangents
    single = [layer for layer in t.layers if not layer.is_shared]  # a shared layer has several positions
    layers = [layer for layer in single if layer.z is not None and layer.z in back and layer.a in back]
    forward = order([t.derivation.sample_losses])
    position = {node: i for i, node in enumerate(forward)}
    layers.sort(key=lambda layer: -position[layer.z])  # type: ignore[index]
    shares: dict[int, float] = {}
    for far in layers:
        near = _only_reader(far, [layer for layer in reversed(layers) if layer is not far], forward)
        if near is None:
            continue
        nodes = [node for node in (near.z, far.a, far.z) if node is not None]
        sent, arrived, left = (float(np.linalg.norm(t.values[back[node]])) for node in nodes)
        if sent and arrived:
            shares[far.number] = shares.get(near.number, 1.0) * left / sent
            has_activation = far.a is not far.z
            yield SignalTransfer(near, far, sent, arrived, left, has_activation, shares[far.number])


def _only_reader(far: NamedLayer, layers: list[NamedLayer], forward: list[Node]) -> NamedLayer | None:
    """Return the first of some layers that every path from a layer's activation to the loss passes."""
    assert far.a is not None
    position = {node: i for i, node in enumerate(forward)}
    start = position[far.a]
    for near in layers:
        assert near.z is not None
        if position[near.z] <= start:
            continue
        reached, is_read = {far.a}, False
        for node in forward[start + 1 :]:
            if not reached.isdisjoint(node.inputs):
                is_read = is_read or node is near.z
                reached |= {node} - {near.z}
        if is_read and forward[-1] not in reached:
            return near
    return None


def _sentences(writer: Writer, transfer: SignalTransfer) -> Iterator[Sentence]:
    facts = {"near": transfer.near.number, "far": transfer.far.number, "sent": figure(transfer.sent)}
    facts |= {
        "arrived": figure(transfer.arrived),
        "weights": brief(transfer.weight_factor),
        "slopes": brief(transfer.derivative_factor),
    }
    facts |= {"left": figure(transfer.left), "total": brief(transfer.left / transfer.sent)}
    about = {"transfer": transfer}
    yield writer.render("split" if transfer.has_activation else "split_weights", **facts, about=about)
    if transfer.has_activation:
        is_vanishing = (
            transfer.derivative_factor < 0.5 and transfer.derivative_factor <= transfer.weight_factor
        )
        key = (
            "lost_in_slopes"
            if is_vanishing
            else "lost_in_weights"
            if transfer.left < transfer.sent
            else "grew"
        )
        share = (
            transfer.left / transfer.sent
            if key == "grew"
            else min(transfer.weight_factor, transfer.derivative_factor)
        )
        key = (
            "lost_of_slopes"
            if key == "lost_in_weights" and transfer.derivative_factor < transfer.weight_factor
            else key
        )
        yield writer.render(key, percent=brief(100 * abs(1 - share)), about=about)


def _ladder(writer: Writer, transfers: list[SignalTransfer]) -> Table:
    """Return the table from the loss to the first layer: each layer's signal, its factors, and the rest."""
    head = (
        "ladder_from",
        "ladder_to",
        "ladder_sent",
        "ladder_weights",
        "ladder_slopes",
        "ladder_left",
        "ladder_all",
    )
    rows = tuple(
        (
            f"({t.near.number}) {t.near.path}",
            f"({t.far.number}) {t.far.path}",
            figure(t.sent),
            f"×{brief(t.weight_factor)}",
            f"×{brief(t.derivative_factor)}" if t.has_activation else "–",
            figure(t.left),
            f"×{brief(t.share_of_first)}",
        )
        for t in transfers
    )
    return Table(tuple(writer.render(key) for key in head), rows, (2, 3, 4, 5, 6), "transfers")
