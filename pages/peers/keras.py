"""Keras's exported names, read from its wheel: ``python -m pages.peers.keras keras-3.15.1-py3-none-any.whl``.

The wheel (``pip download --no-deps keras``) is parsed, never executed. The list is stored next to this file,
so that the table of names can be generated without Keras.
"""

from __future__ import annotations

import ast
import re
import sys
import zipfile
from pathlib import Path

NAMESPACES = (
    "layers",
    "activations",
    "losses",
    "optimizers",
    "optimizers.schedules",
    "initializers",
    "regularizers",
    "constraints",
    "metrics",
    "callbacks",
)
LIST = Path(__file__).with_name("keras.txt")


def keras_names() -> tuple[str, dict[str, list[str]]]:
    """The Keras version of the stored list, and the names of each namespace."""
    first, *lines = LIST.read_text(encoding="utf-8").splitlines()
    names: dict[str, list[str]] = {}
    for line in lines:
        namespace, _, name = line.rpartition(".")
        names.setdefault(namespace, []).append(name)
    return first.split()[2].rstrip(","), names


def read_wheel(wheel: Path) -> list[str]:
    """The qualified names that the ``__init__`` files of the namespaces import."""
    names = []
    with zipfile.ZipFile(wheel) as inside:
        for namespace in NAMESPACES:
            tree = ast.parse(inside.read(f"keras/{namespace.replace('.', '/')}/__init__.py"))
            imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
            exported = sorted({alias.asname or alias.name for node in imports for alias in node.names})
            names += [f"keras.{namespace}.{name}" for name in exported]
    return names


def main(wheel: Path) -> None:
    """Write the list of names of a wheel."""
    version = re.search(r"keras-([\d.]+)-", wheel.name)
    assert version is not None, f"{wheel.name} is not a Keras wheel"
    head = f"# keras {version[1]}, read from its wheel by python -m pages.peers.keras"
    LIST.write_text("\n".join([head, *read_wheel(wheel)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
