"""LeNet-5: two convolutions with pooling and three dense layers; the ancestor of convolutional networks."""

from __future__ import annotations

from chainrule.models.model_card import ModelCard, image, require_counts
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Flatten, Sequential
from chainrule.nn.layers.convolution import Conv, Padding
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.pooling import AveragePool


def lenet5(
    classes: int = 10, activation: str | Layer | None = "tanh", padding: Padding = "valid"
) -> Sequential:
    """Build LeNet-5, a network for handwritten digits, in its usual modern form.

    Sizes and channels are those of the paper, with four differences. C3 uses all six maps of S2, where table
    I of the paper omits connections (1,516 parameters there, 2,416 here). S2 and S4 are plain means; those of
    the paper are multiplied by a parameter and followed by an activation (12 and 32 parameters). The
    activation is tanh(x) instead of 1.7159 tanh(2x/3). The output is a dense layer for a cross entropy
    instead of distances to ten fixed digit images (850 parameters here, none there). Therefore, the paper's
    network has 156 + 12 + 1,516 + 32 + 48,120 + 10,164 = 60,000 parameters, and this one 156 + 2,416 + 48,120
    + 10,164 + 850 = 61,706.

    Shapes: (B, 32, 32, 1) -> (B, classes). Other sizes of at least 16 x 16 work too and change the size of
    C5.

    Args:
        classes: number of classes.
        activation: activation function; ``"relu"`` is the usual choice today.
        padding: ``"same"`` for C1 results in the paper's sizes for the 28 x 28 images of MNIST.

    Raises:
        UsageError E101, E102: an unknown activation or padding; classes below 1.
        ShapeError E215: an image below 16 x 16 (12 x 12 with padding); the error shows the computation.

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
        c5=Dense(120, activation),  # equals a convolution of 5 x 5 over 5 x 5 positions
        f6=Dense(84, activation),
        output=Dense(classes),
    )


LENET5 = ModelCard(
    lenet5,
    "LeNet-5 卷积网络",
    (
        "Recognizes handwritten digits: the first widely used convolutional network.",
        "识别手写数字：第一个得到广泛应用的卷积网络。",
    ),
    61_706,
    "the paper's figure 2, added up in the docstring",
    "LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition "
    "(Proceedings of the IEEE 86)",
    image(32, 32, 1),
)
