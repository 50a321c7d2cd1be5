"""The peak of the machine: the fastest large matrix product of its libraries in the precision of the case."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from benchmarks.descriptions import Case
from benchmarks.peers import Run, Variants

torch: Any = None
if importlib.util.find_spec("torch"):
    import torch

SIZE = 1024
FLOPS = 2.0 * SIZE**3  # of one product


def step(case: Case) -> Variants:
    """Products of two square matrices, by NumPy's library and by PyTorch's."""
    a, b = (np.random.default_rng(i).standard_normal((SIZE, SIZE), np.float32) for i in (1, 2))
    variants: Variants = {"NumPy": lambda: _numpy(a, b)} if case.precision == "float32" else {}
    if torch is not None:
        variants["PyTorch"] = lambda: _torch(a, b, case)
    return variants


def _numpy(a: np.ndarray, b: np.ndarray) -> Run:
    c = np.empty_like(a)

    def run(count: int) -> float:
        for _ in range(count):
            np.matmul(a, b, out=c)
        return float(c[0, 0])

    return run


def _torch(a: np.ndarray, b: np.ndarray, case: Case) -> Run:
    torch.set_num_threads(case.threads)
    s, t = (torch.from_numpy(factor).to(getattr(torch, case.precision)) for factor in (a, b))
    c = torch.empty_like(s)

    def run(count: int) -> float:
        for _ in range(count):
            torch.mm(s, t, out=c)
        return float(c[0, 0])

    return run


# The same products run beside every other task.
epoch = predict = train = step
