"""Files to take away: the model, the program that trains it, its explanation, and every export."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.model import Model

EXPORTS = {
    "model": "model.safetensors",
    "program": "train.py",
    "explanation": "explanation.html",
    "numpy": "model.py",
    "c": "model.c",
    "page": "model.html",
    "onnx": "model.onnx",
    "data": "data.csv",
}
"""The name of the file of each export."""


def export(workbench: Any, kind: str, lang: Any) -> tuple[str, bytes]:
    """Return the name and the content of a file.

    Args:
        workbench: whose model of this moment is written.
        kind: one of ``EXPORTS``.
        lang: of the explanation.

    Raises:
        ChainruleError: as ``Model.export``.
    """
    project, name = workbench.project, EXPORTS[kind]
    if kind == "program":
        return name, project.programs()["python"].encode()
    if kind == "data":
        return name, project.table.frame.write_csv().encode()
    model: Model = workbench.model()
    if kind == "explanation":
        page = model.explain(project.table.take(np.zeros(1, np.int64)), depth=2, lang=lang)
        return name, page.to_html().encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        if kind == "model":
            model.save(path)
        else:
            model.export(path)
        return name, path.read_bytes()
