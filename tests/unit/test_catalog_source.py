"""A checkout without compiled catalogs has the texts of both languages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path

from babel.messages.mofile import write_mo
from pages.translations import read_catalog

import chainrule
from chainrule.messages.catalog_source import SourceCatalog

PACKAGE = Path(chainrule.__file__).parent
PO = PACKAGE / "locale/zh/LC_MESSAGES/chainrule.po"


def test_the_source_has_the_texts_of_the_compiled_catalog(tmp_path: Path) -> None:
    with (tmp_path / "chainrule.mo").open("w+b") as file:
        write_mo(file, read_catalog(PO))
        file.seek(0)
        compiled = vars(GNUTranslations(file))["_catalog"]
    source = SourceCatalog(PO).texts
    assert len(source) > 5_000
    assert {**source, "": ""} == {**compiled, "": ""}  # the header


def test_a_checkout_without_compiled_catalogs_has_both_languages(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("*.mo", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "chainrule", ignore=ignored)
    program = (
        "from chainrule.apps.cli.main import main\n"
        "from chainrule.messages import is_known\n"
        "assert is_known('no {option}'), 'records of a RUN are read by their templates'\n"
        "main(['--lang', 'zh', 'predict', 'no-run', 'no.csv'])"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert "E401" in outcome.stderr
    assert "没有" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not list(tmp_path.rglob("*.mo"))
