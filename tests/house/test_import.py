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
    assert {"numpy", "chainrule"} <= loaded
