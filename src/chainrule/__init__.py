"""chainrule (链式法则): neural networks that train, explain and ship, with nothing hidden and nothing slow.

Every public name is listed here under the place it lives in, and is loaded when it is first used, so that
``import chainrule`` costs no more than NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from chainrule.settings import settings

if TYPE_CHECKING:
    from chainrule.explain.model import Model

__version__ = "0.1.0"

_HOMES: dict[str, str] = {
    "explain.model": "Model load",
    "engines": "GradientCheck check_gradient compile evaluate",
    "gradient": "grad",
    "graph": "Graph Node constant",
    "ops.written": "formula",
    "train.stopping": "Converged EarlyStopping",
    "data": "check read_table",
    "nn": (
        "L1 L2 MAE MSE SGD Activation Adam AdamW AveragePool BinaryCrossEntropy ClipGlobalNorm ClipNorm "
        "ClipValue Constant Conv Cosine CrossEntropy Dense Dropout Fill Flatten GlobalAveragePool "
        "GlobalMaxPool HalfMSE Huber Initialiser Layer Loss MaxPool Optimizer Orthogonal Parallel Penalty "
        "RMSprop Reshape Residual Scaled Schedule Scope Sequential SmallNormal Step Warmup build layer"
    ),
}
_TABLES: dict[str, str] = {  # functions that a table of their room names
    "ops:PUBLIC": (
        "abs add argmax average_pool broadcast_to cast clip concatenate convolution convolution_transpose "
        "cos divide equal erf exp floor gather greater greater_equal is_finite less less_equal log "
        "log_softmax logical_and logical_not logical_or logsumexp matmul max max_pool maximum mean min "
        "minimum multiply negative normal not_equal one_hot pad patches power prod relu reshape scatter_add "
        "sigmoid sign sin softmax softplus sqrt square stack stop_gradient subtract sum tanh transpose "
        "uniform variance where"
    ),
    "nn:LOSS_FUNCTIONS": "half_mse mse mae huber binary_cross_entropy cross_entropy",
}
_PLACES = {name: room for room, names in _HOMES.items() for name in names.split()}
_FUNCTIONS = {name: table for table, names in _TABLES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name == "input":  # at home it is called input_node: a builtin has the short name there
        return import_module("chainrule.graph").input_node
    if name in _PLACES:
        return getattr(import_module(f"chainrule.{_PLACES[name]}"), name)
    if name in _FUNCTIONS:
        room, table = _FUNCTIONS[name].split(":")
        return getattr(import_module(f"chainrule.{room}"), table)[name]
    raise AttributeError(f"module 'chainrule' has no name {name!r}")


def __dir__() -> list[str]:
    return sorted({*_PLACES, *_FUNCTIONS, "input", "settings", "__version__"})


__all__ = ["Model", "settings"]
