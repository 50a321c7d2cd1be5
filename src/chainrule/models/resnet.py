"""ResNet: blocks with residual connections, so that a hundred layers train as easily as ten.

Two families of one paper. For large images (table 1), a stem halves the image twice, followed by four stages
of blocks, each at half the size and twice the channels of the previous one. For the 32 x 32 images of CIFAR
(section 4.2), there is no such stem, but three stages with 16, 32 and 64 channels, and shortcuts without
parameters.

The parameters of the small networks, with n blocks per stage (n = 3 for ResNet-20, 9 for ResNet-56); a norm
has two for each channel:

====== ==================================================================== ======== ========
conv1  3 x 16 x 9 + 2 x 16                                                       464      464
stage1 2n x 16 x 16 x 9 + 2n x 2 x 16                                         14,016   42,048
stage2 16 x 32 x 9 + (2n - 1) x 32 x 32 x 9 + 2n x 2 x 32                     51,072  162,432
stage3 32 x 64 x 9 + (2n - 1) x 64 x 64 x 9 + 2n x 2 x 64                    203,520  647,424
head   64 x 10 + 10                                                              650      650
all                                                                          269,722  853,018
====== ==================================================================== ======== ========
"""

from __future__ import annotations

from collections.abc import Callable

from chainrule.models.model_card import ModelCard, chain, image, require_counts
from chainrule.nn.activation import Activation
from chainrule.nn.blocks.residual import BasicBlock, Bottleneck
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.normalization import BatchNorm
from chainrule.nn.layers.pooling import GlobalAveragePool, MaxPool

Block = Callable[..., Layer]
WIDTHS = (64, 128, 256, 512)
_REFERENCE = "He, Zhang, Ren and Sun (2016), Deep residual learning for image recognition (CVPR)"


def resnet18(classes: int = 1000, *, small: bool = False) -> Sequential:
    """Build ResNet-18: a stem, eight blocks of two convolutions, a head.

    Shapes: (B, 224, 224, 3) -> (B, classes); any other size works too.

    Args:
        classes: number of classes.
        small: use a stem for images of about 32 x 32: a 3 x 3 convolution that keeps the size, without
            pooling.

    Raises:
        UsageError E102: classes below 1.

    Example:
        >>> print(resnet18(classes=10, small=True).layers[-3])
        Sequential(
          block1: BasicBlock(512, stride=2)
          block2: BasicBlock(512)
        )

    Reference: He, Zhang, Ren and Sun (2016), Deep residual learning for image recognition (CVPR), table 1.
    """
    return _resnet("resnet18", BasicBlock, (2, 2, 2, 2), classes, small)


def resnet34(classes: int = 1000, *, small: bool = False) -> Sequential:
    """Build ResNet-34: sixteen blocks of two convolutions; otherwise as ``resnet18``.

    Args:
        classes, small: as in ``resnet18``.

    Raises:
        UsageError E102: classes below 1.
    """
    return _resnet("resnet34", BasicBlock, (3, 4, 6, 3), classes, small)


def resnet50(classes: int = 1000, *, small: bool = False) -> Sequential:
    """Build ResNet-50: sixteen bottleneck blocks of three convolutions; otherwise as ``resnet18``.

    Args:
        classes, small: as in ``resnet18``.

    Raises:
        UsageError E102: classes below 1.
    """
    return _resnet("resnet50", Bottleneck, (3, 4, 6, 3), classes, small)


def resnet101(classes: int = 1000, *, small: bool = False) -> Sequential:
    """Build ResNet-101: thirty-three bottleneck blocks; otherwise as ``resnet18``.

    Args:
        classes, small: as in ``resnet18``.

    Raises:
        UsageError E102: classes below 1.
    """
    return _resnet("resnet101", Bottleneck, (3, 4, 23, 3), classes, small)


def resnet20(classes: int = 10) -> Sequential:
    """Build ResNet-20 for images of 32 x 32, with a quarter of a million parameters.

    Shapes: (B, 32, 32, 3) -> (B, classes); any other size works too.

    Args:
        classes: number of classes.

    Raises:
        UsageError E102: classes below 1.

    Example:
        >>> resnet20().names
        ('conv1', 'norm1', 'relu', 'stage1', 'stage2', 'stage3', 'pool', 'head')

    Reference: He, Zhang, Ren and Sun (2016), Deep residual learning for image recognition (CVPR), section
    4.2.
    """
    return _small_resnet("resnet20", 3, classes)


def resnet56(classes: int = 10) -> Sequential:
    """Build ResNet-56 for images of 32 x 32: nine blocks per stage; otherwise as ``resnet20``.

    Args:
        classes: as in ``resnet20``.

    Raises:
        UsageError E102: classes below 1.
    """
    return _small_resnet("resnet56", 9, classes)


def _resnet(name: str, block: Block, blocks: tuple[int, ...], classes: int, small: bool) -> Sequential:
    """Build a column of table 1: the stem, four stages, global average pooling and the head."""
    require_counts(name, classes=classes)
    kernel, stride = (3, 1) if small else (7, 2)
    stem = Conv(64, kernel, stride=stride, padding=kernel // 2, bias=False, weight_initializer="he")
    return chain(
        conv1=stem,  # (B, 224, 224, 3) -> (B, 112, 112, 64)
        norm1=BatchNorm(),
        relu=Activation("relu"),
        pool1=None if small else MaxPool(3, 2, padding=1),  # -> (B, 56, 56, 64)
        **_stages(block, blocks, WIDTHS),  # -> (B, 7, 7, 512 or 2048)
        pool=GlobalAveragePool(),
        head=Dense(classes),
    )


def _small_resnet(name: str, blocks: int, classes: int) -> Sequential:
    """Build a network of section 4.2: 6 n + 2 layers, shortcuts without parameters (option A)."""
    require_counts(name, classes=classes)

    def block(channels: int, stride: int) -> Layer:
        return BasicBlock(channels, stride=stride, shortcut="zeros")

    return chain(
        # (B, 32, 32, 3) -> (B, 32, 32, 16)
        conv1=Conv(16, 3, padding=1, bias=False, weight_initializer="he"),
        norm1=BatchNorm(),
        relu=Activation("relu"),
        **_stages(block, (blocks,) * 3, (16, 32, 64)),  # -> (B, 8, 8, 64)
        pool=GlobalAveragePool(),
        head=Dense(classes),
    )


def _stages(block: Block, blocks: tuple[int, ...], widths: tuple[int, ...]) -> dict[str, Layer]:
    """Return the stages by name; the first block of each but the first stage halves the image."""
    return {
        f"stage{i}": Sequential(
            **{f"block{j}": block(width, stride=2 if i > 1 and j == 1 else 1) for j in range(1, many + 1)}
        )
        for i, (many, width) in enumerate(zip(blocks, widths, strict=True), 1)
    }


def _card(net: Callable[..., Layer], layers: int, parameters: int) -> ModelCard:
    says = (
        f"{layers} layers with a residual connection around every block.",
        f"{layers} 层，每个残差块旁都有一条直路。",
    )
    source, side = "torchvision 0.28", 224
    if layers in (20, 56):
        source, side = "section 4.2 of the paper, added up at the top of models/resnet.py", 32
    return ModelCard(
        net, f"ResNet-{layers} 残差网络", says, parameters, source, _REFERENCE, image(side, side, 3)
    )


RESNET18 = _card(resnet18, 18, 11_689_512)
RESNET34 = _card(resnet34, 34, 21_797_672)
RESNET50 = _card(resnet50, 50, 25_557_032)
RESNET101 = _card(resnet101, 101, 44_549_160)
RESNET20 = _card(resnet20, 20, 269_722)
RESNET56 = _card(resnet56, 56, 853_018)
