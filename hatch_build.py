"""Compile the catalogs of translations when the package is built."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CATALOGS = "src/chainrule/locale"


class Catalogs(BuildHookInterface):
    """A hook of hatchling; it also runs for editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write a ``.mo`` file beside each ``.po`` file and add it to the wheel."""
        for po in sorted(Path(self.root, CATALOGS).rglob("*.po")):
            compile_catalog(po)
            build_data["artifacts"].append(str(po.with_suffix(".mo").relative_to(self.root)))


def compile_catalog(po: Path) -> None:
    """Write the ``.mo`` file of a ``.po`` file."""
    with po.open("rb") as text:
        catalog = read_po(text)
    partial = po.with_suffix(f".{os.getpid()}.tmp")  # another process may compile it, too
    with partial.open("wb") as file:
        write_mo(file, catalog)
    partial.replace(po.with_suffix(".mo"))
