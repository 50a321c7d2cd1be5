"""The classes that records may name: every layer, loss, optimizer and their relatives, by family and name."""

from __future__ import annotations

from chainrule.nn import (
    activity,
    adaptive,
    attention,
    einsum,
    embedding,
    feature,
    gate,
    hierarchical,
    language,
    merge,
    noise,
    normalisation,
    padding,
    pair,
    patch,
    position,
    rearrange,
    recurrent,
    remat,
    reparametrisation,
    residual,
    resize,
    stepwise,
    transformer,
    unpool,
    whole,
)
from chainrule.nn.activation import Activation
from chainrule.nn.clip import Clip, ClipGlobalNorm, ClipNorm, ClipValue
from chainrule.nn.constraint import CONSTRAINTS, Constraint
from chainrule.nn.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv
from chainrule.nn.dense import Dense
from chainrule.nn.initialiser import KINDS, Initialiser
from chainrule.nn.layer import Layer
from chainrule.nn.loss import LOSSES, Loss
from chainrule.nn.optimizer import OPTIMIZERS, WRAPPERS, Group, Optimizer
from chainrule.nn.penalty import PENALTIES, Penalty
from chainrule.nn.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, LPPool, MaxPool
from chainrule.nn.schedule import SCHEDULES, Schedule
from chainrule.nn.structure import Dropout, Flatten, Parallel, Reshape, Residual, Sequential

LAYERS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Activation, AveragePool, Conv, Dense, Dropout, Flatten, GlobalAveragePool, GlobalMaxPool, MaxPool,
        Parallel, Reshape, Residual, Sequential, ConvTranspose, DepthwiseConv, LPPool, SeparableConv,
        *adaptive.LAYERS, *embedding.LAYERS, *gate.LAYERS, *merge.LAYERS, *noise.LAYERS,
        *normalisation.LAYERS, *padding.LAYERS, *pair.LAYERS, *rearrange.LAYERS, *reparametrisation.LAYERS,
        *resize.LAYERS, *attention.LAYERS, *einsum.LAYERS, *position.LAYERS, *transformer.LAYERS,
        *recurrent.LAYERS, *activity.LAYERS, *feature.LAYERS, *hierarchical.LAYERS, *stepwise.LAYERS,
        *unpool.LAYERS, *residual.LAYERS, *language.LAYERS, *patch.LAYERS, *whole.LAYERS, *remat.LAYERS,
    )
}  # fmt: skip
FAMILIES_ZH = {
    "layer": "层", "loss": "损失函数", "optimizer": "优化器", "schedule": "学习率调度",
    "initialiser": "初始化方法", "penalty": "正则化项", "clip": "梯度裁剪", "constraint": "约束",
    "group": "参数组",
}  # fmt: skip
FAMILIES: dict[str, tuple[type, dict[str, type]]] = {
    "layer": (Layer, dict(LAYERS)),
    "loss": (Loss, {kind.__name__: kind for kind in LOSSES.values()}),
    "optimizer": (Optimizer, {kind.__name__: kind for kind in (*OPTIMIZERS.values(), *WRAPPERS)}),
    "schedule": (Schedule, {kind.__name__: kind for kind in SCHEDULES}),
    "initialiser": (Initialiser, {kind.__name__: kind for kind in KINDS}),
    "penalty": (Penalty, {kind.__name__: kind for kind in PENALTIES}),
    "constraint": (Constraint, {kind.__name__: kind for kind in CONSTRAINTS}),
    "group": (Group, {"Group": Group}),
    "clip": (Clip, {kind.__name__: kind for kind in (ClipValue, ClipNorm, ClipGlobalNorm)}),
}
