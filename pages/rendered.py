"""Every screen without a model, in both languages: ``python -m pages.rendered --write FILE``.

The help of each command, the page of each block, model, rule, error code, data set and list of them, and the
tables of texts. ``--compare BEFORE AFTER`` prints what differs between two files, written before and after a
change of texts; the exit code is 1 if anything does.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from chainrule.apps.cli.main import COMMANDS
from chainrule.apps.cli.main import main as run
from chainrule.catalog import KINDS
from chainrule.diagnosis import RULES
from chainrule.errors.catalog import CATALOG
from chainrule.messages import LANGUAGES, translated
from chainrule.models import MODELS
from pages.translations import constants, module_of, trees

WIDTH = "100"  # of the terminal
MARK = "=== "  # before the title of a screen or text


def screens() -> Iterator[list[str]]:
    """The words of each command line."""
    yield from ([], *([name, "--help"] for name in COMMANDS), ["data"], ["example"])
    for kind in KINDS.values():
        yield ["show", kind.plural]
        yield from (["show", kind.name, name] for name in kind.entries)
    yield from (["show", plural] for plural in ("models", "rules", "errors"))
    for kind, names in (("model", MODELS), ("rule", RULES), ("error", CATALOG)):
        yield from (["show", kind, name] for name in names)


def screen(words: list[str], lang: str) -> str:
    """The output of a command line."""
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        code = run([*words, "--lang", lang])
    return f"{output.getvalue()}exit code {code}\n"


def tables() -> Iterator[tuple[str, str]]:
    """The key and the English text of each entry of the tables of texts."""
    for file, tree in trees().items():
        module = importlib.import_module(module_of(file))
        for name in constants(tree):
            yield from _flat(getattr(module, name))


def _flat(texts: object, key: str = "") -> Iterator[tuple[str, str]]:
    """The key and the text of each entry of a table, or of tables by key."""
    if not isinstance(texts, Mapping):
        return iter([(key, str(texts))])
    return (entry for name, text in texts.items() for entry in _flat(text, str(name)))


def everything() -> Iterator[str]:
    """The lines of all texts."""
    for lang in LANGUAGES:
        for words in screens():
            yield f"{MARK}{lang}: chainrule {' '.join(words)}"
            yield from screen(words, lang).splitlines()
        for key, text in tables():
            yield f"{MARK}{lang}: {key}: {text!r}"
            yield from translated(text, lang, key).splitlines()


def sections(file: Path) -> dict[str, list[str]]:
    """The lines of each screen and text of a file."""
    titled: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(MARK):
            lines = titled.setdefault(line, [])
        else:
            lines.append(line)
    return titled


def differences(before: Path, after: Path) -> Iterator[str]:
    """The lines that differ between two files, and the screens and texts that only one of them has."""
    old, new = sections(before), sections(after)
    for title in old | new:
        if title in old and title in new:
            changed = list(difflib.ndiff(old[title], new[title])) if old[title] != new[title] else []
            yield from [title, *(line for line in changed if line[0] in "+-")] if changed else []
        else:
            yield f"{title}: only {'before' if title in old else 'after'}"


def main() -> int:
    """Write all texts, or compare two files of them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pages.rendered", description=main.__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="the file to write")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("BEFORE", "AFTER"), help="two files")
    options = parser.parse_args()
    os.environ["COLUMNS"] = WIDTH
    if options.write:
        lines = list(everything())
        options.write.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{len(lines)} lines in {options.write}")
    if not options.compare:
        return 0
    different = list(differences(*options.compare))
    print("\n".join(different) or "equal")
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())
