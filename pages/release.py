"""``python -m pages.release``: check that a release works for a user who has nothing but the wheel.

The wheel is built and checked for its translations and error pages, installed alone into a new environment,
and the commands and Python programs of both READMEs are run there, in an empty folder. Nothing is published.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")
NEEDED = (
    "chainrule/locale/zh/LC_MESSAGES/chainrule.mo",
    "chainrule/errors/pages/E203.md",
    "chainrule/py.typed",
)
FORBIDDEN = (".pyc", ".tmp")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OF_OTHER_FILES = ("labeled.csv", "data.csv", "runs/mine")  # files that the reader has and this check has not


def commands(text: str) -> Iterator[list[str]]:
    """Return the words of the commands in the code blocks of a page, without their comments."""
    for language, code in _BLOCK.findall(text):
        for line in code.splitlines() if not language else ():
            words = shlex.split(line, comments=True)
            if words[:1] == ["chainrule"] and not set(words) & set(OF_OTHER_FILES):
                yield words[1:]


def programs(text: str) -> list[str]:
    """Return the Python programs of a page."""
    return [code for language, code in _BLOCK.findall(text) if language == "python"]


def build_wheel(folder: Path) -> Path:
    """Build the wheel into a folder.

    Raises:
        ValueError: a file that users need is missing, or a file for developers is in it.
    """
    _run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    )
    (wheel,) = folder.glob("*.whl")
    names = ZipFile(wheel).namelist()
    missing = [name for name in NEEDED if name not in names]
    surplus = [name for name in names if name.endswith(FORBIDDEN)]
    if missing or surplus:
        raise ValueError(f"{wheel.name}: missing {missing}, not for users {surplus}")
    return wheel


def main() -> int:
    """Build, install and try the wheel; return the exit code."""
    argparse.ArgumentParser(prog="python -m pages.release", description=main.__doc__).parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build_wheel(folder)
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB", flush=True)
        _run([sys.executable, "-m", "venv", str(folder / "environment")])
        python = folder / "environment" / "bin" / "python"
        _run([str(python), "-m", "pip", "install", "--quiet", str(wheel)])
        for readme in READMES:
            place = folder / readme.removesuffix(".md")
            place.mkdir()
            _try_page((ROOT / readme).read_text(encoding="utf-8"), python, place)
    return 0


def _try_page(text: str, python: Path, place: Path) -> None:
    """Run the commands of a page in a folder, then its Python programs as one program."""
    for words in commands(text):
        print("chainrule", shlex.join(words), flush=True)
        _run([str(python.with_name("chainrule")), *words], place)
    program = "\n".join(programs(text))
    print(f"{len(program.splitlines())} lines of Python", flush=True)
    _run([str(python), "-c", program], place)


def _run(command: list[str], folder: Path | None = None) -> None:
    """Run a command; a failure ends the check with its output."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}")


if __name__ == "__main__":
    raise SystemExit(main())
