"""Dense layers, activations, dropout and noise, containers and reshaping."""

from __future__ import annotations

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, dense

_IN = "residual1.sequential."

CASES: dict[str, Case] = {
    "dense": Case(nn.Dense(3), (4,), dense),
    "dense without bias": Case(nn.Dense(3, bias=False), (4,), dense),
    "dense over time": Case(nn.Dense(3, "tanh"), (5, 4), lambda x, p: torch.tanh(dense(x, p))),
    "dense relu": Case(nn.Dense(6, "relu"), (4,), lambda x, p: torch.relu(dense(x, p))),
    "dense softmax": Case(nn.Dense(3, "softmax"), (4,), lambda x, p: torch.softmax(dense(x, p), -1)),
    "dense with a layer": Case(
        nn.Dense(3, nn.Activation("sigmoid")), (4,), lambda x, p: torch.sigmoid(dense(x, p))
    ),
    "article": Case(
        nn.Sequential(nn.Dense(3, "sigmoid"), nn.Dense(1, "sigmoid")),
        (2,),
        lambda x, p: torch.sigmoid(dense(torch.sigmoid(dense(x, p, "dense1.")), p, "dense2.")),
    ),
    "linear": Case(nn.Activation("linear"), (4,), lambda x, p: x),
    "relu": Case(nn.Activation("relu"), (4,), lambda x, p: torch.relu(x)),
    "sigmoid": Case(nn.Activation("sigmoid"), (4,), lambda x, p: torch.sigmoid(x)),
    "softmax": Case(nn.Activation("softmax"), (2, 4), lambda x, p: torch.softmax(x, -1)),
    "softplus": Case(nn.Activation("softplus"), (4,), lambda x, p: functional.softplus(x)),
    "tanh": Case(nn.Activation("tanh"), (4,), lambda x, p: torch.tanh(x)),
    "dropout": Case(nn.Dropout(0.3), (4,), lambda x, p: x),
    "spatial dropout": Case(nn.SpatialDropout(0.3), (2, 3, 2), lambda x, p: x),
    "alpha dropout": Case(nn.AlphaDropout(0.3), (4,), lambda x, p: x),
    "feature alpha dropout": Case(nn.FeatureAlphaDropout(0.3), (3, 2), lambda x, p: x),
    "gaussian dropout": Case(nn.GaussianDropout(0.3), (4,), lambda x, p: x),
    "gaussian noise": Case(nn.GaussianNoise(0.3), (4,), lambda x, p: x),
    "flatten": Case(nn.Flatten(), (2, 3, 2), lambda x, p: x.flatten(1)),
    "flatten numbers": Case(nn.Flatten(), (), lambda x, p: x.reshape(-1, 1)),
    "reshape": Case(nn.Reshape((2, 3)), (6,), lambda x, p: x.reshape(-1, 2, 3)),
    "reshape the rest": Case(nn.Reshape((2, -1)), (3, 4), lambda x, p: x.reshape(-1, 2, 6)),
    "permute": Case(nn.Permute((3, 1, 2)), (2, 3, 4), lambda x, p: x.permute(0, 3, 1, 2)),
    "repeat": Case(nn.RepeatVector(3), (2,), lambda x, p: x[:, None].expand(-1, 3, -1)),
    "identity": Case(nn.Identity(), (3,), lambda x, p: x),
    "empty sequential": Case(nn.Sequential(), (3,), lambda x, p: x),
    "residual": Case(
        nn.Residual(nn.Dense(4, "tanh")), (4,), lambda x, p: x + torch.tanh(dense(x, p, "dense."))
    ),
    "nested": Case(
        nn.Sequential(nn.Residual(nn.Sequential(nn.Dense(5, "relu"), nn.Dense(4))), nn.Dense(2)),
        (4,),
        lambda x, p: dense(
            x + dense(torch.relu(dense(x, p, f"{_IN}dense1.")), p, f"{_IN}dense2."), p, "dense1."
        ),
    ),
}
