"""A room imports only rooms on lower floors, and heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from source_files import PACKAGE, SOURCE, tree, violations

GROUND = (
    "lazy_imports",
    "fork",
    "records",
    "escaping",
    "errors",
    "extension",
    "spec",
    "portable_math",
    "prng",
    "settings",
    "events",
    "notation",
    "store",
)
FLOORS = (
    GROUND,
    ("graph",),
    ("ops",),
    ("nn",),
    ("gradient",),
    ("plan",),
    ("engines",),
    ("train",),
    ("trace",),
    ("texts",),
    ("page",),
    ("catalog", "plotting", "derive"),
    ("attribution", "diagnosis"),
    ("models", "interop"),
    ("model_analysis",),
    ("model",),
    ("apps",),
)
HEIGHT = {package: height for height, packages in enumerate(FLOORS) for package in packages}

# Ground-floor packages see each other only as listed; data is there too and is imported from train upwards.
GROUND_MAY = {
    "lazy_imports": set(),
    "fork": set(),
    "records": set(),
    "escaping": set(),
    "errors": {"escaping", "records"},
    "extension": {"errors", "records"},
    "spec": {"records"},
    "portable_math": set(),
    "prng": {"portable_math"},
    "settings": {"errors", "records"},
    "events": {"errors", "records", "spec"},
    "notation": {"escaping", "lazy_imports", "errors", "records"},
    "store": {"lazy_imports", "errors", "records", "settings"},
    "data": {"lazy_imports", "errors", "extension", "fork", "records", "prng", "spec", "store"},
}
# Libraries and the rooms that may import them; one that is not listed here belongs to no room of the package.
LIBRARIES = {
    "numpy": None,
    "scipy": None,
    "sklearn": {"data", "train", "apps"},
    "polars": {"data", "train", "apps"},
    "safetensors": {"store", "train", "interop"},
    "filelock": {"store", "train", "apps"},
    "threadpoolctl": {"train"},
    "jinja2": {"apps", "page"},
    "rich": {"apps", "train"},
    "typer": {"apps"},
    "click": {"apps"},
    "numba": {"engines"},
    "pandas": {"data"},
    "pyarrow": {"data"},
    "PIL": {"data"},
    "matplotlib": {"plotting"},
    "tokenizers": {"data"},
    "soundfile": {"data"},
    "sacrebleu": {"apps"},
    "llvmlite": {"engines"},
}
FORBIDDEN = {"torch", "torchvision", "pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}


def room_of(file: Path) -> str:
    """The room a file belongs to: its first folder, or its own name; ``""`` for the package itself."""
    first = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    return "" if first in ("__init__", "__main__") else first


@cache
def imports_of(file: Path) -> list[tuple[str, int]]:
    """Every module a file imports anywhere, also inside functions, with the line."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: a relative import hides which room it reaches"
            whole = node.module == "chainrule"  # then the names are rooms: from chainrule import keyed
            names = [f"chainrule.{alias.name}" for alias in node.names] if whole else [node.module or ""]
            found += [(name, node.lineno) for name in names]
    return found


def may_import(room: str, other: str) -> bool:
    """Whether one room may import another."""
    if room in ("", "apps", other):  # the package gathers all rooms, and apps stand on top
        return True
    if room in GROUND_MAY:
        return other in GROUND_MAY[room]
    if other == "data":
        return HEIGHT[room] >= HEIGHT["train"]
    return other in HEIGHT and HEIGHT[other] < HEIGHT[room]


def upward(room: str, modules: list[tuple[str, int]]) -> list[str]:
    """The imports of these that reach a room on the same floor or above."""
    wrong = []
    for module, line in modules:
        head, _, rest = module.partition(".")
        other = rest.partition(".")[0]
        if head == "chainrule" and not may_import(room, other):
            wrong.append(f"{module} (line {line})")
    return wrong


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(file) for file in PACKAGE} - {""}
    assert rooms - set(HEIGHT) - set(GROUND_MAY) == set()


def test_a_room_imports_only_lower_floors() -> None:
    assert violations(lambda file: upward(room_of(file), imports_of(file)), PACKAGE) == {}


def test_an_upward_import_would_be_seen() -> None:
    assert upward("graph", [("chainrule.ops.card", 1), ("chainrule.spec", 2)]) == [
        "chainrule.ops.card (line 1)"
    ]
    assert upward("data", [("chainrule.settings", 3)]) == ["chainrule.settings (line 3)"]
    assert upward("nn", [("chainrule.data.tables.table", 4)]) == ["chainrule.data.tables.table (line 4)"]
    assert upward("train", [("chainrule.data.tables.table", 5), ("chainrule.engines", 6)]) == []


def strays(room: str, modules: list[tuple[str, int]]) -> list[str]:
    """The imports of these that bring a library into a room where it does not belong."""
    wrong = []
    for module, line in modules:
        head = module.partition(".")[0]
        allowed = LIBRARIES.get(head)
        if head in FORBIDDEN or (allowed is not None and room not in allowed):
            wrong.append(f"{head} (line {line})")
    return wrong


def test_libraries_stay_in_their_rooms() -> None:
    assert violations(lambda file: strays(room_of(file), imports_of(file)), PACKAGE) == {}


def test_a_stray_library_would_be_seen() -> None:
    assert strays("ops", [("torch.nn", 1), ("rich", 2), ("numpy", 3)]) == ["torch (line 1)", "rich (line 2)"]


def test_engines_do_not_import_one_another() -> None:
    engines = [folder.name for folder in (SOURCE / "engines").iterdir() if (folder / "__init__.py").exists()]
    for name in engines:
        others = tuple(f"chainrule.engines.{other}" for other in engines if other != name)
        for file in (SOURCE / "engines" / name).rglob("*.py"):
            assert [m for m, _ in imports_of(file) if m.startswith(others)] == [] or not others, file
