"""The exported names of the installed PyTorch."""

from __future__ import annotations

import inspect

import torch
from torch import nn, optim
from torch.optim import lr_scheduler, swa_utils

VERSION = torch.__version__.partition("+")[0]


def torch_names() -> dict[str, list[str]]:
    """The public names of each namespace: layers, losses, optimizers, schedules, initializers."""
    losses = [name for name in dir(nn.functional) if "loss" in name or "entropy" in name or name == "kl_div"]
    return {
        "torch.nn": _classes(nn),
        "torch.nn.functional": losses,
        "torch.optim": _classes(optim),
        "torch.optim.lr_scheduler": sorted(lr_scheduler.__all__),
        "torch.optim.swa_utils": [name for name in ("AveragedModel", "SWALR") if hasattr(swa_utils, name)],
        "torch.nn.init": [
            name
            for name, value in vars(nn.init).items()
            if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == nn.init.__name__
        ],
    }


def _classes(module: object) -> list[str]:
    return [
        name for name in dir(module) if inspect.isclass(getattr(module, name)) and not name.startswith("_")
    ]
