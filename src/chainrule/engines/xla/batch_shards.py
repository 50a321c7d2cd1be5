"""A step whose batch is divided into eight shards, so that its bits do not depend on the number of devices.

Sums of floating-point numbers depend on their order, and a sum over the samples of a batch is divided among
the devices. Here a batch always has eight parts of equal length, the *shards*. A device computes its shards
one after the other by the same compiled code, the results are gathered on every device, and each device adds
them in the order of the shards. So 1, 2, 4 or 8 devices, of one process or of several, compute the same bits.

The roles of ``ops.batch_axis`` divide a graph into *rounds*: within a round the samples are separate, and
what is reduced over them (a batch statistic, the loss, a gradient) begins the next round. A node that
combines samples in another way, such as a matrix of similarities, receives the whole batch on every device.

A batch that eight does not divide is filled with copies of its last row, which no sum contains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import reduce
from typing import Any

import jax
from jax import lax
from jax import numpy as jnp

from chainrule.engines.shape_binding import at_sizes
from chainrule.engines.xla import random
from chainrule.engines.xla.graph_trace import Values, compute
from chainrule.engines.xla.operations import Array, Indices, lowered
from chainrule.graph import Constant, Graph, Input, Node
from chainrule.ops.array.shape import Transpose
from chainrule.ops.batch_axis import BATCH, SHARDS, Role
from chainrule.ops.elementwise.cast_and_stop_gradient import Extent
from chainrule.ops.operation_card import Apart, Reduced, Shared
from chainrule.ops.random_ops import Draw
from chainrule.symbolic_shape import Size, size_at

AXIS = "devices"  # the axis of the mesh
COMBINED = {"sum": jnp.add, "max": jnp.maximum, "min": jnp.minimum}
"""How results of shards are combined, two at a time; other reductions receive the whole batch."""


class ShardedStep:
    """A graph that computes a batch in shards.

    Args:
        graph: the graph of a step.
        samples: labels of inputs whose rows are the samples of the batch.
        devices: the number of devices of the axis ``AXIS``, a divisor of ``SHARDS``.
    """

    def __init__(self, graph: Graph, samples: Collection[str], devices: int) -> None:
        self._outputs, self._devices = graph.outputs, devices
        self._roles = shard_roles(graph.nodes, samples)
        self._nodes = [node for node in graph.nodes if not isinstance(node.op, Input | Constant)]
        self._leaves = [node for node in graph.nodes if isinstance(node.op, Input | Constant)]
        self._rounds = 1 + max(role.round for role in self._roles.values())
        self._inner = self._only_transposed()

    def outputs(
        self,
        batch: int,
        inputs: Mapping[str, Array],
        rows: Callable[[Array], Mapping[str, Array]],
        shards: Array,
        indices: Indices,
    ) -> dict[str, Array]:
        """Return the outputs of the graph on every device; JAX traces this method inside ``shard_map``.

        Args:
            batch: the number of samples.
            inputs: all inputs without samples, by label.
            rows: returns the inputs with samples for row numbers within the batch.
            shards: the number of shards of each device, as a traced value: XLA would unroll a loop of known
                length 1, and fuse its operations in another way.
            indices: notes indices outside their table.
        """
        run = _Run(self._roles, self._inner, batch, self._devices, rows, shards, indices)
        for node in self._leaves:
            op: Any = node.op
            if self._roles[node].kind != "sample":
                run.values[node] = jnp.asarray(inputs[op.label] if isinstance(op, Input) else op.array)
        for number in range(self._rounds):
            run.round(
                [node for node in self._nodes if self._roles[node].round == number], self._needed(number)
            )
        return {name: run.whole_value(node) for name, node in self._outputs.items()}

    def _only_transposed(self) -> set[Node]:
        """Return the results of shards that nothing but their transposes in the same shards reads."""
        roles, inner, read = self._roles, set[Node](), set(self._outputs.values())
        for node in self._nodes:
            is_transposed = _is_transposed_result(node, [roles[source] for source in node.inputs])
            (inner if is_transposed else read).update(node.inputs)
        return inner - read

    def _needed(self, number: int) -> list[Node]:
        """Return the nodes of a round with one value for each sample that are read after its shards."""
        later = (n for n in self._nodes if self._roles[n].round > number or self._roles[n].by == "all")
        sources = dict.fromkeys(source for node in later for source in node.inputs)
        sources |= dict.fromkeys(self._outputs.values())
        return [
            source
            for source in sources
            if self._roles[source].kind == "sample"
            and self._roles[source].round == number
            and not isinstance(source.op, Input)
        ]


def shard_roles(nodes: Sequence[Node], samples: Collection[str]) -> dict[Node, Role]:
    """Return how each node depends on the samples, as ``batch_axis.roles``, with three differences.

    A value of the whole batch that every device has, such as a matrix of similarities, is ``"shared"``: a
    node that combines it with samples reads the rows of its shard. Reductions that ``COMBINED`` lacks are
    ``"all"``. And the transpose of a result of shards is computed in each shard, where XLA merges it with
    what computes the result: the sum of all shards would otherwise read them in the order of the transpose.

    Args:
        nodes: in topological order.
        samples: labels of the inputs with samples.
    """
    roles: dict[Node, Role] = {}
    for node in nodes:
        if isinstance(node.op, Input | Constant):
            is_sample = isinstance(node.op, Input) and node.op.label in samples
            roles[node] = Role("sample", axis=0) if is_sample else Role("shared")
        else:
            roles[node] = _shard_role(node, [roles[source] for source in node.inputs])
    return roles


def _is_transposed_result(node: Node, inputs: Sequence[Role]) -> bool:
    """Return whether a node only transposes a result of shards, as the gradient of a weight matrix is."""
    return isinstance(node.op, Transpose) and inputs[0].kind == "reduced" and inputs[0].by in COMBINED


def _shard_role(node: Node, inputs: Sequence[Role]) -> Role:
    op: Any = node.op
    if _is_transposed_result(node, inputs):
        return inputs[0]
    latest = max((role.round + (role.kind == "reduced") for role in inputs), default=0)
    if isinstance(op, Extent):
        return Role("shared", latest)
    if all(role.kind != "sample" for role in inputs):
        is_drawn = isinstance(op, Draw) and isinstance(op.batch((None,)), Apart)
        return Role("sample", latest, 0) if is_drawn else Role("shared", latest)
    axes = []
    for source, role in zip(node.inputs, inputs, strict=True):
        undivided = batch_axes(source)
        is_sliced = len(undivided) == 1 and source.shape[undivided[0]] == BATCH
        if role.kind != "sample" and undivided and not is_sliced:
            return Role("reduced", latest, by="all")
        axes.append(role.axis if role.kind == "sample" else next(iter(undivided), None))
    rule = op.batch(tuple(axes), *(source.spec for source in node.inputs))
    if isinstance(rule, Apart):
        return Role("sample", latest, rule.axis)
    if isinstance(rule, Shared):
        return Role("shared", latest)
    by = rule.by if isinstance(rule, Reduced) and rule.by in COMBINED else "all"
    return Role("reduced", latest, by=by)


def batch_axes(node: Node) -> list[int]:
    """Return the axes whose length depends on the number of samples."""
    return [
        axis
        for axis, length in enumerate(node.shape)
        if isinstance(length, Size) and any("B" in monomial for monomial, _ in length.terms)
    ]


class _Run:
    """The values of one traced step.

    Args:
        roles: the role of each node.
        inner: results of shards that are read only in shards.
        batch: the number of samples.
        devices: the number of devices.
        rows: returns the inputs with samples for row numbers within the batch.
        shards: the number of shards of each device, as a traced value.
        indices: notes indices outside their table.
    """

    def __init__(
        self,
        roles: Mapping[Node, Role],
        inner: Collection[Node],
        batch: int,
        devices: int,
        rows: Callable[[Array], Mapping[str, Array]],
        shards: Array,
        indices: Indices,
    ) -> None:
        self._roles, self._inner, self._batch, self._rows = roles, inner, batch, rows
        self._shards, self._count, self._indices = shards, SHARDS // devices, indices
        self._length = -(-batch // SHARDS)
        self._is_padded = batch % SHARDS != 0
        self.values: Values = {}  # the same on every device
        self._stacked: Values = {}  # of each shard of this device: (shards, ...)

    def round(self, nodes: Sequence[Node], needed: Sequence[Node]) -> None:
        """Add the values of a round.

        Args:
            nodes: the nodes of the round in topological order.
            needed: those with samples that are needed after the round.
        """
        shared = [node for node in nodes if self._roles[node].kind == "shared"]
        for node in shared:
            if isinstance(node.op, Extent):  # its input may be divided
                shape = (size_at(length, self._sizes) for length in node.inputs[0].shape)
                count = math.prod(n for axis, n in enumerate(shape) if axis in node.op.axes)
                self.values[node] = jnp.asarray(count, node.op.dtype)
        compute(shared, self.values, self._whole_card, self._indices)
        undivided = [node for node in nodes if self._roles[node].by == "all"]
        in_shards = [
            node for node in nodes if self._roles[node].kind != "shared" and self._roles[node].by != "all"
        ]
        reduced = [node for node in in_shards if self._roles[node].kind == "reduced"]
        read = [node for node in reduced if node not in self._inner]
        if needed or reduced:
            samples, partial, position = self._in_each_shard(
                lambda shard: self._shard(shard, in_shards, (needed, reduced, read))
            )
            self._stacked.update(zip(needed, samples, strict=True))
            self._indices.note(self._of_all(position))
            for node, parts in zip(read, partial, strict=True):
                self.values[node] = _combined(self._of_all(parts), self._roles[node].by)
        for node in undivided:
            inputs = [self.whole_value(source) for source in node.inputs]
            self.values[node] = lowered(self._whole_card(node), self._indices, inputs)

    def _of_all(self, parts: Array) -> Array:
        """Return the parts of all shards from those of the shards of each device."""
        return parts if self._count == SHARDS else lax.all_gather(parts, AXIS, tiled=True)

    def _whole_card(self, node: Node) -> Any:
        return at_sizes(node, self._sizes)

    @property
    def _sizes(self) -> dict[str, int]:
        return {"B": self._batch}

    def _in_each_shard(self, function: Callable[[Array], Any]) -> Any:
        """Return the results of a function of a shard of this device, stacked."""
        shapes = jax.eval_shape(function, jnp.int64(0))
        empty = jax.tree.map(lambda s: jnp.zeros((self._count, *s.shape), s.dtype), shapes)

        def step(shard: Array, results: Any) -> Any:
            return jax.tree.map(
                lambda stack, x: lax.dynamic_update_index_in_dim(stack, x, shard, 0), results, function(shard)
            )

        return lax.fori_loop(0, self._shards, step, empty)

    def _shard(
        self, shard: Array, nodes: Sequence[Node], kinds: tuple[Sequence[Node], ...]
    ) -> tuple[list[Array], list[Array], Array]:
        """Return values of one shard: those that are read later, and the place of a wrong index or 0.

        Args:
            shard: the number of the shard on this device.
            nodes: all nodes of the round that are computed in shards.
            kinds: of these the ones with samples that are needed later, the reduced ones, and of the latter
                those that are read after the shards.
        """
        needed, reduced, read = kinds
        number = lax.axis_index(AXIS).astype(jnp.int64) * self._count + shard
        places = number * self._length + jnp.arange(self._length)
        rows = jnp.minimum(places, self._batch - 1)
        values = self._leaf_values(shard, nodes, rows)
        for node in nodes:
            if isinstance(node.op, Draw) and self._roles[node.inputs[0]].kind != "sample":
                values[node] = self._draw(node, values, number)
        indices = Indices(number)
        cards = {**self._sizes, "B": self._length}
        apart = [node for node in nodes if self._roles[node].kind == "sample"]
        compute(apart, values, lambda node: at_sizes(node, cards), indices)
        samples = [values[node] for node in needed]
        if self._is_padded:
            values = self._without_copies(values, reduced, places < self._batch)
        compute(reduced, values, lambda node: at_sizes(node, cards), indices)
        return samples, [values[node] for node in read], indices.position

    def _leaf_values(self, shard: Array, nodes: Sequence[Node], rows: Array) -> Values:
        """Return all values that the nodes of a shard read and do not compute."""
        values: Values = {}
        inputs = self._rows(rows)
        own = set(nodes)
        sources = dict.fromkeys(source for node in nodes for source in node.inputs if source not in own)
        for source in sources:
            op: Any = source.op
            if self._roles[source].kind == "sample":
                values[source] = inputs[op.label] if isinstance(op, Input) else self._stacked[source][shard]
            elif axes := batch_axes(source):
                values[source] = jnp.take(self.values[source], rows, axis=axes[0])
            else:
                values[source] = self.values[source]
        return values

    def _draw(self, node: Node, values: Values, number: Array) -> Array:
        """Return the random numbers of a shard: those that the whole batch has at its places."""
        op: Any = at_sizes(node, {"B": self._length})
        key = values[node.inputs[0]]
        begin = number.astype(jnp.uint64) * math.prod(op.shape) if key.ndim == 1 else 0
        return random.draw(op, key, begin)

    def _without_copies(self, values: Values, reduced: Sequence[Node], is_real: Array) -> Values:
        """Return values with zeros in the rows that fill the last shard, for the inputs of sums."""
        masked = dict(values)
        for node in reduced:
            if self._roles[node].by != "sum":
                continue  # a copy changes no maximum and no minimum
            for source in node.inputs:
                axis = self._sample_axis(source)
                if axis is not None and source.dtype not in ("int32", "int64", "uint32"):
                    x = values[source]
                    is_kept = jnp.repeat(is_real, x.shape[axis] // self._length)
                    is_kept = is_kept.reshape(-1, *(1,) * (x.ndim - 1 - axis))
                    masked[source] = jnp.where(is_kept, x, jnp.zeros((), x.dtype))
        return masked

    def _sample_axis(self, node: Node) -> int | None:
        role = self._roles[node]
        return role.axis if role.kind == "sample" else next(iter(batch_axes(node)), None)

    def whole_value(self, node: Node) -> Array:
        """Return a value for the whole batch, gathered from all shards if it has samples."""
        role = self._roles[node]
        if role.kind != "sample":
            return self.values[node]
        if isinstance(node.op, Input):
            return self._rows(jnp.arange(self._batch))[node.op.label]
        axis = role.axis or 0
        parts = jnp.moveaxis(self._of_all(self._stacked[node]), 0, axis)
        merged = parts.reshape(*parts.shape[:axis], -1, *parts.shape[axis + 2 :])
        length = size_at(node.shape[axis], self._sizes)
        return lax.slice_in_dim(merged, 0, length, axis=axis)


def _combined(parts: Array, by: str) -> Array:
    """Return the results of all shards combined in the order of the shards: (SHARDS, ...) -> (...)."""
    return lax.optimization_barrier(reduce(COMBINED[by], list(parts)))
