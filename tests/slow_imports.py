"""Libraries that few tests use and that take seconds to import: imported on the first call."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def stats() -> Any:
    """The module ``scipy.stats``."""
    return import_module("scipy.stats")


def torchvision() -> Any:
    """The module ``torchvision``."""
    return import_module("torchvision")
