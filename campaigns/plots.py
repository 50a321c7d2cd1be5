"""Draw every kind of plot in both languages, for inspection.

Run it as ``python campaigns/plots.py FOLDER``; it trains three small models (two half moons, a LeNet on the
bundled digits, breast-cancer) and writes a PNG for each plot.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, make_moons

import chainrule as cr

RUN = "training"
Arguments = Mapping[str, tuple[tuple[Any, ...], dict[str, Any]]]


def moons(folder: Path) -> tuple[cr.Model, Arguments]:
    """A plane with two classes, with recorded histograms and checkpoints."""
    x, numbers = make_moons(400, noise=0.2, random_state=0)
    y = np.array(["inner", "outer"])[numbers]
    net = cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(16, "tanh"), cr.Dense(1))
    model = cr.Model(net, "binary_cross_entropy", cr.Adam(cr.Cosine(0.02)))
    stops = cr.Checkpoint(str(folder / "stops/{epoch:03d}.safetensors"))
    run = folder / RUN
    model.fit(x, y, epochs=60, validation=0.25, verbose=False, run=run, callbacks=[cr.Histograms(), stops])
    past = {kind: ((), {"run": run}) for kind in ("weights", "activations", "gradients")}
    checkpoints = sorted((folder / "stops").glob("*.safetensors"))
    of_predictions = (
        "decision_boundary",
        "confusion_matrix",
        "calibration",
        "risk_coverage",
        "roc",
        "precision_recall",
        "loss_landscape",
    )
    return model, {
        "learning_curves": ((), {}),
        **past,
        "trajectory": ((x, y, checkpoints), {}),
        **{kind: ((x, y), {}) for kind in of_predictions},
    }


def digits(folder: Path) -> tuple[cr.Model, Arguments]:
    """A LeNet for images of 8 x 8."""
    bunch: Any = load_digits()
    x, y = bunch.images[..., None].astype(np.float32) / 16, bunch.target
    net = cr.Sequential(
        cr.Conv(6, 3, padding="same", activation="relu"),
        cr.MaxPool(2),
        cr.Conv(16, 3, activation="relu"),
        cr.Flatten(),
        cr.Dense(32, "relu"),
        cr.Dense(10),
    )
    model = cr.Model(net, "cross_entropy", cr.Adam(0.003))
    model.fit(x, y, epochs=12, validation=0.2, verbose=False)
    of_rows = {
        kind: ((x, y), {})
        for kind in ("gradients", "confusion_matrix", "calibration", "roc", "loss_landscape")
    }
    of_model = {kind: ((), {}) for kind in ("graph", "learning_curves", "weights", "filters")}
    return model, {**of_model, **of_rows, "activations": ((x,), {}), "feature_maps": ((x[7],), {})}


def breast_cancer(folder: Path) -> tuple[cr.Model, Arguments]:
    """A table of thirty features."""
    data = "breast-cancer"
    model = cr.Model(cr.Sequential(cr.Dense(16, "relu"), cr.Dense(1)), "binary_cross_entropy")
    model.fit(data, epochs=30, validation=0.2, verbose=False)
    of_rows = {
        kind: ((data,), {})
        for kind in ("confusion_matrix", "calibration", "roc", "precision_recall", "feature_maps")
    }
    return model, {**of_rows, "decision_boundary": ((data,), {"features": ("mean radius", "mean texture")})}


def main(folder: Path) -> None:
    """Draw every plot into a folder."""
    for prepare in (moons, digits, breast_cancer):
        name = prepare.__name__
        model, plots = prepare(folder / name)
        for kind, (rows, options) in plots.items():
            for lang in ("en", "zh"):
                plot = getattr(model.plot, kind)(*rows, lang=lang, **options)
                print(plot.save(folder / name / f"{kind}.{lang}.png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
