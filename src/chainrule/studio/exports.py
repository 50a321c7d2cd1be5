"""Files to take away: the model, the program that trains it, its explanation, and every export."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from chainrule import interop
from chainrule.model import Model

EXPORTS = {
    "model": "model.safetensors",
    "program": "train.py",
    "explanation": "explanation.html",
    "numpy": "model.py",
    "c": "model-c.zip",
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
        path = Path(folder) / ("model.c" if kind == "c" else name)
        if kind == "model":
            model.save(path)
        else:
            model.export(path)
        return name, _archive(Path(folder)) if kind == "c" else path.read_bytes()


def notices_of(workbench: Any, lang: str) -> list[str]:
    """Return what the exports do not compute as ``chainrule predict`` does.

    Args:
        workbench, lang: as of ``export``.
    """
    return [text.render(lang) for text in interop.export_notices(workbench.model().state)]


def _archive(folder: Path) -> bytes:
    """Return the files of a folder in one: C source needs its header."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
    return content.getvalue()
