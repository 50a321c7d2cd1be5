"""Two moons: a problem that no straight line can solve, and a small network can.

The points come from scikit-learn's generator ``make_moons``: two half circles that interlock, with noise. A
linear model has to cut through both; a network bends its line. Afterwards one point is explained: why this
answer, and which way each weight would have to move.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from sklearn.datasets import make_moons

import chainrule as cr

SHADES = " .:-=+*#%@"

SAYS = {
    "data": (
        "400 points from make_moons, 300 to learn from, 100 held out",
        "make_moons 生成 400 个点：300 个训练，100 个留出",
    ),
    "line": ("a straight line (logistic regression)", "直线（逻辑回归）"),
    "net": ("the network 2-16-16-1", "网络 2-16-16-1"),
    "map": (
        "What the network says at each place (blank: class 0, @: class 1)",
        "网络在平面各处的回答（空白为第 0 类，@ 为第 1 类）",
    ),
    "why": ("One point, explained", "解释其中一个点"),
}


def points() -> tuple[np.ndarray, np.ndarray]:
    """400 points (400, 2) with their classes 0 and 1 (400,)."""
    x, y = make_moons(400, noise=0.2, random_state=0)
    return np.asarray(x), np.asarray(y)


def train() -> tuple[cr.Model, np.ndarray, np.ndarray]:
    """The trained network, and the points that were held out with their classes."""
    x, y = points()
    net = cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(16, "tanh"), cr.Dense(1))  # (B, 2) -> (B, 1)
    model = cr.Model(net, "binary_cross_entropy", cr.Adam(0.01), metrics=["accuracy"])
    model.fit(x[:300], y[:300], epochs=150, batch_size=32, seed=0, verbose=False)
    return model, x[300:], y[300:]


def straight_line() -> cr.Model:
    """The same without hidden layers: logistic regression."""
    x, y = points()
    model = cr.Model(cr.Sequential(cr.Dense(1)), "binary_cross_entropy", cr.Adam(0.05), metrics=["accuracy"])
    model.fit(x[:300], y[:300], epochs=100, batch_size=32, seed=0, verbose=False)
    return model


def picture(model: cr.Model, wide: int = 60, high: int = 18) -> str:
    """The plane, with a darker sign where the network is surer of class 1."""
    across, up = np.linspace(-1.6, 2.6, wide), np.linspace(1.4, -0.9, high)
    places = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)  # (high * wide, 2)
    chance = np.asarray(model.predict_proba(places))[:, 1].reshape(high, wide)
    signs = np.minimum((chance * len(SHADES)).astype(int), len(SHADES) - 1)
    return "\n".join("".join(SHADES[i] for i in row) for row in signs)


def main(lang: Literal["en", "zh"] = "en") -> None:
    """Train, compare, draw and explain.

    Args:
        lang: ``"en"`` or ``"zh"``.
    """
    say = {key: pair[lang == "zh"] for key, pair in SAYS.items()}
    model, x, y = train()
    print(say["data"])
    print(f"  {say['line']}: {straight_line().evaluate(x, y)['accuracy']:.2f}")
    print(f"  {say['net']}: {model.evaluate(x, y)['accuracy']:.2f}")
    print(f"\n{say['map']}\n{picture(model)}")
    print(f"\n{say['why']}")
    print(model.explain(x[0], y[0], depth=1, lang=lang))


if __name__ == "__main__":
    main()
