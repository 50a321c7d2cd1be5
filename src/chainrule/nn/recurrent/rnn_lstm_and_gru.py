"""The three recurrent cells: RNN, LSTM and GRU.

The products of all inputs with their weights are computed before the loop, as one large product instead of T
small ones. Each step only computes the product with the previous state, and elementwise operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import activated, known_activation
from chainrule.nn.initializer import XAVIER, Blocks, Fill, Initializer, known_initializer
from chainrule.nn.layer import layer
from chainrule.nn.recurrent.sequence_loop import Recurrent, Step
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.scan.scan_builder import lettered
from chainrule.symbolic_shape import Shape, bound, count, shape_text
from chainrule.validation import require, require_integer, require_number


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


GATES = Blocks((XAVIER,) * 4)


@layer
class ConvLSTM(Recurrent):
    """Convolutional LSTM: reads a sequence of images; its states are images.

    Shapes: (B, T, *space, C) -> (B, *space', units), or (B, T, *space', units) with ``returns="sequence"``,
        with one to three spatial axes; the states are (B, *space', units).

    Formula: that of ``LSTM``, with convolutions in the place of products; the one over the states keeps their
        size.

    Args:
        units: the number of channels of a state.
        kernel_size: the kernel size of both convolutions, along every axis.
        padding, stride: as in ``Conv``; of the convolution of the image.
        activation, recurrent_activation, forget_bias: as in ``LSTM``.

    Raises:
        ShapeError E208: the input is not a sequence of images. E215: the window is wider than the image.
        UsageError E101, E102: unknown activation; a setting out of its range.

    Example:
        >>> print(ConvLSTM(4, padding="same"))
        ConvLSTM(4, padding='same')

    Reference: Shi and others (2015), Convolutional LSTM network: a machine learning approach for
    precipitation nowcasting (NeurIPS).
    """

    chinese = ("卷积长短期记忆层", "读图像序列，在每个像素处保留记忆。")
    memory = ("hidden", "cell")
    _: KW_ONLY
    kernel_size: int = 3
    padding: str = "valid"
    stride: int = 1
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    forget_bias: float = 1.0

    def check(self) -> None:
        super().check()
        require_integer(self, "kernel_size", 1, fix="kernel_size=3")
        require_integer(self, "stride", 1, fix="stride=1")
        require_number(self, "forget_bias")
        for name in (self.activation, self.recurrent_activation):
            known_activation(name)

    def require_form(self, x: Node) -> None:
        if not 4 <= x.rank <= 6 or not all(isinstance(n, int) for n in x.shape[2:]):
            constraint = fact("sequences of images of fixed size")
            received = shape_text(x.shape)
            raise ShapeError(
                "E208", op="ConvLSTM", constraint=constraint, expected="(B, T, *space, C)", received=received
            )

    def shapes(self, x: Node) -> dict[str, Shape]:
        space = bound(x.shape[2:-1])
        if self.padding == "same":
            after = tuple(-(-n // self.stride) for n in space)
        else:
            after = tuple((n - self.kernel_size) // self.stride + 1 for n in space)
        return dict.fromkeys(self.memory, (x.shape[0], *after, self.units))

    def begin(self, x: Node, scope: Scope) -> tuple[Sequence[Node], Step]:  # x (B, T, *space, C)
        samples, steps, image = x.shape[0], x.shape[1], x.shape[2:]
        images = F.reshape(x, (count((samples, steps)), *image))
        window = (self.kernel_size,) * (x.rank - 3)
        weight = scope.parameter("weight", (4 * self.units, *window, *bound(x.shape[-1:])), GATES)
        first = Blocks(tuple(Fill(value) for value in (0.0, self.forget_bias, 0.0, 0.0)))
        bias = scope.parameter("bias", (4 * self.units,), first)
        z = F.convolution(images, weight, self.stride, self.padding) + bias  # (B T, *space', 4 units)
        offered, hear = F.reshape(z, (samples, steps, *z.shape[1:])), self.recurrent_input(x, scope)
        recurrent = scope.parameter("recurrent", (4 * self.units, *window, self.units), GATES)

        def step(states: Sequence[Node], cells: Sequence[Node]) -> tuple[Node, Sequence[Node]]:
            hidden, cell = states
            own = F.convolution(hear(hidden), recurrent, padding="same")
            z = [a + b for a, b in zip(self._parts(own), self._parts(cells[0]), strict=True)]
            i, f, o = (activated(z[k], self.recurrent_activation, scope) for k in (0, 1, 3))
            after = f * cell + i * activated(z[2], self.activation, scope)
            output = o * activated(after, self.activation, scope)
            return output, (output, after)

        return (offered,), step

    def _parts(self, z: Node) -> list[Node]:
        """Return the share of each gate in the channels."""
        return [z[..., k * self.units : (k + 1) * self.units] for k in range(4)]
