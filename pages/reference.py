"""The reference of all public names: a page for each area, written by Sphinx from docstrings.

``pages.block_page`` writes the pages of building blocks; functions of operations, losses and
activations are listed here with their signatures, too.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import ModuleType

import chainrule
from chainrule.catalog import KINDS
from pages.common_names import common_page
from pages.page import Page

FOLDER = "reference"
_OF_OTHERS = (  # methods of scikit-learn
    "set_fit_request, set_partial_fit_request, set_predict_request, set_predict_proba_request, "
    "set_score_request"
)
AREAS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "models": (
        "Models",
        "模型",
        ("model", "models", "interop", "nn.surgery", "settings", "tabular.recorded_training"),
    ),
    "training": ("Training", "训练", ("train", "tabular", "diagnosis", "events")),
    "estimators": ("scikit-learn estimators", "scikit-learn 估计器", ("estimators",)),
    "graphs": (
        "Graphs and gradients",
        "计算图与梯度",
        ("graph", "gradient", "engines", "symbolic_shape", "ops"),
    ),
    "operations": ("Operations as functions", "运算函数", ("ops.functional",)),
    "networks": ("Layers, losses and optimizers: base classes", "层、损失与优化器的基类", ("nn",)),
    "functions": (
        "Losses and activations as functions",
        "损失函数与激活函数",
        ("nn.loss.functional", "nn.activation.functional"),
    ),
    "data": ("Data", "数据", ("data",)),
    "generation": ("Generation", "生成", ("generation",)),
    "explanations": ("Explanations and metrics", "解释与指标", ("attribution", "metrics", "errors")),
}
"""For each page its title in both languages, and the modules whose public names it has."""


def public_names() -> dict[str, str]:
    """The public names that have no page of a building block, and all functions, with their modules."""
    blocks = {name for kind in KINDS.values() for name in kind.entries}
    modules = {name: vars(chainrule)["_MODULES"].get(name, name) for name in chainrule.__all__}
    modules["input"] = "graph"
    return {
        name: module
        for name, module in modules.items()
        if name not in blocks or inspect.isfunction(getattr(chainrule, name))
    }


def area_of(module: str) -> str:
    """The page of a module: that of its longest listed prefix."""
    prefixes = [
        (len(prefix), area)
        for area, (_, _, prefixes) in AREAS.items()
        for prefix in prefixes
        if module == prefix or module.startswith(f"{prefix}.")
    ]
    return max(prefixes)[1]


def reference_path(area: str) -> str:
    """The path of the page of an area."""
    return f"{FOLDER}/{area}.md"


def reference_pages() -> list[Page]:
    """All pages of the reference."""
    inside: dict[str, list[str]] = {area: [] for area in AREAS}
    for name, module in public_names().items():
        inside[area_of(module)].append(name)
    titles = {area: f"{english} {chinese}" for area, (english, chinese, _) in AREAS.items()}
    return [
        common_page(titles),
        *(
            Page(reference_path(area), _page(english, inside[area]))
            for area, (english, _, _) in AREAS.items()
        ),
    ]


def _page(english: str, names: Iterable[str]) -> str:
    """The Markdown of a page: classes first, then functions, each by name."""
    entries = public_entries(names)
    parts = [f"# {english}"]
    for name in sorted(entries, key=lambda name: (not inspect.isclass(entries[name]), name.casefold())):
        parts.append(f"## {name}")
        parts.append("\n".join(["```{eval-rst}", *_directive(name, entries[name]), "```"]))
    return "\n\n".join(parts) + "\n"


def public_entries(names: Iterable[str] | None = None) -> dict[str, object]:
    """What public names stand for, those of a module with its name; of all names by default."""
    entries: dict[str, object] = {}
    for name in public_names() if names is None else names:
        entry = getattr(chainrule, name)
        entries |= _members(name, entry) if inspect.ismodule(entry) else {name: entry}
    return entries


def _members(package: str, module: ModuleType) -> dict[str, object]:
    """The public names of a module that are not also names of ``chainrule``, with the name of the module."""
    names = getattr(module, "__all__", dir(module)) if package != "models" else dir(module)
    members = {name: getattr(module, name) for name in names if name not in chainrule.__all__}
    return {
        f"{package}.{name}": member for name, member in members.items() if _is_defined_in(member, package)
    }


def _is_defined_in(member: object, package: str) -> bool:
    """Whether a class or function is defined in a package, and has a name without an underscore."""
    name, module = getattr(member, "__name__", "_"), getattr(member, "__module__", "") or ""
    return f"{module}.".startswith(f"chainrule.{package}.") and not name.startswith("_")


def _directive(name: str, entry: object) -> list[str]:
    """The directive of Sphinx that documents a name."""
    if inspect.isclass(entry):
        return [f".. autoclass:: chainrule.{name}", "   :members:", f"   :exclude-members: {_OF_OTHERS}"]
    if callable(entry):
        return [f".. autofunction:: chainrule.{name}"]
    if isinstance(entry, Mapping):
        return [f".. py:data:: chainrule.{name}", "", f"   {', '.join(f'``{key}``' for key in entry)}"]
    kind = type(entry)
    return [f".. py:data:: chainrule.{name}", "", f"   .. autoclass:: {kind.__module__}.{kind.__name__}"]
