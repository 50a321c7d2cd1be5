"""LeNet-5: convolution, pooling, convolution, pooling, dense layers; the form all later nets grew from."""

from __future__ import annotations

from chainrule.models.model_card import Model, image, require_counts
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Flatten, Sequential
from chainrule.nn.layers.convolution import Conv, Padding
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.pooling import AveragePool


def lenet5(
    classes: int = 10, activation: str | Layer | None = "tanh", padding: Padding = "valid"
) -> Sequential:
    """The net that read handwritten digits on bank cheques, in the form in which it is usually written.

    Sizes and channels are the paper's. Modern in ours are four things. C3 sees all six maps of S2, where
    table I of the paper leaves connections out (1,516 numbers there, 2,416 here). S2 and S4 are plain means;
    the paper's are multiplied by a number and bent as well (12 and 32 numbers). The activation is tanh(x),
    not 1.7159 tanh(2x/3). The output is a dense layer for a cross entropy, not the distances to ten drawn
    digits (850 numbers here, none that learns there). So the paper's net learns 156 + 12 + 1,516 + 32 +
    48,120 + 10,164 = 60,000 numbers, and this one 156 + 2,416 + 48,120 + 10,164 + 850 = 61,706.

    Shapes: (B, 32, 32, 1) -> (B, classes). Other sizes from 16 x 16 on work too; C5 is as large as they ask.

    Args:
        classes: how many answers there are.
        activation: what bends the sums; ``"relu"`` is what one would choose today.
        padding: ``"same"`` around C1 makes of the 28 x 28 digits of MNIST what the paper makes of 32 x 32.

    Fails:
        UsageError E101, E102: no such activation or padding; classes below 1.
        ShapeError E215: an image below 16 x 16 (12 x 12 with padding), told with the arithmetic.

    Example:
        >>> print(lenet5())
        Sequential(
          c1: Conv(6, 5, activation='tanh')
          s2: AveragePool(2)
          c3: Conv(16, 5, activation='tanh')
          s4: AveragePool(2)
          flatten: Flatten()
          c5: Dense(120, activation='tanh')
          f6: Dense(84, activation='tanh')
          output: Dense(10)
        )

    Reference: LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document
    recognition (Proceedings of the IEEE 86), figure 2 and section II.B.
    """
    require_counts("lenet5", classes=classes)
    return Sequential(
        c1=Conv(6, 5, padding=padding, activation=activation),  # (B, 32, 32, 1) -> (B, 28, 28, 6)
        s2=AveragePool(2),  # -> (B, 14, 14, 6)
        c3=Conv(16, 5, activation=activation),  # -> (B, 10, 10, 16)
        s4=AveragePool(2),  # -> (B, 5, 5, 16)
        flatten=Flatten(),  # -> (B, 400)
        c5=Dense(120, activation),  # a convolution of 5 x 5 over 5 x 5 places would give the same sums
        f6=Dense(84, activation),
        output=Dense(classes),
    )


LENET5 = Model(
    lenet5,
    "LeNet-5 卷积网络",
    (
        "Reads handwritten digits: the first convolutional net in wide use.",
        "识别手写数字：第一个得到广泛应用的卷积网络。",
    ),
    61_706,
    "the paper's figure 2, added up in the docstring",
    "LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition "
    "(Proceedings of the IEEE 86)",
    image(32, 32, 1),
)
