"""``chainrule example``: small networks to run and to read, one file each in ``chainrule/apps/examples``.

What follows the name are the example's own options. An example says them in the way Python has for it: the
parameters of its ``main``, with their types and defaults, are its options, and ``OPTIONS`` beside it holds a
text for each in English and Chinese. A type ``Literal["a", "b"]`` offers a choice, ``Count`` is a whole
number of at least 1, ``bool`` is a switch::

    OPTIONS = {"net": ("which net", "使用哪个网络"), "epochs": ("passes over the data", "训练轮数")}

    def main(lang: str = "en", net: Literal["dense", "lenet"] = "dense", epochs: Count = 5) -> None: ...

    chainrule example fashion-mnist --net lenet --epochs 3
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Annotated

import typer

from chainrule.apps.cli import command_line, screen
from chainrule.apps.cli.texts import say
from chainrule.errors import UsageError, nearest
from chainrule.settings import settings

# A new example: its file in apps/examples, its name here, and its sentence `example_NAME` in
# apps/cli/texts.py.
EXAMPLES = ("article", "moons", "digits", "fashion-mnist", "alexnet", "poems", "translate")
CONTEXT = {"allow_interspersed_args": False}  # what stands after the name is the example's own


def example(
    name: Annotated[str | None, typer.Argument(help="=example_name", metavar="NAME")] = None,
    words: Annotated[list[str] | None, typer.Argument(help="=example_words", metavar="OPTIONS")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> int:
    """List the examples, or run one; the exit code."""
    if name is None:
        screen.table(["", ""], [(known, say(f"example_{known}")) for known in EXAMPLES])
        return 0
    if name not in EXAMPLES:
        close = nearest(name, EXAMPLES) or EXAMPLES[0]
        raise UsageError(
            "E101",
            where="chainrule example",
            name=name,
            expected=", ".join(EXAMPLES),
            received=name,
            fix=f"chainrule example {close}",
        )
    texts = {"": say(f"example_{name}"), "lang": say("lang"), **texts_of(file_of(name))}
    context = {"default_map": {"lang": settings.lang}}
    return command_line.call(file_of(name).main, f"example {name}", words or [], texts, context)


def file_of(name: str) -> ModuleType:
    """The file of an example."""
    return import_module(f"chainrule.apps.examples.{name.replace('-', '_')}")


def texts_of(module: ModuleType) -> dict[str, str]:
    """What each option of an example means, in the language of this run."""
    options: dict[str, tuple[str, str]] = getattr(module, "OPTIONS", {})
    return {name: pair[settings.lang == "zh"] for name, pair in options.items()}
