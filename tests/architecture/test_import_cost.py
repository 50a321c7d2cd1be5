"""``import chainrule`` and a first training step load few modules. Modules are counted, not seconds."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

HEAVY = {
    "scipy",
    "sklearn",
    "polars",
    "pandas",
    "matplotlib",
    "rich",
    "typer",
    "torch",
    "numba",
    "jax",
    "jinja2",
    "filelock",
    "safetensors",
    "asyncio",
    "multiprocessing",
}


def test_import_loads_no_large_library() -> None:
    code = "import sys; import chainrule; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded & (HEAVY | {"numpy"}) == set()
    assert "chainrule" in loaded


TRAIN = """
import sys
import chainrule as cr
network = cr.Sequential(cr.Dense(3, "relu"), cr.Dense(2))
model = cr.Model(network, "cross_entropy", cr.SGD(0.1), engine="reference")
model.fit([[0.0], [1.0]], [0, 1], epochs=1, batch_size=2, verbose=False)
print(*sys.modules)
"""
# Modules that the training of two dense layers without output does not need: explanations, tables, saving,
# plots, other layers, losses and optimizers.
UNUSED = (
    "apps",
    "data.tables.columns",
    "data.tables.fitted_preparation",
    "data.readers.sources",
    "data.readers.streaming",
    "page",
    "step_explanation.narrative",
    "engines.parity",
    "engines.profile",
    "nn.layers.convolution",
    "nn.loss.regression",
    "nn.optimizer.adam",
    "nn.serialization",
    "nn.recurrent",
    "nn.schedule.cosine_and_cyclic",
    "notation.latex",
    "notation.mathml",
    "store.run_folder",
    "trace.tracer",
    "train.monitor.progress_bar",
    "train.monitor.lr_finder",
    "train.monitor.profile",
)


def test_a_first_training_loads_only_the_modules_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {name.partition(".")[0] for name in loaded} & (HEAVY - {"multiprocessing"}) == set()
    assert [name for name in UNUSED if f"chainrule.{name}" in loaded] == []
    assert "chainrule.nn.loss.classification" in loaded


def test_the_list_of_unused_modules_names_modules_that_exist() -> None:
    assert [name for name in UNUSED if find_spec(f"chainrule.{name}") is None] == []


def test_no_public_name_is_hidden_by_a_module() -> None:
    # In a separate process that imports all packages: none may replace a public name of the same name.
    code = """
import importlib, pkgutil, types
import chainrule
for module in pkgutil.iter_modules(chainrule.__path__, "chainrule."):
    importlib.import_module(module.name)
packages = {"data", "errors", "events", "models", "nn"}
values = {name: getattr(chainrule, name) for name in dir(chainrule) if name not in packages}
print(*(name for name, value in values.items() if isinstance(value, types.ModuleType)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], "these public names are modules"
