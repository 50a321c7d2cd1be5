"""``import chainrule`` is light: NumPy and nothing heavier. No timing: what is loaded decides."""

from __future__ import annotations

import subprocess
import sys

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


def test_every_public_name_can_be_used() -> None:
    # In a process of its own, after all rooms are loaded: a room must not hide the name it is called like.
    code = """
import importlib, pkgutil, types
import chainrule
for found in pkgutil.iter_modules(chainrule.__path__, "chainrule."):
    importlib.import_module(found.name)
rooms = {"errors", "events"}
values = {name: getattr(chainrule, name) for name in dir(chainrule) if name not in rooms}
print(*(name for name, value in values.items() if isinstance(value, types.ModuleType)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], "these public names are rooms, not what they should be"
