"""``chainrule export``: a model as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.apps.cli.output_file import output_file
from chainrule.errors import UsageError, fact
from chainrule.interop import FORMATS, require_own
from chainrule.model import Model
from chainrule.page import screen
from chainrule.tabular.run_folder import model_file
from chainrule.validation import choice


def export(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    to: Annotated[str | None, typer.Option(help="=export_to", metavar="FORMAT")] = None,
    out: Annotated[str | None, output_file("=export_out")] = None,
    opset: Annotated[int | None, typer.Option(help="=export_opset")] = None,
    int8: Annotated[bool, typer.Option("--int8", help="=export_int8")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Write a trained model as a file of another program."""
    path = _path(to, out)
    if out is None:
        require_own(Path(path))
    options: dict[str, Any] = {} if opset is None else {"opset": opset}
    options |= {"int8": True} if int8 else {}
    screen.line(str(Model.load(model_file(run)).export(path, **options)))


def _path(to: str | None, out: str | None) -> str:
    """Return the path of the file, with the suffix of its format."""
    if to is None:
        if out is None:
            raise UsageError(
                "E101",
                where="chainrule export",
                name="--to",
                expected=", ".join(FORMATS),
                received=fact("none"),
                fix="--to onnx",
            )
        return out
    suffix, _ = FORMATS[choice(to, FORMATS, "--to", example="onnx")]
    if out is None:
        return f"model{suffix}"
    if out.lower().endswith(suffix):
        return out
    return f"{out.removesuffix(Path(suffix).suffix)}{suffix}"
