"""The exported names of the installed PyTorch."""

from __future__ import annotations

import inspect

import torch
from torch import nn, optim
from torch.optim import lr_scheduler, swa_utils

# The functions of tensors that networks are written with.
FUNCTIONS = """
abs acos acosh add all amax amin any arange argmax argmin argsort asin asinh atan atan2 atanh bmm
broadcast_to cat ceil chunk clamp cos cosh cummax cumprod cumsum diagonal diff div dot einsum eq erf exp
expm1 eye flatten flip floor full full_like gather ge gt index_select isfinite isnan le lerp linspace log
log10 log1p log2 logical_and logical_not logical_or logical_xor logsumexp lt masked_fill masked_select matmul
max maximum mean median meshgrid min minimum mm movedim mul mv narrow ne neg nonzero norm ones ones_like
outer permute pow prod relu remainder repeat_interleave reshape roll round rsqrt scatter scatter_add sigmoid
sign sin sinh softmax sort split sqrt square squeeze stack std sub sum take_along_dim tan tanh tile topk
trace transpose tril triu trunc unbind unique unsqueeze var where zeros zeros_like
"""
VERSION = torch.__version__.partition("+")[0]


def torch_names() -> dict[str, list[str]]:
    """The public names of each namespace: layers, losses, optimizers, schedules, initializers, functions."""
    losses = [name for name in dir(nn.functional) if "loss" in name or "entropy" in name or name == "kl_div"]
    return {
        "torch": [name for name in FUNCTIONS.split() if hasattr(torch, name)],
        "torch.fft": [name for name in ("fft", "ifft", "rfft", "irfft") if hasattr(torch.fft, name)],
        "torch.func": sorted(torch.func.__all__),
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
