"""chainrule (链式法则): neural networks that train, explain and ship, with nothing hidden and nothing slow.

Every public name is listed here with its module, which is imported on first use: ``import chainrule`` costs
hardly more than ``import numpy``. Type checkers read the same names from ``__init__.pyi``, which
``python -m pages.stub`` writes.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from chainrule import block_index
from chainrule import fork_safety as fork_safety  # watches forks from the first import on
from chainrule.lazy_imports import by_name
from chainrule.settings import settings as settings

__version__ = "0.1.0"

if not Path(__file__).parent.is_dir():
    raise ImportError(
        f"chainrule cannot be imported from an archive, since its texts and tables are files: {__file__}\n"
        "install it: python -m pip install FILE.whl"
    )

_PACKAGES = ("data", "errors", "events", "models", "nn")
# The public names that are not building blocks, by the module that has them.
_NAMES: dict[str, str] = {
    "tabular.recorded_training": "replay",
    "attribution": "Attribution sanity",
    "diagnosis.seeds": "compare_seeds",
    "model": "Model load load_keras load_transformers",
    "engines": "GradientCheck check_gradient compile evaluate",
    "estimators": "TabularClassifier TabularRegressor",
    "engines.parity": "Parity parity",
    "gradient": "grad jvp",
    "graph": "Graph Node constant",
    "interop": "load_onnx load_weights read_weights",
    "ops.pullback_walk": "custom_gradient",
    "ops.scan.scan_builder": "scan",
    "ops.functional": (
        "abs acos acosh add arange argmax argmin argsort asin asinh atan atan2 atanh average_pool "
        "broadcast_to cast ceil clip concatenate convolution convolution_transpose cos cosh cummax "
        "cumprod cumsum divide einsum equal erf exp expand_dims expm1 eye fft flip floor full_like gather "
        "greater greater_equal ifft irfft is_finite is_nan less less_equal log log10 log1p log2 "
        "log_softmax logical_and logical_not logical_or logical_xor logsumexp matmul max max_pool maximum "
        "mean min minimum moveaxis multiply negative normal not_equal one_hot pad patches power prod relu "
        "remainder remat repeat resample reshape rfft roll round scatter_add sigmoid sign sin sinh "
        "softmax softplus sort split sqrt square squeeze stack std stop_gradient subtract sum swapaxes "
        "take_along_axis tan tanh tile topk transpose tril triu trunc uniform variance where"
    ),
    "ops.node_to_formula": "formula",
    "symbolic_shape": "Spec",
    "ops.vmap": "vmap",
    "train.nonfinite": "NonfiniteReport read_nonfinite_report trace_nonfinite",
    "generation.cached_decoder": "Cache Decoder",
    "generation": (
        "Generated Greedy MinP RepetitionPenalty STRATEGIES Strategy SuppressTokens Temperature TopK "
        "TopP generate stream_tokens"
    ),
    "tabular.train_table": "train_table",
    "tabular.search.tune_table": "TableSearch tune_table",
    "tabular.training": "TableRun",
    "train.callback": "Callback",
    "metrics": "METRICS metric",
    "train.shared_parameters": "Parameters",
    "train.private": "Privacy PrivacySpent",
    "train.robust": "AdversarialTraining IntervalTraining NoiseTraining TRADES",
    "train.callback.early_stopping": "Converged EarlyStopping EnsembleEarlyStopping",
    "train.trainer": "Trainer",
    "data": (
        "Buckets Tokenizer Windows check map_array pad_sequences read_blocks read_images read_table "
        "sample_rows stream text_rows text_windows unpack windows"
    ),
    "data.augmentation": "Augmentation RandAugment",
    "data.readers.audio": "Sound read_sound resampled",
    "data.readers.audio_folder": "Sounds read_sounds",
    "data.sequences.spectrogram_and_griffin_lim": "LogMel",
    "nn.regularization.constraint": "Constraint",
    "nn.optimizer": "Group StepContext",
    "nn.recurrent": "Recurrent",
    "nn.surgery": "recompute replace",
    "nn": "Initializer Layer Loss Optimizer Penalty Schedule Scope build layer",
}
_INTERNAL = {"Slowed"}  # blocks that only other blocks create
_MODULES = {
    **block_index.LAYERS,
    **block_index.LOSSES,
    **block_index.OPTIMIZERS,
    **block_index.SCHEDULES,
    **block_index.INITIALIZERS,
    **block_index.PENALTIES,
    **block_index.CONSTRAINTS,
    **block_index.CLIPS,
    **block_index.CALLBACKS,
    **block_index.MIXES,
    **dict.fromkeys(block_index.LOSS_NAMES, "nn.loss.functional"),
    **dict.fromkeys(block_index.ACTIVATIONS, "nn.activation.functional"),
    **by_name(_NAMES),
}
for _name in (*_INTERNAL, "linear"):
    del _MODULES[_name]
__all__ = sorted({*_MODULES, *_PACKAGES, "input", "settings"})  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    value = _imported(name)
    globals()[name] = value  # later accesses find it there
    return value


def _imported(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"chainrule.{name}")
    if name == "input" or _MODULES.get(name) == "graph":
        import_module("chainrule.ops")  # defines the operators between nodes
    if name == "input":  # defined as input_node, because input is a built-in function
        return import_module("chainrule.graph").input_node
    if name in _MODULES:
        return getattr(import_module(f"chainrule.{_MODULES[name]}"), name)
    raise AttributeError(_missing(name))


@lru_cache(maxsize=64)  # programs that inspect modules, such as pytest, ask for the same names often
def _missing(name: str) -> str:
    """Return the message for a name that does not exist; cheap for packages not loaded yet."""
    folder = Path(__file__).parent
    if name.startswith("__") or (folder / name).is_dir() or (folder / f"{name}.py").is_file():
        return f"module 'chainrule' has no attribute {name!r}"
    return import_module("chainrule.catalog.kind").missing_name(name, __dir__())


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})
