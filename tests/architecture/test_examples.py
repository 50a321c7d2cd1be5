"""Examples import public names: of ``chainrule``, its public packages, and modules that a page imports.

``INNER`` lists modules that examples still import and that are not public. It may only become shorter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from source_files import EXAMPLES, ROOT, nodes, text

PUBLIC = ("data", "errors", "events", "inputs", "messages", "metrics", "models", "nn", "page", "tabular")
PACKAGES = {f"chainrule.{name}" for name in PUBLIC}
INNER = {
    "chainrule.data.batches.replay_buffer",
    "chainrule.data.boxes.center_grid",
    "chainrule.data.boxes.flip",
    "chainrule.data.boxes.overlap",
    "chainrule.data.boxes.voc",
    "chainrule.data.datasets.archive",
    "chainrule.data.masks.masks",
    "chainrule.data.molecules.descriptors",
    "chainrule.data.molecules.molecule_input",
    "chainrule.data.readers.image_arrays",
    "chainrule.data.readers.image_decoding",
    "chainrule.data.readers.wave_files",
    "chainrule.data.sequences.griffin_lim",
    "chainrule.data.sequences.question_input",
    "chainrule.data.sequences.sound_input",
    "chainrule.data.sequences.time_warping",
    "chainrule.data.sequences.tokenizer",
    "chainrule.generation.ctc_search",
    "chainrule.generation.speech",
    "chainrule.generation.word_bigram",
    "chainrule.inputs.questions",
}


def documented() -> set[str]:
    """The modules that an example of a page imports."""
    pages = [page for page in (ROOT / "docs").rglob("*.md") if "decisions" not in page.parts]
    return {name for page in pages for name in re.findall(r"from (chainrule[\w.]*) import", text(page))}


def modules(file: Path) -> Iterator[str]:
    """The modules of chainrule that a file imports."""
    for node in nodes(file):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "chainrule":
            yield node.module
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "chainrule")


def test_examples_import_public_names() -> None:
    files = sorted(EXAMPLES.rglob("*.py"))
    assert len(files) > 60
    imported = {module for file in files for module in modules(file)}
    assert imported - {"chainrule"} - PACKAGES - documented() == INNER


def test_no_module_of_chainrule_but_the_command_imports_examples() -> None:
    source = ROOT / "src" / "chainrule"
    importers = [file.name for file in source.rglob("*.py") if "chainrule_examples" in text(file)]
    assert importers == ["example.py"]
