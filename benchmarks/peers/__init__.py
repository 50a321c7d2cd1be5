"""The measured engines, all with the same three functions.

A peer is a module with ``step(case)``, ``epoch(case)`` and ``predict(case)``. Each returns the peer's
variants of that work by name; a variant is prepared only when it is called, and returns a function that does
the work ``count`` times (steps, epochs, predictions) and returns a number to compare: the last loss, or an
output. A peer without this network returns no variants. Importing the module fails if the peer is not
installed: it is then left out, with a note in the report.

Some also have ``train(case)``: steps of the named networks (``named_networks``).

Two more modules time layers alone. They have ``layer(case)``, whose variants begin with the pass:
``"forward"``, ``"both"`` (forward and backward) or ``"update"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Lap:
    """The result of work that measures a part of its call.

    Args:
        value: the number to compare.
        wall: seconds for all counts together.
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
XLA = "chainrule, XLA"
LAYERS = {"chainrule's layers": "chainrule_layers", "PyTorch's layers": "torch_layers"}
MODULES = {**PEERS, PEAK: "gemm", XLA: "chainrule_xla", **LAYERS}
TASKS = ("step", "epoch", "predict", "layer", "train")
