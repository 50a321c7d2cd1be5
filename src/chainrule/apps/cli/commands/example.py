"""``chainrule example``: example programs, a file or a folder each in ``chainrule_examples``.

The options after the name belong to the example. They are the parameters of its ``main``, with their types
and defaults; ``OPTIONS`` in the same file has a text for each in English and Chinese. A type ``Literal["a",
"b"]`` is a choice, ``Count`` an integer of at least 1, ``bool`` a flag::

    OPTIONS = {"net": ("network to train", "使用哪个网络"), "epochs": ("number of epochs", "训练轮数")}

    def main(lang: str = "en", net: Literal["dense", "lenet"] = "dense", epochs: Count = 5) -> None: ...

    chainrule example fashion-mnist --net lenet --epochs 3
"""

from __future__ import annotations

import os
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from chainrule.apps.cli import command_line
from chainrule.apps.cli.texts import text_of
from chainrule.errors import UsageError, fact
from chainrule.messages import Texts, in_language
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.store import atomic_write
from chainrule.tabular.run_folder import require_free
from chainrule.validation import choice

# A new example: its file in src/chainrule_examples, its name here, and its sentence `example_NAME` in
# apps/cli/texts.py.
EXAMPLES = (
    "article",
    "moons",
    "digits",
    "fashion-mnist",
    "alexnet",
    "poems",
    "translate",
    "sentiment",
    "microgpt",
    "listen",
    "speak",
    "risk",
    "diagnose",
    "fraud",
    "recommend",
    "shares",
    "x-ray",
    "faces",
    "robot",
    "connect-four",
    "detect",
    "segment",
    "molecules",
    "questions",
)
CONTEXT = {"allow_interspersed_args": False}  # options after the name belong to the example


def example(
    name: Annotated[str | None, typer.Argument(help="=example_name", metavar="NAME")] = None,
    words: Annotated[list[str] | None, typer.Argument(help="=example_words", metavar="OPTIONS")] = None,
    engine: Annotated[str | None, typer.Option(help="=engine")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> int:
    """Print the examples, or run one and return its exit code.

    Args:
        engine: the engine that runs the networks; by default that of the settings.
    """
    if name is None:
        screen.table(["", ""], [(known, text_of(f"example_{known}")) for known in EXAMPLES])
        return 0
    choice(name, EXAMPLES, "chainrule example")
    module = example_module(name)
    texts = {"": text_of(f"example_{name}"), "lang": text_of("lang"), **option_texts(module)}
    context = {"default_map": {"lang": settings.lang}}

    @wraps(module.main)
    def main(**options: Any) -> None:
        refuse_outputs(options.get("out", ""), options.get("html", ""), name)
        module.main(**options)

    with settings.using(engine=engine or settings.engine):
        return command_line.call(main, f"example {name}", words or [], texts, context)


def refuse_outputs(out: str, html: str, name: str) -> None:
    """Refuse results that cannot be written, before a training whose result would be lost.

    Args:
        out: the RUN; ``""``: none.
        html: the file of a page; ``""``: none.

    Raises:
        UsageError E609: the RUN, or a folder above it, is a file. UsageError E602: it contains a training.
        FileError E402 to E410: it cannot be written.
    """
    if html:
        atomic_write.require_writable(html)
    if not out:
        return
    existing = next((part for part in (Path(out), *Path(out).parents) if os.path.lexists(part)), None)
    if existing is not None and not existing.is_dir():
        expected = fact("a new folder")
        fix = f"--out runs/{name}"
        raise UsageError("E609", where="--out", expected=expected, received=str(existing), fix=fix)
    require_free(Path(out))


def example_module(name: str) -> ModuleType:
    """Import the module of an example."""
    module = import_module(f"chainrule_examples.{name.replace('-', '_')}")
    return import_module(f"{module.__name__}.lesson") if hasattr(module, "__path__") else module


def option_texts(module: ModuleType) -> dict[str, str]:
    """Return the help texts of the options of an example, in the language of the settings."""
    options: Texts = getattr(module, "OPTIONS", {})
    return in_language(options, settings.lang)
