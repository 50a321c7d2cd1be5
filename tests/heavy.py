"""Libraries that few tests ask, and that take seconds to load: they are loaded when one asks."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def stats() -> Any:
    """SciPy's statistics."""
    return import_module("scipy.stats")


def torchvision() -> Any:
    """PyTorch's nets and changes of images."""
    return import_module("torchvision")
