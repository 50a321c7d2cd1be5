"""An LSTM over images, with convolutions instead of matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import activated, known_activation
from chainrule.nn.initializer import XAVIER, Blocks, Fill
from chainrule.nn.layer import layer
from chainrule.nn.recurrent.sequence_loop import Recurrent, Step
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import Shape, bound, count, shape_text
from chainrule.validation import require_integer, require_number

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
