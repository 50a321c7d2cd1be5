"""Optimizers in NumPy, written from their papers: those that PyTorch lacks or computes in another dtype.

Each function maps the weight, its gradient, its state (empty before the first step) and the number of the
step, from 1, to the new weight and the new state.
"""

from __future__ import annotations

from typing import Any

import numpy as np

State = dict[str, Any]
Result = tuple[np.ndarray, State]


def lion(w: np.ndarray, g: np.ndarray, state: State, t: int) -> Result:
    """Chen et al. (2023), algorithm 2; rate 0.003, decay 0.1."""
    m = state.get("m", np.zeros_like(w))
    update = np.sign(0.9 * m + 0.1 * g)
    return w - 0.003 * (update + 0.1 * w), {"m": 0.99 * m + 0.01 * g}


def ftrl(w: np.ndarray, g: np.ndarray, state: State, t: int) -> Result:
    """McMahan et al. (2013), algorithm 1 with Keras's settings; rate 0.1, l1 0.05, l2 0.1, beta 0.2."""
    n, z = state.get("n", np.full_like(w, 0.1)), state.get("z", np.zeros_like(w))
    sigma = (np.sqrt(n + g * g) - np.sqrt(n)) / 0.1
    z = z + g - sigma * w
    n = n + g * g
    quadratic = np.sqrt(n) / 0.1 + 2 * (0.1 + 0.2 / (2 * 0.1))
    return np.where(np.abs(z) <= 0.05, 0.0, (0.05 * np.sign(z) - z) / quadratic), {"n": n, "z": z}


def lamb(w: np.ndarray, g: np.ndarray, state: State, t: int) -> Result:
    """You et al. (2020), algorithm 2; rate 0.01, decay 0.1."""
    m = 0.9 * state.get("m", 0.0) + 0.1 * g
    v = 0.999 * state.get("v", 0.0) + 0.001 * g * g
    r = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-6) + 0.1 * w
    ratio = np.linalg.norm(w) / np.linalg.norm(r)
    return w - 0.01 * ratio * r, {"m": m, "v": v}


def lars(w: np.ndarray, g: np.ndarray, state: State, t: int) -> Result:
    """You, Gitman and Ginsburg (2017), algorithm 1; rate 0.5, decay 0.01, trust 0.02."""
    w_norm, g_norm = np.linalg.norm(w), np.linalg.norm(g)
    local = 0.02 * w_norm / (g_norm + 0.01 * w_norm + 1e-8)
    v = 0.9 * state.get("v", 0.0) + 0.5 * local * (g + 0.01 * w)
    return w - v, {"v": v}


def adabelief(w: np.ndarray, g: np.ndarray, state: State, t: int) -> Result:
    """Zhuang et al. (2020), algorithm 2; rate 0.01, decoupled decay 0.1."""
    m = 0.9 * state.get("m", 0.0) + 0.1 * g
    s = 0.999 * state.get("s", 0.0) + 0.001 * (g - m) ** 2 + 1e-16
    w = w - 0.01 * 0.1 * w
    return w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-16), {"m": m, "s": s}


def yogi(w: np.ndarray, g: np.ndarray, state: State, t: int) -> Result:
    """Zaheer et al. (2018), algorithm 2, with bias correction; rate 0.01."""
    m = 0.9 * state.get("m", 0.0) + 0.1 * g
    v = state.get("v", np.full_like(w, 1e-6))
    v = v - 0.001 * np.sign(v - g * g) * g * g
    return w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-3), {"m": m, "v": v}


def adan(w: np.ndarray, g: np.ndarray, state: State, t: int) -> Result:
    """Xie et al. (2024), algorithm 1, with bias correction; rate 0.01, decay 0.1."""
    difference = g - state.get("g", g)
    m = 0.98 * state.get("m", 0.0) + 0.02 * g
    v = 0.92 * state.get("v", 0.0) + 0.08 * difference
    n = 0.99 * state.get("n", 0.0) + 0.01 * (g + 0.92 * difference) ** 2
    eta = 0.01 / (np.sqrt(n / (1 - 0.99**t)) + 1e-8)
    step = eta * (m / (1 - 0.98**t) + 0.92 * v / (1 - 0.92**t))
    return (w - step) / (1 + 0.01 * 0.1), {"g": g, "m": m, "v": v, "n": n}


def muon(w: np.ndarray, g: np.ndarray, state: State, t: int) -> Result:
    """Jordan et al. (2024); rate 0.02, decay 0.1; vectors by AdamW at 0.015 times the rate."""
    if w.ndim < 2:
        m, v = 0.9 * state.get("m", 0.0) + 0.1 * g, 0.999 * state.get("v", 0.0) + 0.001 * g * g
        w = w * (1 - 0.02 * 0.015 * 0.1)
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return w - 0.02 * 0.015 * step, {"m": m, "v": v}
    m = 0.95 * state.get("m", 0.0) + 0.05 * g
    x = (0.05 * g + 0.95 * m).T  # the matrix ``b`` has more rows than columns
    x = x / np.linalg.norm(x)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return w * (1 - 0.02 * 0.1) - 0.02 * np.sqrt(w.shape[0] / w.shape[1]) * x.T, {"m": m}


def schedule_free(w: np.ndarray, g: np.ndarray, state: State, t: int) -> Result:
    """Defazio et al. (2024), algorithm 1 with AdamW inside; rate 0.02, decay 0.1."""
    x, z = state.get("inference", w), state.get("z", w)
    v = 0.999 * state.get("v", 0.0) + 0.001 * g * g
    z = z - 0.02 * (g / (np.sqrt(v / (1 - 0.999**t)) + 1e-8) + 0.1 * w)
    total = state.get("total", 0.0) + 0.02**2
    c = 0.02**2 / total
    x = (1 - c) * x + c * z
    return 0.9 * x + 0.1 * z, {"inference": x, "z": z, "v": v, "total": total}
