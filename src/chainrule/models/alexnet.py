"""AlexNet in two forms: as in its paper of 2012, and the single-GPU form for which weights are published.

The first was divided between two GPUs with 3 GB each. The halves exchange data only where every channel is
used: in the third convolution and in the dense layers; the other convolutions have two groups. The second
form (Krizhevsky 2014, "One weird trick") is slightly narrower, without groups and response normalization.
"""

from __future__ import annotations

from chainrule.models.model_card import ModelCard, chain, dense_head, image, require_counts
from chainrule.nn.layers.containers import Flatten, Sequential
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.normalization import LocalResponseNorm
from chainrule.nn.layers.pooling import AdaptiveAveragePool, MaxPool

# Section 3.3: k = 2, n = 5, alpha = 1e-4, beta = 0.75. LocalResponseNorm divides alpha by n, the paper does
# not.
RESPONSE = LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


def alexnet(classes: int = 1000, *, dropout: float = 0.5) -> Sequential:
    """Build AlexNet for one GPU, the form of published weights.

    Shapes: (B, 224, 224, 3) -> (B, classes); other sizes of at least 63 x 63 are pooled to the same 6 x 6
    positions.

    Args:
        classes: number of classes.
        dropout: dropout rate before the two wide dense layers; 0 omits the layers.

    Raises:
        UsageError E102: classes below 1, or a rate outside 0 to 1.
        ShapeError E215: an image below 63 x 63; the error shows the computation.

    Example:
        >>> print(alexnet(classes=10).layers[0])
        Conv(64, 11, stride=4, padding=2, activation='relu')

    Reference: Krizhevsky (2014), One weird trick for parallelizing convolutional neural networks; the same
    network as in torchvision.
    """
    require_counts("alexnet", classes=classes)
    return chain(
        conv1=Conv(64, 11, stride=4, padding=2, activation="relu"),  # (B, 224, 224, 3) -> (B, 55, 55, 64)
        pool1=MaxPool(3, 2),  # -> (B, 27, 27, 64)
        conv2=Conv(192, 5, padding=2, activation="relu"),
        pool2=MaxPool(3, 2),  # -> (B, 13, 13, 192)
        conv3=Conv(384, 3, padding=1, activation="relu"),
        conv4=Conv(256, 3, padding=1, activation="relu"),
        conv5=Conv(256, 3, padding=1, activation="relu"),
        pool5=MaxPool(3, 2),  # -> (B, 6, 6, 256)
        pool=AdaptiveAveragePool(6),
        flatten=Flatten(),  # -> (B, 9216)
        drop6=Dropout(dropout) if dropout else None,
        dense6=Dense(4096, "relu"),
        drop7=Dropout(dropout) if dropout else None,
        dense7=Dense(4096, "relu"),
        head=Dense(classes),
    )


def alexnet_2012(classes: int = 1000, *, dropout: float = 0.5) -> Sequential:
    """Build AlexNet as in the paper of 2012: two groups, and local response normalization.

    The parameters, weights and biases of figure 2:

    ======  ===============================  ===========
    conv1   96 x (11 x 11 x 3) + 96               34,944
    conv2   256 x (5 x 5 x 48) + 256             307,456
    conv3   384 x (3 x 3 x 256) + 384            885,120
    conv4   384 x (3 x 3 x 192) + 384            663,936
    conv5   256 x (3 x 3 x 192) + 256            442,624
    dense6  4096 x (6 x 6 x 256) + 4096       37,752,832
    dense7  4096 x 4096 + 4096                16,781,312
    head    1000 x 4096 + 1000                 4,097,000
    all                                       60,965,224
    ======  ===============================  ===========

    48 and 192 are half of 96 and 384: with two groups, a kernel uses the channels of its own GPU. Initial
    values are sampled by He's method, of a later paper, instead of N(0, 0.01) with some biases of 1 (section
    5).

    Shapes: (B, 224, 224, 3) -> (B, classes). The paper's 55 x 55 positions do not follow from 224 without
    padding, (224 - 11) / 4 + 1 = 54.25; with a padding of 2 they do.

    Args:
        classes: the number of outputs.
        dropout: the share of units that are dropped after each of the wide layers, from 0 to 1.

    Raises: as ``alexnet``.

    Example:
        >>> print(alexnet_2012().layers[1])
        LocalResponseNorm(5, alpha=0.0005, k=2.0)

    Reference: Krizhevsky, Sutskever and Hinton (2012), ImageNet classification with deep convolutional neural
    networks (NeurIPS), figure 2 and sections 3.3 to 3.5 and 4.2.
    """
    require_counts("alexnet_2012", classes=classes)
    return chain(
        conv1=Conv(96, 11, stride=4, padding=2, activation="relu"),  # (B, 224, 224, 3) -> (B, 55, 55, 96)
        norm1=RESPONSE,
        pool1=MaxPool(3, 2),  # -> (B, 27, 27, 96)
        conv2=Conv(256, 5, groups=2, padding=2, activation="relu"),
        norm2=RESPONSE,
        pool2=MaxPool(3, 2),  # -> (B, 13, 13, 256)
        conv3=Conv(384, 3, padding=1, activation="relu"),
        conv4=Conv(384, 3, groups=2, padding=1, activation="relu"),
        conv5=Conv(256, 3, groups=2, padding=1, activation="relu"),
        pool5=MaxPool(3, 2),  # -> (B, 6, 6, 256)
        flatten=Flatten(),  # -> (B, 9216)
        **dict(dense_head(classes, dropout).named()),
    )


ALEXNET = ModelCard(
    alexnet,
    "AlexNet（单 GPU 版）",
    (
        "The network that started deep learning on images, in the form for one GPU.",
        "开启深度图像识别的网络，适合单块 GPU 的形式。",
    ),
    61_100_840,
    "torchvision 0.28",
    "Krizhevsky (2014), One weird trick for parallelizing convolutional neural networks",
    image(224, 224, 3),
)
ALEXNET_2012 = ModelCard(
    alexnet_2012,
    "AlexNet（2012 年原版）",
    (
        "AlexNet as its paper has it, with two groups and local response normalization.",
        "论文原版 AlexNet：卷积分两组，带局部响应规范化。",
    ),
    60_965_224,
    "the paper's figure 2, added up in the docstring",
    "Krizhevsky, Sutskever and Hinton (2012), ImageNet classification with deep convolutional neural "
    "networks (NeurIPS)",
    image(224, 224, 3),
)
