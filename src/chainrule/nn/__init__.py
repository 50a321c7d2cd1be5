"""Networks as descriptions: layers, losses, initialisers, optimizers, schedules, all builders of graph nodes.

In: hyper-parameters. Out: frozen records that, called with nodes, give nodes. This room never holds an array
and never runs a graph.
"""

from chainrule.nn.activation import ACTIVATIONS, Activation
from chainrule.nn.build import Built, build, first_values, total_penalty
from chainrule.nn.clip import Clip, ClipGlobalNorm, ClipNorm, ClipValue
from chainrule.nn.convolution import Conv
from chainrule.nn.dense import Dense
from chainrule.nn.initialiser import INITIALISERS, Fill, Initialiser, Orthogonal, Scaled, SmallNormal
from chainrule.nn.layer import Layer, layer
from chainrule.nn.loss import (
    LOSS_FUNCTIONS,
    LOSSES,
    MAE,
    MSE,
    BinaryCrossEntropy,
    CrossEntropy,
    HalfMSE,
    Huber,
    Loss,
)
from chainrule.nn.optimizer import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSprop
from chainrule.nn.penalty import L1, L2, Penalty
from chainrule.nn.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool
from chainrule.nn.record import LAYERS, from_record, net_from_record, net_to_record, to_record
from chainrule.nn.schedule import Constant, Cosine, Schedule, Step, Warmup
from chainrule.nn.scope import Scope
from chainrule.nn.structure import Dropout, Flatten, Parallel, Reshape, Residual, Sequential
from chainrule.nn.summary import Row, summary_rows
from chainrule.nn.text import net_from_text

__all__ = [
    "ACTIVATIONS",
    "INITIALISERS",
    "L1",
    "L2",
    "LAYERS",
    "LOSSES",
    "LOSS_FUNCTIONS",
    "MAE",
    "MSE",
    "OPTIMIZERS",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "AveragePool",
    "BinaryCrossEntropy",
    "Built",
    "Clip",
    "ClipGlobalNorm",
    "ClipNorm",
    "ClipValue",
    "Constant",
    "Conv",
    "Cosine",
    "CrossEntropy",
    "Dense",
    "Dropout",
    "Fill",
    "Flatten",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HalfMSE",
    "Huber",
    "Initialiser",
    "Layer",
    "Loss",
    "MaxPool",
    "Optimizer",
    "Orthogonal",
    "Parallel",
    "Penalty",
    "RMSprop",
    "Reshape",
    "Residual",
    "Row",
    "Scaled",
    "Schedule",
    "Scope",
    "Sequential",
    "SmallNormal",
    "Step",
    "Warmup",
    "build",
    "first_values",
    "from_record",
    "layer",
    "net_from_record",
    "net_from_text",
    "net_to_record",
    "summary_rows",
    "to_record",
    "total_penalty",
]
