"""The common part of recurrent layers: the loop over a sequence, masks and outputs.

A custom recurrent layer names its states in ``memory`` and returns, from ``begin``, the sequences its step
reads and the step itself::

    @cr.layer
    class Mean(cr.Recurrent):                                        # a running mean of the inputs
        memory = ("sum", "count")

        def begin(self, x, scope):                                   # x (B, T, C)
            def step(states, cells):
                total, count = states[0] + cells[0], states[1] + 1.0
                return total / count, (total, count)
            return (x,), step
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Any, ClassVar, TypeAlias

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.nn.layer import Layer, Value, layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.scan.scan_builder import scan
from chainrule.symbolic_shape import Shape, shape_text
from chainrule.validation import require, require_integer, require_number

Step: TypeAlias = Callable[[Sequence[Node], Sequence[Node]], tuple[Node, Sequence[Node]]]
RETURNS = ("last", "sequence", "all")
NAMES = ("sequence", "mask")


@layer
class Recurrent(Layer):
    """Base class of the layers that read a sequence step by step.

    Input: one node (B, T, C), or nodes by name: ``sequence``, and if wanted ``mask`` (B, T), true where a
    cell counts, and a first value for each state (``hidden``, for an LSTM also ``cell``), 0 by default. A
    cell that does not count leaves the states as they are.

    Args:
        units: the size of a state.
        returns: ``"last"``: the output after the last cell, (B, units); ``"sequence"``: the output at
            every cell, (B, T, units); ``"all"``: the sequence and the last states, by name.
        reverse: whether to read from the last cell to the first; outputs keep the positions of their cells.
        dropout: in training, the share of input channels that a sequence loses, the same at every cell.
        recurrent_dropout: in the same way of what a step reads from the step before.
    """

    memory: ClassVar[tuple[str, ...]] = ("hidden",)
    units: int
    _: KW_ONLY
    returns: str = "last"
    reverse: bool = False
    dropout: float = 0.0
    recurrent_dropout: float = 0.0

    def check(self) -> None:
        require_integer(self, "units", 1, fix=f"cr.{type(self).__name__}(64)")
        require(self, "returns", self.returns in RETURNS, " or ".join(f'"{name}"' for name in RETURNS))
        require(self, "reverse", isinstance(self.reverse, bool), fact("True or False"))
        for name in ("dropout", "recurrent_dropout"):
            require_number(self, name, minimum=0, below=1)

    def begin(self, x: Node, scope: Scope) -> tuple[Sequence[Node], Step]:
        """Return the sequences a step reads, and the step: (states, cells) -> (the output, the new states).

        Args:
            x: the sequence, (B, T, C).
            scope: the scope of the layer.
        """
        raise TypeError(f"the recurrent layer {type(self).__name__} defines no begin(self, x, scope)")

    def shapes(self, x: Node) -> dict[str, Shape]:
        """Return the shape of each state, samples first.

        Args:
            x: the sequence, (B, T, C).
        """
        return dict.fromkeys(self.memory, (x.shape[0], self.units))

    def __call__(self, x: Value, scope: Scope) -> Value:  # x (B, T, C) -> (B, units), by default
        inputs = inputs_of(type(self).__name__, x, self.memory)
        sequence, mask = inputs["sequence"], inputs.get("mask")
        self.require_form(sequence)
        sequences, step = self.begin(self._thinned(sequence, scope), scope)
        states = self._first(inputs, sequence)
        if mask is not None:
            sequences, step = _masked(sequences, step, mask, sequence)
        output_state: list[int] = []  # the state that equals the output, if one does

        def turn(before: Any, cells: Any) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
            output, after = step(before, cells)
            output_state[:] = [i for i, state in enumerate(after) if state is output]
            return tuple(after), (output,)

        finals, (output,) = scan(turn, states, tuple(sequences), reverse=self.reverse)
        if self.returns == "all":
            return {"sequence": output, **dict(zip(self.memory, finals, strict=True))}
        if self.returns == "last":
            return finals[output_state[0]] if output_state else output[:, 0 if self.reverse else -1]
        return output

    def require_form(self, x: Node) -> None:
        """Refuse what is no sequence of cells.

        Args:
            x: the input of the layer.

        Raises:
            ShapeError E208: the input is not (B, T, C).
        """
        self.require_rank(x, 3, "(B, T, C)")

    def require_rank(self, x: Node, rank: int, expected: str) -> None:
        """Refuse a sequence whose cells have another form, or that has no cell.

        Args:
            x: the input of the layer.
            rank: the number of axes that it needs.
            expected: its shape as a text, for the error.
        """
        if x.rank != rank or not all(isinstance(n, int) for n in x.shape[2:]):
            raise ShapeError(
                "E208",
                op=type(self).__name__,
                constraint=fact("sequences of cells of fixed size"),
                expected=expected,
                received=shape_text(x.shape),
                fix=fact("cr.Embedding(...) before it, or x[:, :, None]"),
            )

    def _first(self, inputs: Mapping[str, Node], x: Node) -> tuple[Node, ...]:
        """Return the states before the first cell."""
        states = []
        for name, shape in self.shapes(x).items():
            state = inputs.get(name)
            if state is None:
                state = F.broadcast_to(constant(0.0, x.dtype), shape)
            elif state.shape != shape:
                raise ShapeError(
                    "E208",
                    op=type(self).__name__,
                    constraint=fact("a first {name} state for every sample", name=name),
                    expected=shape_text(shape),
                    received=shape_text(state.shape),
                )
            states.append(state)
        return tuple(states)

    def _thinned(self, x: Node, scope: Scope) -> Node:
        """Return the sequence without the channels that dropout removes."""
        shape = (x.shape[0], *(1,) * (x.rank - 2), x.shape[-1])
        return (
            x * dropout_factors(self.dropout, "dropout", shape, x, scope)
            if self.dropout and scope.training
            else x
        )

    def recurrent_input(self, x: Node, scope: Scope) -> Callable[[Node], Node]:
        """Return what a step reads of the step before: all of it, or in training what dropout keeps.

        Args:
            x: a state of the step before.
            scope: the scope of the layer.
        """
        if not (self.recurrent_dropout and scope.training):
            return lambda hidden: hidden
        shape = (x.shape[0], *(1,) * (x.rank - 3), self.units)
        share = dropout_factors(self.recurrent_dropout, "recurrent_dropout", shape, x, scope)
        return lambda hidden: hidden * share


def dropout_factors(rate: float, name: str, shape: Shape, like: Node, scope: Scope) -> Node:
    """Return the factors of dropout: 0 for the dropped share, 1 / (1 - rate) for the rest."""
    is_kept = scope.uniform(name, shape) >= rate
    return is_kept.astype(like.dtype) * (1.0 / (1.0 - rate))


def inputs_of(owner: str, x: Value, memory: Sequence[str]) -> Mapping[str, Node]:
    """Return the inputs of a recurrent layer by name.

    Raises:
        ShapeError E208: an unknown name, or no sequence.
    """
    inputs = x if isinstance(x, Mapping) else {"sequence": x}
    allowed = (*NAMES, *memory)
    if "sequence" not in inputs or any(name not in allowed for name in inputs):
        constraint = fact("a sequence, and what belongs to it, by name")
        expected = fact("sequence, and if wanted {names}", names=", ".join(allowed[1:]))
        fix = '{"sequence": x, "mask": mask}'
        raise ShapeError(
            "E208", op=owner, constraint=constraint, expected=expected, received=", ".join(inputs), fix=fix
        )
    return inputs


def _masked(sequences: Sequence[Node], step: Step, mask: Node, x: Node) -> tuple[tuple[Node, ...], Step]:
    """Return the step, which leaves the states unchanged at masked cells; the output is repeated."""
    require_mask(fact("a recurrent layer"), mask, x)

    def turned(states: Sequence[Node], cells: Sequence[Node]) -> tuple[Node, Sequence[Node]]:
        *own, counts = cells
        output, after = step(states, own)
        new_states = [F.where(_wide(counts, s), new, s) for new, s in zip(after, states, strict=True)]
        new_output = next((h for h, new in zip(new_states, after, strict=True) if new is output), None)
        if new_output is None:
            new_output = F.where(_wide(counts, output), output, output * 0.0)
        return new_output, new_states

    return (*sequences, mask), turned


def _wide(counts: Node, like: Node) -> Node:
    """Return a boolean for each sample, broadcast to all of its numbers."""
    return F.broadcast_to(F.reshape(counts, (counts.shape[0], *(1,) * (like.rank - 1))), like.shape)


def require_mask(owner: str, mask: Node, x: Node) -> None:
    """Refuse a mask that is not true or false for every cell.

    Raises:
        ShapeError E208: its shape or dtype is wrong.
    """
    if mask.shape != x.shape[:2] or mask.dtype != "bool":
        constraint = fact("a mask that is true or false for every cell")
        expected = f"bool{shape_text(x.shape[:2])}"
        fix = 'mask.astype("bool")'
        raise ShapeError(
            "E208", op=owner, constraint=constraint, expected=expected, received=mask.spec, fix=fix
        )
