"""What recurrent layers share: reading a sequence cell by cell, with masks, and handing on what was read.

A recurrent layer of one's own says how many states it has (``memory``) and gives, in ``begin``, the sequences
its step reads and the step itself::

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

from chainrule.errors import ShapeError
from chainrule.graph import Node, constant
from chainrule.nn.layer import Layer, Value, layer
from chainrule.nn.scope import Scope
from chainrule.nn.validation import require, require_number, require_whole
from chainrule.ops import PUBLIC
from chainrule.ops.scan.scan_builder import scan
from chainrule.spec import Shape, shape_text

Step: TypeAlias = Callable[[Sequence[Node], Sequence[Node]], tuple[Node, Sequence[Node]]]
RETURNS = ("last", "sequence", "all")
NAMES = ("sequence", "mask")


@layer
class Recurrent(Layer):
    """Base of the layers that read a sequence cell by cell.

    Input: one node (B, T, C), or nodes by name: ``sequence``, and if wanted ``mask`` (B, T), true where a
    cell counts, and a first value for each state (``hidden``, for an LSTM also ``cell``), 0 by default. A
    cell that does not count leaves the states as they are.

    Args:
        units: how many numbers a state holds.
        returns: ``"last"``: what is said after the last cell, (B, units); ``"sequence"``: what is said at
            every cell, (B, T, units); ``"all"``: the sequence and the last states, by name.
        reverse: whether to read from the last cell to the first; what is said stays at the place of its cell.
        dropout: in training, the share of input channels that a sequence loses, the same at every cell.
        recurrent_dropout: likewise of what a step reads from the step before.
    """

    memory: ClassVar[tuple[str, ...]] = ("hidden",)
    units: int
    _: KW_ONLY
    returns: str = "last"
    reverse: bool = False
    dropout: float = 0.0
    recurrent_dropout: float = 0.0

    def check(self) -> None:
        require_whole(self, "units", 1, fix=f"cr.{type(self).__name__}(64)")
        require(self, "returns", self.returns in RETURNS, " or ".join(f'"{name}"' for name in RETURNS))
        require(self, "reverse", isinstance(self.reverse, bool), "True or False")
        for name in ("dropout", "recurrent_dropout"):
            require_number(self, name, least=0, below=1)

    def begin(self, x: Node, scope: Scope) -> tuple[Sequence[Node], Step]:
        """The sequences a step reads, and the step: (states, cells) -> (what is said, states after it)."""
        raise TypeError(f"the recurrent layer {type(self).__name__} defines no begin(self, x, scope)")

    def shapes(self, x: Node) -> dict[str, Shape]:
        """The shape of each state, samples first."""
        return dict.fromkeys(self.memory, (x.shape[0], self.units))

    def __call__(self, x: Value, scope: Scope) -> Value:  # x (B, T, C) -> (B, units), by default
        given = taken(type(self).__name__, x, self.memory)
        sequence, mask = given["sequence"], given.get("mask")
        self.require_form(sequence)
        sequences, step = self.begin(self._thinned(sequence, scope), scope)
        states = self._first(given, sequence)
        if mask is not None:
            sequences, step = _masked(sequences, step, mask, sequence)
        voice: list[int] = []  # which state is what is said, if one is: then its last value is at hand

        def turn(before: Any, cells: Any) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
            said, after = step(before, cells)
            voice[:] = [i for i, state in enumerate(after) if state is said]
            return tuple(after), (said,)

        finals, (said,) = scan(turn, states, tuple(sequences), reverse=self.reverse)
        if self.returns == "all":
            return {"sequence": said, **dict(zip(self.memory, finals, strict=True))}
        if self.returns == "last":
            return finals[voice[0]] if voice else said[:, 0 if self.reverse else -1]
        return said

    def require_form(self, x: Node) -> None:
        """Refuse what is no sequence of cells.

        Fails:
            ShapeError E208: the input is not (B, T, C).
        """
        self.require_rank(x, 3, "(B, T, C)")

    def require_rank(self, x: Node, rank: int, expected: str) -> None:
        """Refuse a sequence whose cells have another form, or that has no cell."""
        if x.rank != rank or not all(isinstance(n, int) for n in x.shape[2:]):
            raise ShapeError(
                "E208", op=type(self).__name__, constraint="sequences of cells of fixed size",
                expected=expected, received=shape_text(x.shape),
                fix="cr.Embedding(...) before it, or x[:, :, None]",
            )  # fmt: skip

    def _first(self, given: Mapping[str, Node], x: Node) -> tuple[Node, ...]:
        """The states before the first cell."""
        found = []
        for name, shape in self.shapes(x).items():
            state = given.get(name)
            if state is None:
                state = PUBLIC["broadcast_to"](constant(0.0, x.dtype), shape)
            elif state.shape != shape:
                raise ShapeError(
                    "E208", op=type(self).__name__, constraint=f"a first {name} state for every sample",
                    expected=shape_text(shape), received=shape_text(state.shape),
                )  # fmt: skip
            found.append(state)
        return tuple(found)

    def _thinned(self, x: Node, scope: Scope) -> Node:
        """The sequence without the channels that dropout takes from it."""
        shape = (x.shape[0], *(1,) * (x.rank - 2), x.shape[-1])
        return x * kept(self.dropout, "dropout", shape, x, scope) if self.dropout and scope.training else x

    def heard(self, x: Node, scope: Scope) -> Callable[[Node], Node]:
        """What a step hears of the step before: all of it, or in training what dropout leaves."""
        if not (self.recurrent_dropout and scope.training):
            return lambda hidden: hidden
        shape = (x.shape[0], *(1,) * (x.rank - 3), self.units)
        share = kept(self.recurrent_dropout, "recurrent_dropout", shape, x, scope)
        return lambda hidden: hidden * share


def kept(rate: float, name: str, shape: Shape, like: Node, scope: Scope) -> Node:
    """Factors that drop a share of something and enlarge the rest: 0 or 1 / (1 - rate)."""
    drawn = scope.uniform(name, shape) >= rate
    return drawn.astype(like.dtype) * (1.0 / (1.0 - rate))


def taken(owner: str, x: Value, memory: Sequence[str]) -> Mapping[str, Node]:
    """The inputs of a recurrent layer by name.

    Fails:
        ShapeError E208: a name that it does not know, or no sequence.
    """
    given = x if isinstance(x, Mapping) else {"sequence": x}
    allowed = (*NAMES, *memory)
    if "sequence" not in given or any(name not in allowed for name in given):
        raise ShapeError(
            "E208", op=owner, constraint="a sequence, and what belongs to it, by name",
            expected=f"sequence, and if wanted {', '.join(allowed[1:])}", received=", ".join(given),
            fix='{"sequence": x, "mask": mask}',
        )  # fmt: skip
    return given


def _masked(sequences: Sequence[Node], step: Step, mask: Node, x: Node) -> tuple[tuple[Node, ...], Step]:
    """The step, which a cell that does not count leaves without effect; what is said is then said again."""
    require_mask("a recurrent layer", mask, x)

    def turned(states: Sequence[Node], cells: Sequence[Node]) -> tuple[Node, Sequence[Node]]:
        *own, counts = cells
        said, after = step(states, own)
        held = [PUBLIC["where"](_wide(counts, s), new, s) for new, s in zip(after, states, strict=True)]
        speaks = next((h for h, new in zip(held, after, strict=True) if new is said), None)
        if speaks is None:
            speaks = PUBLIC["where"](_wide(counts, said), said, said * 0.0)
        return speaks, held

    return (*sequences, mask), turned


def _wide(counts: Node, like: Node) -> Node:
    """A yes or no of each sample, for all of its numbers."""
    return PUBLIC["broadcast_to"](
        PUBLIC["reshape"](counts, (counts.shape[0], *(1,) * (like.rank - 1))), like.shape
    )


def require_mask(owner: str, mask: Node, x: Node) -> None:
    """Refuse a mask that does not say yes or no for every cell.

    Fails:
        ShapeError E208: its shape or its kind is another.
    """
    if mask.shape != x.shape[:2] or mask.dtype != "bool":
        raise ShapeError(
            "E208", op=owner, constraint="a mask that says for every cell whether it counts",
            expected=f"bool{shape_text(x.shape[:2])}", received=mask.spec, fix="mask.astype(\"bool\")",
        )  # fmt: skip
