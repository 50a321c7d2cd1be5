"""Every dependency has one lower bound, and the extras install only what the package imports."""

from __future__ import annotations

import importlib.util
import tomllib
from types import ModuleType
from typing import Any

import pytest

from source_files import PACKAGE, ROOT, text

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DEVELOPMENT = ("test", "bench", "docs")  # extras for work on the project
MODULES = {
    "mlflow-skinny": "mlflow",
    "pillow": "PIL",
    "prometheus-client": "prometheus_client",
}  # distributions whose module has another name


def lower_bounds() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lower_bounds", ROOT / ".ci" / "lower_bounds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_requirement_has_one_lower_bound() -> None:
    project = PROJECT["project"]
    requirements = [
        *project["dependencies"],
        *(r for e in project["optional-dependencies"].values() for r in e),
    ]
    pins = lower_bounds().constraints(PROJECT)
    assert {pin.partition("==")[0] for pin in pins} >= {lower_bounds().lowest(r)[0] for r in requirements}
    assert len(pins) > 30


@pytest.mark.parametrize("requirement", ["numpy", "numpy<3", "numpy==2.0"])
def test_a_requirement_without_a_lower_bound_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match="no lower bound"):
        lower_bounds().lowest(requirement)


def test_two_bounds_for_one_package_are_refused() -> None:
    project: dict[str, Any] = {"dependencies": ["a>=1"], "optional-dependencies": {"b": ["a[c]>=1.1,<2"]}}
    with pytest.raises(ValueError, match="a has the lower bounds 1 and 1"):
        lower_bounds().constraints({"build-system": {"requires": []}, "project": project})


def test_an_extra_installs_only_what_the_package_imports() -> None:
    extras = {n: e for n, e in PROJECT["project"]["optional-dependencies"].items() if n not in DEVELOPMENT}
    names = {lower_bounds().lowest(requirement)[0] for extra in extras.values() for requirement in extra}
    source = "".join(map(text, PACKAGE))
    assert [name for name in sorted(names) if MODULES.get(name, name) not in source] == []
