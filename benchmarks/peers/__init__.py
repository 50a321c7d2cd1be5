"""The engines that are measured, all behind the same three functions.

A peer is a module with ``step(case)``, ``epoch(case)`` and ``predict(case)``. Each gives the peer's variants
of that work by name; a variant is made ready only when it is called, and is then a function that does the
work ``count`` times (steps, epochs, answers) and gives a number to compare: the last loss, or an output. A
peer that does not have the net gives no variants. Importing the module fails where the peer is not installed:
it is then left out, and the report says so.

Some also have ``train(case)``: steps of the named networks (``network_nets``).

Two more modules time layers alone. They have ``layer(case)``, whose variants begin with what is done:
``"forward"``, ``"both"`` (forward and backward) or ``"update"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Lap:
    """A result of work that has a beginning and an end of its own inside one call.

    Args:
        value: the number to compare.
        wall: seconds it took for all counts together.
        cpu: seconds of processor time, of all threads together.
    """

    value: float
    wall: float
    cpu: float


Run: TypeAlias = Callable[[int], "float | Lap"]
Variants: TypeAlias = dict[str, Callable[[], Run]]

OURS = "chainrule"
PEERS = {
    OURS: "chainrule_native",
    "PyTorch": "torch_eager",
    "torch.compile": "torch_compiled",
    "JAX": "jax_jit",
    "scikit-learn": "sklearn_mlp",
    "ONNX Runtime": "onnx_runtime",
}
PEAK = "GEMM peak"
LAYERS = {"chainrule's layers": "chainrule_layers", "PyTorch's layers": "torch_layers"}
MODULES = {**PEERS, PEAK: "gemm", **LAYERS}
TASKS = ("step", "epoch", "predict", "layer", "train")
