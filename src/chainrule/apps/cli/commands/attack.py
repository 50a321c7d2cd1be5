"""``chainrule attack``: the accuracy of a classifier under attacks, or under corruptions (``--sweep``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.apps.cli.model_and_rows import load, require_targets, warn_of_known_rows
from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.prediction_output import to_csv
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.texts import text_of
from chainrule.data import Table
from chainrule.data.tables.encoders import Pixels
from chainrule.errors import UsageError, fact
from chainrule.escaping import quoted
from chainrule.inputs import InputRows
from chainrule.model import Model
from chainrule.page import screen
from chainrule.robustness.attack_result import AttackResult
from chainrule.robustness.attacks import ENSEMBLE
from chainrule.settings import settings
from chainrule.store import atomic_write
from chainrule.tabular.options import radius_of
from chainrule.tabular.predicted_columns import threshold_option
from chainrule.tabular.threshold import predicts_as_network
from chainrule.validation import out_of_range

ROWS = 500  # attacked by default
REPORTS = {"attack": "attack.html", "sweep": "corruptions.html"}
OPTIONS = {
    "radius": Choice(str, "attack_radius", "R"),
    "norm": Choice(str, "attack_norm", "inf|2"),
    "method": Choice(str, "attack_method", "NAME"),
    "columns": Choice(str, "attack_columns", "A,B"),
    "change": Choice(list[str], "attack_change", "COLUMN:LIMIT"),
    "target_class": Choice(str, "attack_target_class", "NAME"),
    "rows": Choice(int, "attack_rows", "N"),
    "steps": Choice(int, "attack_steps"),
    "restarts": Choice(int, "attack_restarts"),
    "seed": Choice(int, "attack_seed"),
    "sweep": Choice(bool, "attack_sweep"),
}
PASSED_ON = ("norm", "method", "steps", "restarts", "target_class")  # as they are
ONLY_ATTACK = ("radius", "norm", "method", "columns", "change", "steps", "restarts", "target_class")


@with_options({**OPTIONS, **READING})
def attack(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    html: Annotated[str | None, output_file("=attack_html")] = None,
    out: Annotated[str | None, output_file("=attack_out", "CSV")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the accuracy under attack with the worst examples, and write a page.

    Args:
        data: labeled rows.
        html: file for the page; by default in the run folder.
        out: file for the rows of a table with changed cells.
        options: those of ``OPTIONS``; ``None`` if not passed.
    """
    reading = take_reading(options)
    chosen = {name: value for name, value in options.items() if value is not None and value != []}
    _refuse_mixture(run, data, chosen)
    request = {} if "sweep" in chosen else _request(chosen)
    model, rows = load(run, data, reading)
    require_targets(rows, run, data)
    warn_of_known_rows(model, rows.x, run)
    index = _selected(rows, chosen.get("rows", ROWS))
    rows = rows.take(index)
    seed = chosen.get("seed", 0)
    if not predicts_as_network(model):
        screen.line(text_of("attack_of_network"), "yellow", to_errors=True)
    if "sweep" in chosen:
        limit = threshold_option(model)
        result: Any = model.corruption_sweep(rows.x, rows.y, seed=seed, lang=settings.lang, **limit)
    else:
        result = _attacked(model, rows, request, seed)
        chosen_rows = np.array(result.numbers, np.int64) - 1 if result.numbers else np.arange(rows.count)
        result = replace(result, numbers=tuple((index[chosen_rows] + 1).tolist()))
    screen.block(str(result))
    _write(run, html, "sweep" if "sweep" in chosen else "attack", result)
    if out is not None:
        _write_rows(out, result)


def _refuse_mixture(run: str, data: str, chosen: Mapping[str, Any]) -> None:
    """Require a radius or limits for an attack, and none for a sweep (E601)."""
    strange = [_flag(name) for name in ONLY_ATTACK if name in chosen] if "sweep" in chosen else []
    if strange or not {"sweep", "radius", "change"} & chosen.keys():
        raise UsageError(
            "E601",
            where="chainrule attack",
            option=", ".join(strange) or "--radius",
            expected=fact("--radius or --change, or --sweep without them"),
            received=" ".join(map(_flag, chosen)) or fact("none"),
            fix=f"chainrule attack {quoted(run)} {quoted(data)} --radius 0.1",
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _request(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as arguments of ``Model.attack``."""
    request: dict[str, Any] = {name: chosen[name] for name in PASSED_ON if name in chosen}
    if "radius" in chosen:
        request["radius"] = radius_of(chosen["radius"], "chainrule attack")
    if "columns" in chosen:
        request["columns"] = [name.strip() for name in chosen["columns"].split(",") if name.strip()]
    if "change" in chosen:
        request["change"] = dict(map(_limit, chosen["change"]))
    return request


def _limit(text: str) -> tuple[str, float | None]:
    """Return a column and its limit (E601: no number); without one, a category that may become any level."""
    column, colon, limit = text.rpartition(":")
    if not colon:
        return text, None
    try:
        return column, float(limit)
    except ValueError:
        where = "chainrule attack"
        fix = f'--change "{column}:1"'
        raise UsageError(
            "E601", where=where, option="--change", expected="COLUMN:LIMIT", received=text, fix=fix
        ) from None


def _selected(rows: InputRows, count: int) -> np.ndarray:
    """Return the indices of at most ``count`` rows, evenly spaced; prints how many."""
    if count < 1:
        raise out_of_range(count, "rows", "--rows", ">= 1", fix=f"--rows {ROWS}")
    if count >= rows.count:
        return np.arange(rows.count)
    screen.line(text_of("attack_selected").format(count=count, rows=rows.count), to_errors=True)
    return np.linspace(0, rows.count - 1, count).round().astype(np.int64)


def _attacked(model: Model, rows: InputRows, request: dict[str, Any], seed: int) -> AttackResult:
    is_table = isinstance(rows.x, Table) and not isinstance(_first_encoding(model), Pixels)
    if not is_table:
        request = {"method": ENSEMBLE, **request}
    request |= threshold_option(model)
    return model.attack(rows.x, rows.y, seed=seed, lang=settings.lang, **request)


def _first_encoding(model: Model) -> object:
    return None if model.preparation is None else model.preparation.encodings[0]


def _write(run: str, html: str | None, kind: str, result: Any) -> None:
    """Write the page to the file that was passed, or into the run folder; a model file has none."""
    if html is None and not os.path.isdir(run):
        return
    file = html or str(Path(run) / REPORTS[kind])
    atomic_write.write(file, result.to_html().encode())
    screen.line(text_of("page_written").format(file=file))


def _write_rows(out: str, result: Any) -> None:
    """Write the table with the changed cells; raises E601 if the result has none."""
    table = getattr(result, "table", None)
    if table is None:
        expected = fact("an attack on rows of a table")
        raise UsageError(
            "E601", where="chainrule attack", option="--out", expected=expected, received="--out"
        )
    atomic_write.write(out, to_csv(table.frame, "raw").encode())
    screen.line(text_of("page_written").format(file=out))
