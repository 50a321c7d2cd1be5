"""The index of building blocks: ``python -m pages.block_index`` writes ``src/chainrule/block_index.py``.

A building block is a class of one of the families below with Chinese texts (the attribute ``chinese`` in its
body), an activation, or a rule of the doctor. The index lists the module of each, so that registries and
public names need no other
list: a new block, in an existing or a new file, is found by running this
command. A test compares the index
with the classes.

The command reads source code and imports nothing of it, so it also repairs an index that is out of date.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).parent.parent / "src" / "chainrule"
INDEX = ROOT / "block_index.py"
# The families of classes: the table's name, the base class, and the folder in which classes are looked for.
FAMILIES = {
    "LAYERS": ("Layer", "nn"),
    "LOSSES": ("Loss", "nn/loss"),
    "OPTIMIZERS": ("Optimizer", "nn/optimizer"),
    "SCHEDULES": ("Schedule", "nn/schedule"),
    "INITIALIZERS": ("Initializer", "nn/initializer"),
    "PENALTIES": ("Penalty", "nn/regularization"),
    "CONSTRAINTS": ("Constraint", "nn/regularization"),
    "CLIPS": ("Clip", "nn/regularization"),
    "CALLBACKS": ("Callback", "train/callback"),
    "TRANSFORMS": ("Transform", "data/augmentation"),
    "MIXES": ("Mix", "data/augmentation"),
    "INPUT_KINDS": ("InputKind", "inputs"),
}
MARKS = {"INPUT_KINDS": "name"}  # the attribute that a class of the family has; otherwise "chinese"
NAMED = {"LOSSES": "LOSS_NAMES", "OPTIMIZERS": "OPTIMIZER_NAMES"}  # also used by a name, such as "mse"
_HEAD = '''"""The building blocks by family, each with the module that defines it, relative to ``chainrule``.

Written by ``python -m pages.block_index`` from the source code; run it after adding a block.
"""

from __future__ import annotations

from chainrule.lazy_imports import by_name
'''


@dataclass
class Definition:
    """A class as its source code defines it.

    Args:
        module: the module, relative to ``chainrule``.
        bases: the names of its base classes.
        constants: the attributes of its body that are assigned a constant or a tuple of constants.
        needed: the fields without a default.
    """

    module: str
    bases: list[str]
    constants: dict[str, object] = field(default_factory=dict)
    needed: list[str] = field(default_factory=list)


def definitions(folder: str) -> dict[str, Definition]:
    """The classes of all modules below a folder of the package, by name."""
    classes = {}
    for file in sorted((ROOT / folder).rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef):
                bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
                classes[node.name] = Definition(module, bases, constants(node), needed(node))
    return classes


def constants(node: ast.ClassDef) -> dict[str, object]:
    """The attributes of a class body that are assigned constants."""
    assigned: dict[str, object] = {}
    for line in node.body:
        targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(line, ast.Assign | ast.AnnAssign) and line.value:
                assigned[target.id] = line.value.value if isinstance(line.value, ast.Constant) else line.value
    return assigned


def needed(node: ast.ClassDef) -> list[str]:
    """The fields of a class without a default."""
    fields = (line for line in node.body if isinstance(line, ast.AnnAssign) and line.value is None)
    names = {
        line.target.id: ast.unparse(line.annotation) for line in fields if isinstance(line.target, ast.Name)
    }
    return [name for name, kind in names.items() if name != "_" and not kind.startswith("ClassVar")]


def ancestors(name: str, classes: dict[str, Definition]) -> list[str]:
    """The names of a class and of everything that it derives from."""
    above = classes[name].bases if name in classes else []
    return [name, *(ancestor for base in above for ancestor in ancestors(base, classes))]


def family(base: str, folder: str, mark: str = "chinese") -> dict[str, str]:
    """The blocks of a family by name, each with its module."""
    classes = definitions(folder)
    return {
        name: one.module
        for name, one in sorted(classes.items())
        if mark in one.constants and base in ancestors(name, classes)
    }


def names(blocks: dict[str, str], folder: str) -> dict[str, str]:
    """The classes of a family that have a short name (``"mse"``): they need no argument."""
    classes = definitions(folder)
    short = {}
    for block in blocks:
        one = classes[block]
        above = [classes[name] for name in ancestors(block, classes) if name in classes]
        if isinstance(one.constants.get("name"), str) and not any(definition.needed for definition in above):
            short[str(one.constants["name"])] = block
    return dict(sorted(short.items()))


def activations() -> dict[str, str]:
    """The activations by name, each with its module: the records of the tuples ``CURVES``."""
    curves = {}
    for file in sorted((ROOT / "nn" / "activation").glob("*.py")):
        calls = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
        records = (call for call in calls if ast.unparse(call.func) == "Curve")
        words = (word for record in records for word in record.keywords if word.arg == "name")
        curves.update({ast.literal_eval(word.value): f"nn.activation.{file.stem}" for word in words})
    return dict(sorted(curves.items()))


def rules() -> dict[str, dict[str, str]]:
    """The rules of the doctor by the time at which they run, each with its module and name.

    A rule that runs before a training and in its first steps is in the first table only.
    """
    listed: list[tuple[int, str, str, set[str]]] = []
    for file in sorted((ROOT / "diagnosis" / "rules").glob("*.py")):
        assigned = (node for node in ast.parse(file.read_text()).body if isinstance(node, ast.Assign))
        for node in (definition for definition in assigned if isinstance(definition.value, ast.Call)):
            words = {word.arg: word.value for word in node.value.keywords}
            if ast.unparse(node.value.func) == "Rule":
                number, rule = map(ast.literal_eval, node.value.args[:2])
                path = f"diagnosis.rules.{file.stem}.{ast.unparse(node.targets[0])}"
                listed.append((number, rule, path, set(map(str, words))))
    tables: dict[str, dict[str, str]] = {"RULES_BEFORE": {}, "RULES_FIRST": {}, "RULES_DURING": {}}
    for _, rule, path, times in sorted(listed):
        if "before" in times:
            tables["RULES_BEFORE"][rule] = path
        elif "first" in times:
            tables["RULES_FIRST"][rule] = path
        if times & {"during", "after"}:
            tables["RULES_DURING"][rule] = path
    return tables


def index() -> str:
    """The text of the index."""
    lines = [_HEAD]
    families = {table: family(*where, MARKS.get(table, "chinese")) for table, where in FAMILIES.items()}
    for table, blocks in {**families, "ACTIVATIONS": activations()}.items():
        lines += [f"{table} = by_name({{", *(f"{line}," for line in entries(grouped(blocks))), "})"]
    for table, short in NAMED.items():
        pairs = names(families[table], FAMILIES[table][1])
        lines += [f"{short} = {{", *(f"{line}," for line in entries(pairs)), "}"]
    for table, paths in rules().items():
        lines += [f"{table} = {{", *(f"{line}," for line in entries(paths)), "}"]
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(INDEX), "-"],
        input="\n".join(lines),
        text=True,
        capture_output=True,
        check=True,
    )
    return formatted.stdout


def grouped(blocks: dict[str, str]) -> dict[str, str]:
    """The names of each module, separated by spaces."""
    by_module: dict[str, list[str]] = {}
    for name, module in blocks.items():
        by_module.setdefault(module, []).append(name)
    return {module: " ".join(by_module[module]) for module in sorted(by_module)}


def entries(table: dict[str, str]) -> Iterator[str]:
    """The entries of a dict in source code; long texts are split."""
    for key, text in table.items():
        parts = wrap(text, 60)
        literal = "(" + " ".join(f'"{part} "' for part in parts[:-1]) + f' "{parts[-1]}")'
        yield f'"{key}": {literal if len(parts) > 1 else f"{text!r}"}'


def main() -> None:
    """Write the index."""
    INDEX.write_text(index())
    print(f"wrote {INDEX.relative_to(ROOT.parent.parent)}")


if __name__ == "__main__":
    main()
