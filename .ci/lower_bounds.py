"""Print the lowest version of every dependency that ``pyproject.toml`` allows, as constraints for pip.

    python .ci/lower_bounds.py > lowest.txt
    python -m pip install -e '.[images,text]' -c lowest.txt

The bounds are defined in ``pyproject.toml`` only.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?(?P<bounds>[^;]*)")
_LOWEST = re.compile(r">=\s*([0-9][0-9A-Za-z.]*)")


def lowest(requirement: str) -> tuple[str, str]:
    """The name of a requirement and its lowest version.

    Raises:
        ValueError: the requirement has no lower bound.

    Example:
        >>> lowest("polars>=1.10,<2")
        ('polars', '1.10')
    """
    parts = _REQUIREMENT.match(requirement)
    bound = parts and _LOWEST.search(parts["bounds"])
    if not parts or not bound:
        raise ValueError(f'pyproject.toml: "{requirement}" has no lower bound: write "name>=1.2"')
    return parts["name"].lower(), bound[1]


def constraints(document: dict) -> list[str]:
    """One line ``name==version`` for each dependency of the package, of its extras and of its build.

    Args:
        document: the content of ``pyproject.toml``.

    Raises:
        ValueError: a requirement has no lower bound, or two extras give one package different ones.
    """
    project = document["project"]
    requirements = [*document["build-system"]["requires"], *project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        requirements += extra
    versions: dict[str, str] = {}
    for name, version in map(lowest, requirements):
        if versions.setdefault(name, version) != version:
            raise ValueError(f"pyproject.toml: {name} has the lower bounds {versions[name]} and {version}")
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


if __name__ == "__main__":
    with PROJECT.open("rb") as file:
        print("\n".join(constraints(tomllib.load(file))))
