"""The error for optional libraries that are not installed.

Images, texts and audio are read by libraries that users of tables do not need. Each belongs to an *extra* of
the package; if it is missing, the error contains the command that installs it.
"""

from __future__ import annotations

import re

from chainrule.errors import DataError, fact

EXTRAS = {
    "images": "Pillow",
    "text": "tokenizers",
    "audio": "soundfile",
    "translation": "sacrebleu",
    "plots": "matplotlib",
    "duckdb": "DuckDB",
    "tune": "Optuna",
    "dask": "Dask with distributed",
    "ray": "Ray",
    "games": "numba",
    "robots": "gymnasium with MuJoCo",
    "onnx": "onnx",
    "speech": "espeakng-loader",
    "molecules": "RDKit",
    "privacy": "dp-accounting",
    "serve": "Starlette with uvicorn",
    "studio": "Starlette with uvicorn",
    "xla": "JAX",
    "mlflow": "MLflow",
    "wandb": "wandb",
    "torch": "PyTorch",
}


def missing(extra: str, where: object) -> DataError:
    """Return the error for an optional library that is not installed.

    Args:
        extra: one of ``EXTRAS``.
        where: what was to be read.

    Example:
        >>> missing("audio", "speech.wav").fix
        "python -m pip install 'chainrule[audio]'"
    """
    fix = f"python -m pip install 'chainrule[{extra}]'"
    return DataError("E350", where=str(where), library=EXTRAS[extra], expected=EXTRAS[extra], fix=fix)


def require_version(extra: str, where: object, version: str, oldest: tuple[int, ...]) -> None:
    """Check the version of an optional library that is installed.

    Args:
        extra: one of ``EXTRAS``.
        where: what needs it.
        version: the version that is installed.
        oldest: the oldest that suffices.

    Raises:
        DataError E350: it is older; the fix upgrades it.

    Example:
        >>> require_version("xla", 'engine="xla"', "0.11.0", (0, 10, 2))
    """
    if tuple(int(number) for number in re.findall(r"\d+", version)[: len(oldest)]) >= oldest:
        return
    name, number = EXTRAS[extra], ".".join(map(str, oldest))
    expected = fact("{name} {number} or newer", name=name, number=number)
    fix = f"python -m pip install --upgrade 'chainrule[{extra}]'"
    received = f"{name} {version}"
    raise DataError(
        "E350", where=str(where), library=f"{name} {number}", expected=expected, received=received, fix=fix
    )
