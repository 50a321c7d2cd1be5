"""The three recurrent cells: RNN, LSTM and GRU.

The products of all inputs with their weights are computed before the loop, as one large product instead of T
small ones. Each step only computes the product with the previous state, and elementwise operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.activation import activated, known_activation
from chainrule.nn.initializer import Blocks, Fill, Initializer, known_initializer
from chainrule.nn.layer import layer
from chainrule.nn.recurrent.sequence_loop import Recurrent, Step
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.scan.scan_builder import lettered
from chainrule.symbolic_shape import count
from chainrule.validation import require, require_number


@layer
class _Gated(Recurrent):
    """A recurrent layer of products with its input and its state.

    Args:
        weight_initializer, recurrent_initializer: initial values of the weights, of each gate for itself.
    """

    _: KW_ONLY
    activation: str = "tanh"
    bias: bool = True
    weight_initializer: str | Initializer = "xavier"
    recurrent_initializer: str | Initializer = "orthogonal"

    def check(self) -> None:
        super().check()
        known_activation(self.activation)
        require(self, "bias", isinstance(self.bias, bool), fact("True or False"))
        for init in (self.weight_initializer, self.recurrent_initializer):
            known_initializer(init)

    def weights(self, gates: int, name: str, width: int, scope: Scope) -> Node:
        """Return the weights of all gates, (gates units, width), transposed.

        Args:
            gates: the number of gates.
            name: the name of the parameter.
            width: the number of inputs.
            scope: the scope of the layer.
        """
        init = known_initializer(self.weight_initializer if name == "weight" else self.recurrent_initializer)
        shape = (gates * self.units, width)
        return scope.parameter(name, shape, Blocks((init,) * gates) if gates > 1 else init).T

    def offered(self, x: Node, gates: int, scope: Scope, first: Sequence[float] = ()) -> Node:
        """Return what the inputs and biases add to the gates of all cells: (B, T, C) -> (B, T, gates units).

        Args:
            x: the sequence, (B, T, C).
            gates: the number of gates.
            scope: the scope of the layer.
            first: the initial bias of each gate; 0 by default.
        """
        samples, steps, width = x.shape[0], x.shape[1], int(str(x.shape[-1]))
        rows = F.reshape(x, (count((samples, steps)), width))
        z = rows @ self.weights(gates, "weight", width, scope)  # (B T, C) (C, gates units)
        if self.bias:
            init = Blocks(tuple(Fill(value) for value in first)) if first else Fill(0.0)
            z = z + scope.parameter("bias", (gates * self.units,), init)
        return F.reshape(z, (samples, steps, gates * self.units))

    def parts(self, z: Node, gates: int) -> list[Node]:
        """Return the share of each gate in the last axis.

        Args:
            z: the weighted sums of all gates, (B, gates units).
            gates: the number of gates.
        """
        return [z[..., i * self.units : (i + 1) * self.units] for i in range(gates)]


@layer
class RNN(_Gated):
    """Simple recurrent layer: the state is a function of the input and the previous state.

    Shapes: (B, T, C) -> (B, units), or (B, T, units) with ``returns="sequence"``; see ``Recurrent``.

    Formula: h[t] = g(x[t] W^T + h[t-1] U^T + b).

    Args:
        units: the size of the state.
        activation: the name of g.
        bias: whether to add b.
        weight_initializer, recurrent_initializer: initial values of W and U.

    Cost: 2 B T units (C + units) flops forward.

    Raises:
        ShapeError E208: the input is not a sequence (B, T, C), or a mask or a state does not fit it.
        UsageError E101, E102: unknown activation; a setting out of its range.

    Example:
        >>> print(RNN(8, returns="sequence"))
        RNN(8, returns='sequence')

    Reference: Elman (1990), Finding structure in time (Cognitive Science 14).
    """

    chinese = ("循环神经网络层", "隐状态逐步更新，把序列读一遍。")

    def begin(self, x: Node, scope: Scope) -> tuple[Sequence[Node], Step]:  # x (B, T, C)
        offered, hear = self.offered(x, 1, scope), self.recurrent_input(x, scope)
        recurrent = self.weights(1, "recurrent", self.units, scope)

        def step(states: Sequence[Node], cells: Sequence[Node]) -> tuple[Node, Sequence[Node]]:
            hidden = activated(hear(states[0]) @ recurrent + cells[0], self.activation, scope)
            return hidden, (hidden,)

        return (offered,), step


@layer
class LSTM(_Gated):
    """LSTM: a recurrent layer with a cell state that is controlled by input, forget and output gates.

    The memory is passed from step to step by multiplication with a number near 1 and addition, so that
    its gradient neither vanishes nor explodes.

    Shapes: (B, T, C) -> (B, units), or (B, T, units) with ``returns="sequence"``; see ``Recurrent``.

    Formula: i, f, o = s(x[t] W^T + h[t-1] U^T + b), each with its own rows of W, U and b; m = g(in the same
        way); c[t] = f c[t-1] + i m, h[t] = o g(c[t]). The rows are in the order i, f, m, o.

    Args:
        units: the size of each state.
        activation: the name of g.
        bias: whether to add b.
        recurrent_activation: the name of s.
        forget_bias: the initial bias of the forget gate f; above 0, the memory is initially kept.
        weight_initializer, recurrent_initializer: initial values of W and U, of each gate for itself.

    Cost: 8 B T units (C + units) flops forward.

    Raises:
        ShapeError E208: the input is not a sequence (B, T, C), or a mask or a state does not fit it.
        UsageError E101, E102: unknown activation; a setting out of its range.

    Example:
        >>> print(LSTM(32))
        LSTM(32)

    Reference: Hochreiter and Schmidhuber (1997), Long short-term memory (Neural Computation 9); Gers,
    Schmidhuber and Cummins (2000), Learning to forget (Neural Computation 12).
    """

    chinese = ("长短期记忆层 (LSTM)", "带门和记忆单元的循环层，能记住很久以前。")
    memory = ("hidden", "cell")
    _: KW_ONLY
    recurrent_activation: str = "sigmoid"
    forget_bias: float = 1.0

    def check(self) -> None:
        super().check()
        known_activation(self.recurrent_activation)
        require_number(self, "forget_bias")

    def begin(self, x: Node, scope: Scope) -> tuple[Sequence[Node], Step]:  # x (B, T, C)
        offered = self.offered(x, 4, scope, (0.0, self.forget_bias, 0.0, 0.0))
        recurrent, hear = self.weights(4, "recurrent", self.units, scope), self.recurrent_input(x, scope)

        def step(states: Sequence[Node], cells: Sequence[Node]) -> tuple[Node, Sequence[Node]]:
            hidden, cell = states
            own, input_parts = self.parts(hear(hidden) @ recurrent, 4), self.parts(cells[0], 4)
            z = [a + b for a, b in zip(own, input_parts, strict=True)]
            i, f, o = (
                lettered(a, activated(z[k], self.recurrent_activation, scope))
                for a, k in (("i", 0), ("f", 1), ("o", 3))
            )
            m = lettered("m", activated(z[2], self.activation, scope))
            after = f * cell + i * m
            output = o * activated(after, self.activation, scope)
            return output, (output, after)

        return (offered,), step


@layer
class GRU(_Gated):
    """GRU: a recurrent layer with a reset and an update gate.

    Shapes: (B, T, C) -> (B, units), or (B, T, units) with ``returns="sequence"``; see ``Recurrent``.

    Formula: r, u = s(x[t] W^T + h[t-1] U^T + b), each with its own rows; m = g(x[t] W^T + b + r (h[t-1] U^T +
        a)), with its own rows; h[t] = (1 - u) m + u h[t-1]. The rows are in the order r, u, m.

    Args:
        units: the size of the state.
        activation: the name of g.
        bias: whether there are b and a.
        recurrent_activation: the name of s.
        weight_initializer, recurrent_initializer: initial values of W and U, of each gate for itself.

    Cost: 6 B T units (C + units) flops forward.

    Raises:
        ShapeError E208: the input is not a sequence (B, T, C), or a mask or a state does not fit it.
        UsageError E101, E102: unknown activation; a setting out of its range.

    Example:
        >>> print(GRU(32, dropout=0.1))
        GRU(32, dropout=0.1)

    Reference: Cho and others (2014), Learning phrase representations using RNN encoder-decoder (EMNLP); the
    form in which the reset gate acts after the product, as PyTorch and Keras have it.
    """

    chinese = ("门控循环单元层 (GRU)", "两个门决定保留多少旧状态。")
    _: KW_ONLY
    recurrent_activation: str = "sigmoid"

    def check(self) -> None:
        super().check()
        known_activation(self.recurrent_activation)

    def begin(self, x: Node, scope: Scope) -> tuple[Sequence[Node], Step]:  # x (B, T, C)
        offered, hear = self.offered(x, 3, scope), self.recurrent_input(x, scope)
        recurrent = self.weights(3, "recurrent", self.units, scope)
        inner = scope.parameter("recurrent_bias", (self.units,), Fill(0.0)) if self.bias else None

        def step(states: Sequence[Node], cells: Sequence[Node]) -> tuple[Node, Sequence[Node]]:
            (hidden,) = states
            own, input_parts = self.parts(hear(hidden) @ recurrent, 3), self.parts(cells[0], 3)
            r, u = (
                lettered(a, activated(own[k] + input_parts[k], self.recurrent_activation, scope))
                for k, a in enumerate("ru")
            )
            candidate = own[2] if inner is None else own[2] + inner
            m = lettered("m", activated(input_parts[2] + r * candidate, self.activation, scope))
            after = m + u * (hidden - m)
            return after, (after,)

        return (offered,), step
