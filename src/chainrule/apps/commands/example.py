"""``chainrule example``: small networks to run and to read, one file each in ``chainrule/apps/examples``."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from chainrule.apps import screen
from chainrule.apps.word import say
from chainrule.errors import UsageError, nearest
from chainrule.settings import settings

EXAMPLES = ("article", "moons", "digits")


def example(
    name: Annotated[str | None, typer.Argument(help="=example_name", metavar="[NAME]")] = None,
    depth: Annotated[int, typer.Option(help="=depth")] = 2,
    samples: Annotated[int, typer.Option(help="=samples")] = 1,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """List the examples, or run one."""
    if name is None:
        screen.table(["", ""], [(known, say(f"example_{known}")) for known in EXAMPLES])
        return
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
    options = {"depth": depth, "samples": samples} if name == "article" else {}
    import_module(f"chainrule.apps.examples.{name}").main(lang=settings.lang, **options)
