"""The formats of exported models, by suffix, and the check of a file before it is written."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import FileError, Message, UsageError, fact
from chainrule.events import notices
from chainrule.interop.export.example_rows import example_rows
from chainrule.interop.export.served_predictions import omissions
from chainrule.messages import rendered
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.store import atomic_write
from chainrule.validation import trained_network, unknown

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

Outputs = Mapping[str, np.ndarray]
TOLERANCE = 1e-5
_MARK, _HEAD = b"chainrule", 4096  # what files of this package have in their first bytes


@frozen(eq=False)
class Draft:
    """A file before it is written.

    Args:
        content: of the file.
        run: computes the outputs of the file for the example rows, with another program than chainrule.
        program: the name of this program.
        files: further files beside it, by suffix.
        tolerance: the largest difference of an output, as a share of its largest value or 1; ``TOLERANCE`` by
            default.
        expected: what ``run`` has to return; by default the outputs of the example rows.
    """

    content: bytes
    run: Callable[[], Outputs]
    program: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    tolerance: float | None = None
    expected: Outputs | None = None


@frozen
class Exported:
    """A written file.

    Args:
        path: of the file.
        bytes: its size.
        rows: the rows for which it was compared with the model.
        difference: the largest difference of an output, as a share of the largest value of the output or 1.
        program: the program that computed the outputs of the file.
    """

    path: str
    bytes: int
    rows: int
    difference: float
    program: str

    def __str__(self) -> str:
        message = fact(
            "{path}: {bytes:,} bytes; {program} computes the outputs of the model for {rows} rows "
            "(largest difference {difference:.1e})",
            path=self.path,
            bytes=self.bytes,
            program=self.program,
            rows=self.rows,
            difference=self.difference,
        )
        return str(rendered(message, settings.lang))


FORMATS: dict[str, tuple[str, str]] = {
    "onnx": (".onnx", "chainrule.interop.onnx.export.file"),
    "torch": ("_torch.py", "chainrule.interop.export.torch_file"),
    "numpy": (".py", "chainrule.interop.export.numpy_file"),
    "c": (".c", "chainrule.interop.export.c_file"),
    "html": (".html", "chainrule.interop.export.html_file"),
    "stablehlo": (".stablehlo", "chainrule.interop.export.stablehlo_file"),
}
"""The end of the names of each format, longer ones first, and the module whose ``draft`` writes it."""


def export_notices(model: ModelState) -> list[Message]:
    """Return what files of other programs do not compute as ``chainrule predict`` does."""
    rounding = fact("export: the file computes without the rounding of this model's products")
    return [rounding] * (model.in_dtype() is not model) + omissions(model)


def export_model(model: ModelState, path: str | os.PathLike[str], **options: Any) -> Exported:
    """Write a trained model as a file of another program; see ``chainrule.Model.export``."""
    name, suffixes = os.fspath(path), dict(FORMATS.values())
    suffix = next((end for end in suffixes if name.lower().endswith(end)), None)
    if suffix is None:
        fix = f'model.export("{Path(name).stem}{{}}")'
        raise unknown("export", Path(path).suffix or name, sorted(suffixes), fix, example=".onnx")
    trained_network(model, "export")
    for text in export_notices(model):
        notices.emit(text)
    model = model.in_dtype()
    atomic_write.require_writable(path)
    rows = example_rows(model)
    function = importlib.import_module(suffixes[suffix]).draft
    known = list(inspect.signature(function).parameters)[3:]
    for option in options.keys() - set(known):
        raise unknown(f"export, {suffix}", option, known, "model.export(path, {}=...)")
    draft: Draft = function(model, name, rows, **options)
    for suffix in draft.files:
        require_own(Path(path).with_suffix(suffix))
    expected = rows.outputs if draft.expected is None else draft.expected
    difference = _difference(expected, draft.run(), name, draft)
    for suffix, content in draft.files.items():
        atomic_write.write(Path(path).with_suffix(suffix), content)
    atomic_write.write(path, draft.content)
    return Exported(name, len(draft.content), rows.count, difference, draft.program)


def require_own(path: Path) -> None:
    """Require that a file whose name the user did not pass does not exist, or was exported before.

    Raises:
        UsageError E609: it is another file, which would be overwritten.
    """
    if not path.is_file():
        return
    with open(path, "rb") as file:
        if _MARK in file.read(_HEAD):
            return
    fix = fact("another name, or a folder of its own")
    expected = fact("no file, or one that an export wrote")
    raise UsageError("E609", where="export", expected=expected, received=str(path), fix=fix)


def _difference(expected: Outputs, received: Outputs, where: str, draft: Draft) -> float:
    """Return the largest difference of an output; refuse one that exceeds the tolerance.

    Raises:
        FileError E463: the file computes other values than the model.
    """
    tolerance = TOLERANCE if draft.tolerance is None else draft.tolerance
    shares = differences(expected, received, tolerance)
    for name, share in shares.items():
        if not share <= tolerance:
            limit = fact("a difference of at most {limit:.0e} in {name}", limit=tolerance, name=name)
            program = draft.program
            raise FileError("E463", where=where, program=program, expected=limit, received=f"{share:.1e}")
    return max(shares.values(), default=0.0)


def differences(expected: Outputs, received: Outputs, tolerance: float = TOLERANCE) -> dict[str, float]:
    """Return the largest difference of each output, as a share of its largest value or 1; 1 of other labels.

    Args:
        expected: the outputs of a model by name.
        received: those of a file.
        tolerance: the difference of probabilities up to which labels may differ.
    """
    shares = {}
    for name, values in expected.items():
        others = np.asarray(received[name]).reshape(values.shape)
        if values.dtype.kind != "f":
            is_equal = bool((others == values).all())
            shares[name] = 0.0 if is_equal or _are_ties(expected, name, others, tolerance) else 1.0
        else:
            scale = max(1.0, float(np.abs(values[np.isfinite(values)]).max(initial=0.0)))
            shares[name] = float(np.abs(others - values).max(initial=0.0)) / scale
    return shares


def _are_ties(expected: Outputs, name: str, others: np.ndarray, tolerance: float) -> bool:
    """Return whether labels differ only where two classes are equally likely within the tolerance."""
    probabilities = expected.get(f"{name.removesuffix('label')}probabilities")
    if probabilities is None or probabilities.ndim < 2:
        return False
    top = np.sort(probabilities, axis=-1)[..., -2:]
    return bool((top[..., 1] - top[..., 0])[others != expected[name]].max(initial=0.0) <= 2 * tolerance)
