"""``chainrule generate``: text generation with a trained language model.

The options are those of ``model.generate``. A single text is printed token by token.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from chainrule.apps.cli.signature import Choice, with_options
from chainrule.escaping import printable_lines
from chainrule.model import Model
from chainrule.tabular.run_folder import model_file

_TYPES: dict[str, Any] = {
    "max_new_tokens": int,
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "min_p": float,
    "repetition_penalty": float,
    "greedy": bool,
    "num_beams": int,
    "samples": int,
    "seed": int,
}
OPTIONS = {name: Choice(kind, f"generate_{name}") for name, kind in _TYPES.items()}


@with_options(OPTIONS)
def generate(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    text: Annotated[str, typer.Argument(help="=generate_text", metavar="TEXT")] = "",
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print generated text, which continues or translates a text."""
    chosen = {name: value for name, value in options.items() if value is not None}
    model = Model.load(model_file(run))
    if chosen.get("samples", 1) == 1 and "num_beams" not in chosen:
        for piece in model.stream(text, **chosen):
            _show(piece)
        _show("\n")
        return
    texts = model.generate(text, **chosen)
    _show("\n\n".join([texts] if isinstance(texts, str) else texts) + "\n")


def _show(text: str) -> None:
    """Print a piece of text immediately; control characters are escaped."""
    sys.stdout.write(printable_lines(text))
    sys.stdout.flush()
