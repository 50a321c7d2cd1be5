"""Lazy names and registries: every name resolves to its object, and nothing is imported before its use."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import chainrule
from chainrule.errors import UsageError
from chainrule.lazy_imports import LazyRegistry
from chainrule.nn.loss import LOSSES, known_loss
from chainrule.nn.optimizer import OPTIMIZERS

PACKAGES = (
    "data",
    "attribution",
    "step_explanation",
    "diagnosis",
    "nn",
    "nn.loss",
    "nn.optimizer",
    "nn.schedule",
    "store",
    "trace",
    "train",
)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_of_a_package_resolves(package: str) -> None:
    # In a new process, after all modules of the package are loaded: a module must not hide an object of its
    # name.
    code = f"""
import importlib, pkgutil, types
import chainrule.{package} as package
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
print(*(name for name in dir(package) if isinstance(getattr(package, name), types.ModuleType)))
print(len(dir(package)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    hidden, count = done.stdout.splitlines()
    assert hidden == ""
    assert int(count) > 0


@pytest.mark.parametrize("package", PACKAGES)
def test_an_unknown_name_is_refused_as_python_does(package: str) -> None:
    module = import_module(f"chainrule.{package}")
    assert isinstance(module, ModuleType)
    with pytest.raises(AttributeError, match=f"module 'chainrule.{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018
    with pytest.raises(ImportError, match="nothing"):
        exec(f"from chainrule.{package} import nothing")


def test_names_of_other_libraries_are_translated_in_the_error() -> None:
    names = {"Linear": "layer Dense", "Conv2D": "layer Conv", "CrossEntropyLoss": "loss cross_entropy"}
    for name, ours in names.items():
        use = f"use cr.{ours.split()[1]} (chainrule show {ours})"
        with pytest.raises(AttributeError, match=re.escape(f"has no attribute '{name}'; {use}")):
            getattr(chainrule, name)
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
        chainrule.nothing  # noqa: B018
    for name, name_here in (("sparse_categorical_crossentropy", "cross_entropy"), ("MSELoss", "mse")):
        with pytest.raises(UsageError, match=f'loss="{name_here}"'):
            known_loss(name)


@pytest.mark.parametrize("registry", [LOSSES, OPTIMIZERS], ids=["losses", "optimizers"])
def test_keys_of_a_registry_are_the_names_of_its_objects(registry: LazyRegistry[Any]) -> None:
    assert {name: kind.name for name, kind in registry.items()} == {name: name for name in registry}
    assert len({*registry.values()}) == len(registry)
    assert "nothing" not in registry
    with pytest.raises(KeyError):
        registry["nothing"]


@pytest.mark.parametrize(
    "first",
    ["cr.input('x', (None, 2)) + 1", "cr.constant([[1.0]]).T", "cr.input('x', (3,)).sum()"],
    ids=["operator", "transpose", "method"],
)
def test_operators_of_nodes_work_before_any_other_import(first: str) -> None:
    code = f"import chainrule as cr\nprint(type({first}).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Node\n", "")


def test_the_package_is_refused_inside_an_archive(tmp_path: Path) -> None:
    source = Path(str(chainrule.__file__)).parent
    with zipfile.ZipFile(tmp_path / "chainrule.whl", "w") as archive:
        for file in source.glob("*.py"):
            archive.write(file, f"chainrule/{file.name}")
        for file in [*source.glob("errors/**/*.py"), *source.glob("messages/*.py")]:
            archive.write(file, f"chainrule/{file.relative_to(source).as_posix()}")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'chainrule.whl')!r}); import chainrule"
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False)
    assert "ImportError: chainrule cannot be imported from an archive" in done.stderr
    assert "python -m pip install" in done.stderr
