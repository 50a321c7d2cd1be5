"""``import chainrule`` is light, and so is the first training step. No timing: what is loaded decides."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

HEAVY = {
    "scipy", "sklearn", "polars", "pandas", "matplotlib", "rich", "typer", "torch", "numba", "jax", "jinja2",
    "filelock", "safetensors", "asyncio", "multiprocessing",
}  # fmt: skip


def test_import_loads_nothing_heavy() -> None:
    code = "import sys; import chainrule; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded & HEAVY == set()
    assert "chainrule" in loaded


TRAIN = """
import sys
import chainrule as cr
net = cr.Sequential(cr.Dense(3, "relu"), cr.Dense(2))
model = cr.Model(net, "cross_entropy", cr.SGD(0.1), engine="reference")
model.fit([[0.0], [1.0]], [0, 1], epochs=1, batch_size=2, verbose=False)
print(*sys.modules)
"""
# What a net of two dense layers, trained in silence, has no use for: files that explain, read tables, save,
# draw, or hold other layers, losses and optimizers.
UNUSED = (
    "apps", "data.tables.columns", "data.tables.preparation", "data.readers.sources",
    "data.readers.streaming", "page", "derive.narrative", "engines.parity", "engines.profile",
    "nn.layers.convolution", "nn.loss.regression", "nn.optimizer.adam", "nn.serialization",
    "nn.recurrent", "nn.schedule.cyclic", "notation.latex", "notation.mathml", "store.run_folder",
    "trace.tracer", "train.monitor.progress_bar", "train.monitor.lr_finder", "train.monitor.profile",
)  # fmt: skip


def test_a_first_step_loads_only_what_it_uses() -> None:
    done = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {name.partition(".")[0] for name in loaded} & (HEAVY - {"multiprocessing"}) == set()
    assert [name for name in UNUSED if f"chainrule.{name}" in loaded] == []
    assert "chainrule.nn.loss.classification" in loaded


def test_what_should_stay_unused_exists() -> None:
    assert [name for name in UNUSED if find_spec(f"chainrule.{name}") is None] == []


def test_every_public_name_can_be_used() -> None:
    # In a process of its own, after all rooms are loaded: a room must not hide the name it is called like.
    code = """
import importlib, pkgutil, types
import chainrule
for found in pkgutil.iter_modules(chainrule.__path__, "chainrule."):
    importlib.import_module(found.name)
rooms = {"errors", "events", "models"}
values = {name: getattr(chainrule, name) for name in dir(chainrule) if name not in rooms}
print(*(name for name, value in values.items() if isinstance(value, types.ModuleType)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], "these public names are rooms, not what they should be"
