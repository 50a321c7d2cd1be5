"""The registry of serializable classes: every layer, loss, optimizer and so on, by family and name."""

from __future__ import annotations

from chainrule.nn import attention, recurrent
from chainrule.nn.activation import Activation
from chainrule.nn.blocks import feed_forward, language, residual, transformer
from chainrule.nn.initializer import KINDS, Initializer
from chainrule.nn.layer import Layer
from chainrule.nn.layers import (
    adaptive_pooling,
    adaptive_softmax,
    dropout,
    einsum,
    embedding,
    gating,
    local_response_norm,
    max_unpool,
    merge,
    normalization,
    padding,
    patch_embedding,
    position_encoding,
    preprocessing,
    rearrange,
    recompute,
    resize,
    sequence_pool,
    similarity,
    time_distributed,
    weight_norm,
)
from chainrule.nn.layers.containers import Dropout, Flatten, Parallel, Reshape, Residual, Sequential
from chainrule.nn.layers.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, LPPool, MaxPool
from chainrule.nn.loss import LOSSES, Loss
from chainrule.nn.optimizer import OPTIMIZERS, WRAPPERS, Group, Optimizer
from chainrule.nn.regularization import activity
from chainrule.nn.regularization.clip import Clip, ClipGlobalNorm, ClipNorm, ClipValue
from chainrule.nn.regularization.constraint import CONSTRAINTS, Constraint
from chainrule.nn.regularization.penalty import PENALTIES, Penalty
from chainrule.nn.schedule import SCHEDULES, Schedule

LAYERS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Activation, AveragePool, Conv, Dense, Dropout, Flatten, GlobalAveragePool, GlobalMaxPool, MaxPool,
        Parallel, Reshape, Residual, Sequential, ConvTranspose, DepthwiseConv, LPPool, SeparableConv,
        *adaptive_pooling.LAYERS, *embedding.LAYERS, *gating.LAYERS, *merge.LAYERS, *dropout.LAYERS,
        *normalization.LAYERS, *local_response_norm.LAYERS, *padding.LAYERS,
        *similarity.LAYERS, *rearrange.LAYERS, *weight_norm.LAYERS,
        *resize.LAYERS, *attention.LAYERS, *einsum.LAYERS, *position_encoding.LAYERS,
        *feed_forward.LAYERS, *transformer.LAYERS,
        *recurrent.LAYERS, *activity.LAYERS, *preprocessing.LAYERS, *adaptive_softmax.LAYERS,
        *time_distributed.LAYERS,
        *max_unpool.LAYERS, *residual.LAYERS, *language.LAYERS, *patch_embedding.LAYERS,
        *sequence_pool.LAYERS, *recompute.LAYERS,
    )
}  # fmt: skip
FAMILIES_ZH = {
    "layer": "层", "loss": "损失函数", "optimizer": "优化器", "schedule": "学习率调度",
    "initializer": "初始化方法", "penalty": "正则化项", "clip": "梯度裁剪", "constraint": "约束",
    "group": "参数组",
}  # fmt: skip
FAMILIES: dict[str, tuple[type, dict[str, type]]] = {
    "layer": (Layer, dict(LAYERS)),
    "loss": (Loss, {kind.__name__: kind for kind in LOSSES.values()}),
    "optimizer": (Optimizer, {kind.__name__: kind for kind in (*OPTIMIZERS.values(), *WRAPPERS)}),
    "schedule": (Schedule, {kind.__name__: kind for kind in SCHEDULES}),
    "initializer": (Initializer, {kind.__name__: kind for kind in KINDS}),
    "penalty": (Penalty, {kind.__name__: kind for kind in PENALTIES}),
    "constraint": (Constraint, {kind.__name__: kind for kind in CONSTRAINTS}),
    "group": (Group, {"Group": Group}),
    "clip": (Clip, {kind.__name__: kind for kind in (ClipValue, ClipNorm, ClipGlobalNorm)}),
}
