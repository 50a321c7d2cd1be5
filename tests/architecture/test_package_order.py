"""A package imports only packages on lower levels, and each library is imported only by its packages."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from source_files import EXAMPLES, PACKAGE, SOURCE, nodes, violations

LOWEST = (
    "lazy_imports",
    "block_index",
    "memoization",
    "fork_safety",
    "records",
    "escaping",
    "messages",
    "errors",
    "optional_dependency",
    "validation",
    "extension",
    "symbolic_shape",
    "exact_cast",
    "portable_math",
    "prng",
    "thread_count",
    "settings",
    "events",
    "notation",
    "store",
)
LEVELS = (
    LOWEST,
    ("graph",),
    ("ops",),
    ("nn",),
    ("gradient",),
    ("plan",),
    ("engines",),
    ("bounds",),
    ("metrics",),
    ("train",),
    ("generation",),
    ("trace",),
    ("texts",),
    ("page", "course"),
    ("catalog", "plotting", "step_explanation"),
    ("attribution", "diagnosis"),
    ("robustness", "uncertainty"),
    ("auditing",),
    ("models", "interop"),
    ("model",),
    ("inputs",),
    ("tabular",),
    ("estimators",),
    ("web",),
    ("serve",),
    ("studio",),
    ("apps",),
    ("chainrule_examples",),
)
LEVEL_OF = {package: level for level, packages in enumerate(LEVELS) for package in packages}

# Packages of the lowest level import one another only as listed here. data is on that level too, and is
# imported from train upwards.
LOWEST_IMPORTS = {
    "lazy_imports": set(),
    "block_index": {"lazy_imports"},
    "memoization": set(),
    "fork_safety": set(),
    "records": set(),
    "escaping": set(),
    "messages": set(),
    "errors": {"escaping", "messages", "records"},
    "optional_dependency": {"errors"},
    "validation": {"errors", "messages"},
    "extension": {"memoization", "errors", "records"},
    "symbolic_shape": {"records"},
    "exact_cast": {"errors", "symbolic_shape"},
    "portable_math": set(),
    "prng": {"portable_math"},
    "thread_count": set(),
    "settings": {"validation", "errors", "records", "thread_count"},
    "events": {"validation", "errors", "messages", "records", "symbolic_shape", "thread_count"},
    "notation": {"validation", "escaping", "lazy_imports", "errors", "messages", "records"},
    "store": {"validation", "lazy_imports", "errors", "records", "settings"},
    "data": {
        "optional_dependency",
        "validation",
        "memoization",
        "messages",
        "block_index",
        "lazy_imports",
        "errors",
        "escaping",
        "events",
        "exact_cast",
        "extension",
        "fork_safety",
        "records",
        "prng",
        "settings",
        "symbolic_shape",
        "store",
    },
}
# Libraries and the packages that may import them (None: all). A library that is not listed is not checked.
LIBRARIES = {
    "numpy": None,
    "scipy": None,
    "sklearn": {"data", "tabular", "estimators", "apps"},
    "polars": {"data", "train", "tabular", "serve", "apps"},
    "safetensors": {"store", "train", "interop"},
    "filelock": {"store", "train", "apps"},
    "threadpoolctl": {"train"},
    "jinja2": {"apps", "page", "tabular", "serve"},
    "rich": {"apps", "page", "train"},
    "markdown_it": {"course"},
    "pygments": {"course"},
    "latex2mathml": {"course"},
    "typer": {"apps"},
    "click": {"apps"},
    "pandas": {"data"},
    "pyarrow": {"data"},
    "PIL": {"data", "apps"},
    "matplotlib": {"plotting"},
    "tokenizers": {"data"},
    "soundfile": {"data"},
    "rdkit": {"data"},
    "sacrebleu": set(),
    "onnx": {"interop"},
    "llvmlite": {"engines"},
    "jax": {"engines"},
    "starlette": {"web", "serve", "studio"},
    "anywidget": {"studio"},
    "traitlets": {"studio"},
    "uvicorn": {"web"},
    "prometheus_client": {"serve"},
}
FORBIDDEN = {"torch", "torchvision", "pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}


def package_of(file: Path) -> str:
    """The package of a file: its first folder, or its own name; ``""`` for ``chainrule`` itself."""
    if file.is_relative_to(EXAMPLES):
        return EXAMPLES.name
    first = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    return "" if first in ("__init__", "__main__") else first


@cache
def imports_of(file: Path) -> list[tuple[str, int]]:
    """The modules that a file imports anywhere, also inside functions, with the line."""
    modules: list[tuple[str, int]] = []
    for node in nodes(file):
        if isinstance(node, ast.Import):
            modules += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{file}:{node.lineno}: a relative import hides the package that it imports"
            )
            is_top = node.module == "chainrule"  # then the names are packages: from chainrule import prng
            names = [f"chainrule.{alias.name}" for alias in node.names] if is_top else [node.module or ""]
            modules += [(name, node.lineno) for name in names]
    return modules


def may_import(package: str, other: str) -> bool:
    """Whether one package may import another."""
    if package in (
        "",
        "apps",
        "chainrule_examples",
        other,
    ):  # chainrule itself, apps and the examples import everything
        return True
    if package in LOWEST_IMPORTS:
        return other in LOWEST_IMPORTS[package]
    if other == "data":
        return LEVEL_OF[package] >= LEVEL_OF["metrics"]
    return other in LEVEL_OF and LEVEL_OF[other] < LEVEL_OF[package]


def upward(package: str, modules: list[tuple[str, int]]) -> list[str]:
    """Those of some imports whose package is on the same or a higher level."""
    wrong = []
    for module, line in modules:
        head, _, rest = module.partition(".")
        other = rest.partition(".")[0]
        is_constant = other == "__version__"  # of chainrule itself, defined without any import
        if head == "chainrule" and not is_constant and not may_import(package, other):
            wrong.append(f"{module} (line {line})")
    return wrong


def test_every_package_has_a_level() -> None:
    packages = {package_of(file) for file in PACKAGE} - {""}
    assert packages - set(LEVEL_OF) - set(LOWEST_IMPORTS) == set()


def test_packages_import_only_lower_levels() -> None:
    assert violations(lambda file: upward(package_of(file), imports_of(file)), PACKAGE) == {}


def test_upward_imports_are_reported() -> None:
    assert upward("graph", [("chainrule.ops.operation_card", 1), ("chainrule.symbolic_shape", 2)]) == [
        "chainrule.ops.operation_card (line 1)"
    ]
    assert upward("data", [("chainrule.graph", 3)]) == ["chainrule.graph (line 3)"]
    assert upward("nn", [("chainrule.data.tables.table", 4)]) == ["chainrule.data.tables.table (line 4)"]
    assert upward("train", [("chainrule.data.tables.table", 5), ("chainrule.engines", 6)]) == []


def misplaced(package: str, modules: list[tuple[str, int]]) -> list[str]:
    """Those of some imports whose library the package may not import: examples import every library."""
    wrong = []
    for module, line in modules:
        head = module.partition(".")[0]
        allowed = LIBRARIES.get(head)
        if head in FORBIDDEN or (allowed is not None and package not in {*allowed, "chainrule_examples"}):
            wrong.append(f"{head} (line {line})")
    return wrong


def test_libraries_are_imported_only_by_their_packages() -> None:
    assert violations(lambda file: misplaced(package_of(file), imports_of(file)), PACKAGE) == {}


def test_a_library_in_another_package_is_reported() -> None:
    assert misplaced("ops", [("torch.nn", 1), ("rich", 2), ("numpy", 3)]) == [
        "torch (line 1)",
        "rich (line 2)",
    ]


def test_engines_do_not_import_one_another() -> None:
    engines = [folder.name for folder in (SOURCE / "engines").iterdir() if (folder / "__init__.py").exists()]
    assert len(engines) > 1
    for name in engines:
        others = tuple(f"chainrule.engines.{other}" for other in engines if other != name)
        for file in (SOURCE / "engines" / name).rglob("*.py"):
            assert [m for m, _ in imports_of(file) if m.startswith(others)] == [] or not others, file
