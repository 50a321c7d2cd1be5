"""Foreign weights: what other libraries have trained, read safely and put where it belongs in a net of ours.

In: a file of another library (safetensors, PyTorch) and a net. Out: the net's parameters, and a report that
says of each where it came from and what was done with it. This room executes nothing that is in a file, and
no foreign type leaves it.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "torch.name_map": "Family",
        "torch.name_maps": "FAMILIES",
        "loading": "load_weights",
        "file_reader": "is_weights read_tensors read_weights",
        "report": "WeightsReport",
        "lazy_tensor": "Tensor",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
