"""A model as one StableHLO program, which JAX runs on CPUs, GPUs and TPUs without chainrule.

    program = jax.export.deserialize(open("model.stablehlo", "rb").read())
    with jax.enable_x64(True):
        program.call({"x": rows})

The inputs are the arrays of the network (for tables those after the preparation), the outputs
``prediction.NAME``: probabilities, or values (for tables standardized ones). JAX reads a file at least six
months after it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.interop.export.example_rows import ExampleRows
from chainrule.interop.export.formats import Draft
from chainrule.interop.export.served_predictions import served_predictions

if TYPE_CHECKING:
    from chainrule.train.inputs.target import Target
    from chainrule.train.model_state import ModelState


def draft(model: ModelState, where: str, rows: ExampleRows) -> Draft:
    """Return a trained model as a StableHLO program that is not written yet.

    Args:
        model: with parameters.
        where: the path of the file.
        rows: example rows with the outputs of the model.

    Raises:
        DataError E350: JAX is not installed. FileError E462: an operation without a StableHLO form.
    """
    from chainrule.engines import xla  # noqa: PLC0415 (JAX is optional)

    assert model.network is not None
    try:
        content = xla.portable_program(served_predictions(model), model.arrays)
    except (TypeError, ValueError) as cause:
        raise FileError(
            "E462", where=where, name="stablehlo", expected=fact("symbolic sizes"), received=str(cause)[:200]
        ) from cause
    return Draft(content, lambda: _outputs(model, xla.run_portable(content, rows.arrays)), xla.VERSION)


def _outputs(model: ModelState, values: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Return what users see: labels and probabilities, or values."""
    outputs: dict[str, np.ndarray] = {}
    for name, target in model.targets.items():
        prefix = "" if len(model.targets) == 1 else f"{name}."
        outputs |= {
            prefix + key: array for key, array in _output(model, target, values[f"prediction.{name}"]).items()
        }
    return outputs


def _output(model: ModelState, target: Target, value: np.ndarray) -> dict[str, Any]:
    if target.is_classes:
        labels = np.array(target.labels or range(target.max_classes))
        if target.max_classes != target.scores:
            p = value.reshape(-1, 1)
            value = np.concatenate([1 - p, p], axis=1)
        value = value[..., : len(labels)]
        return {"label": labels[value.argmax(-1)], "probabilities": value}
    if target.loss.task == "classification":
        return {"label": (value > 0.5).astype(np.int64), "probabilities": value}
    value = value[:, 0] if value.ndim == 2 and value.shape[1] == 1 else value
    if model.preparation is not None and model.preparation.task == "regression":
        value = value.astype(np.float64) * model.preparation.target_std + model.preparation.target_mean
    return {"value": value}
