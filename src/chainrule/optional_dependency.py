"""The error for optional libraries that are not installed.

Images, texts and audio are read by libraries that users of tables do not need. Each belongs to an *extra* of
the package; if it is missing, the error contains the command that installs it.
"""

from __future__ import annotations

from chainrule.errors import DataError

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
    "xla": "JAX 0.10.2",
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
