"""``chainrule audit``: whether rows of a training can be recognized, and a lower bound of its epsilon."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.apps.cli.model_and_rows import load, require_targets
from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.prediction_output import to_csv
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.texts import text_of
from chainrule.auditing.membership import MembershipResult
from chainrule.auditing.one_training_audit import OneRunResult
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import UsageError, fact
from chainrule.escaping import quoted
from chainrule.inputs import InputRows
from chainrule.model import Model
from chainrule.page import screen
from chainrule.page.html import html_page
from chainrule.page.page import Page, Section
from chainrule.settings import settings
from chainrule.store import atomic_write
from chainrule.tabular.recorded_audit import canary_audit, membership_of
from chainrule.tabular.recorded_training import RecordedTraining, is_repeatable, recorded_training
from chainrule.tabular.run_folder import model_file
from chainrule.texts import LANGUAGES, render

SHADOWS = 8
REPORT = "audit.html"
OPTIONS = {
    "others": Choice(str, "audit_others", "FILE"),
    "shadows": Choice(int, "audit_shadows", "N"),
    "canaries": Choice(int, "audit_canaries", "N"),
    "claim": Choice(float, "audit_claim", "EPSILON"),
    "delta": Choice(float, "audit_delta", "D"),
    "seed": Choice(int, "audit_seed"),
}


@with_options({**OPTIONS, **READING})
def audit(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str | None, typer.Argument(help="=audit_data", metavar="[DATA]")] = None,
    html: Annotated[str | None, output_file("=audit_html")] = None,
    out: Annotated[str | None, output_file("=audit_out", "CSV")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print how well rows of the training are recognized, and with canaries a lower bound of epsilon.

    Args:
        data: the rows of the training; by default those that the run records.
        html: file for the page; by default in the run folder.
        out: file for the score of each row.
        options: those of ``OPTIONS``; ``None`` if not passed.
    """
    reading = take_reading(options)
    chosen = {name: value for name, value in options.items() if value is not None}
    has_claim = "canaries" in chosen or "claim" in chosen
    if "delta" in chosen and not has_claim:
        expected = fact("--delta with --claim or --canaries")
        fix = f"--claim 3 --delta {chosen['delta']:g}"
        raise UsageError(
            "E601", where="chainrule audit", option="--delta", received="--delta", expected=expected, fix=fix
        )
    seed, bound = chosen.get("seed", 0), None
    if is_repeatable(run):
        training = recorded_training(run, data)
        membership = _of_training(run, training, chosen, reading)
        if has_claim:
            claim, delta = chosen.get("claim"), chosen.get("delta", 0.0)
            bound = canary_audit(training, chosen.get("canaries"), delta, claim, seed, screen.note)
    else:
        Model.load(model_file(run))  # so that a RUN that is none has its own error
        _refuse_canaries(run, has_claim)
        membership = _of_rows(run, data, chosen, reading)
    screen.block(str(membership))
    if bound is not None:
        screen.block(str(bound))
    _write(run, html, membership, bound)
    if out is not None:
        atomic_write.write(out, _csv(membership).encode())
        screen.line(text_of("page_written").format(file=out))


def _of_training(
    run: str, training: RecordedTraining, chosen: dict[str, Any], reading: ReadOptions
) -> MembershipResult:
    """Infer membership with shadow models that are trained as the RUN was."""
    model = Model.load(model_file(run))
    others = None
    if "others" in chosen:
        others = training.prepared.preparation.read(chosen["others"], reading)
    elif training.options.split.partition(":")[0] in ("time", "group") and len(training.prepared.parts.test):
        screen.line(text_of("audit_other_kind"), "yellow", to_errors=True)
    shadows = chosen.get("shadows", SHADOWS)
    return membership_of(model, training, others, shadows, chosen.get("seed", 0), screen.note)


def _of_rows(run: str, data: str | None, chosen: dict[str, Any], reading: ReadOptions) -> MembershipResult:
    """Infer membership for a model without a record of its rows; E601: rows are missing."""
    if data is None or "others" not in chosen:
        name = "DATA" if data is None else "--others"
        expected = fact("rows of the training, and --others with rows that it did not use")
        fix = (
            f"chainrule audit {quoted(run)} {quoted(data or 'DATA')} --others {chosen.get('others', 'FILE')}"
        )
        raise UsageError(
            "E601", where="chainrule audit", option=name, received=fact("none"), expected=expected, fix=fix
        )
    model, members = load(run, data, reading)
    _, others = load(run, chosen["others"], reading)
    require_targets(members, run, data)
    require_targets(others, run, chosen["others"])
    shadows = chosen.get("shadows", 0)
    return model.audit_membership(
        _pair(members), _pair(others), shadows=shadows, seed=chosen.get("seed", 0), lang=settings.lang
    )


def _pair(rows: InputRows) -> Any:
    return rows.x if rows.y is None else (rows.x, rows.y)


def _refuse_canaries(run: str, is_requested: bool) -> None:
    """Refuse canaries that were requested for a model whose training is not recorded (E601)."""
    if is_requested:
        expected = fact("a RUN of chainrule train, whose training can be repeated")
        fix = fact("in Python: {code}", code="chainrule.auditing.audit_in_one_run(fit, x, y)")
        raise UsageError(
            "E601", where="chainrule audit", option="--canaries", received=run, expected=expected, fix=fix
        )


def _write(run: str, html: str | None, membership: MembershipResult, bound: OneRunResult | None) -> None:
    """Write the page to the file that was passed, or into the run folder; a model file has none."""
    if html is None and not Path(run).is_dir():
        return
    file = html or str(Path(run) / REPORT)
    pages = [_page(membership, bound, lang) for lang in LANGUAGES]
    own = LANGUAGES.index(settings.lang)
    others = [page for index, page in enumerate(pages) if index != own]
    atomic_write.write(file, html_page(pages[own], others=others).encode())
    screen.line(text_of("page_written").format(file=file))


def _page(membership: MembershipResult, bound: OneRunResult | None, lang: str) -> Page:
    """Return one page of both results."""
    page = replace(membership, lang=lang).page()
    if bound is None:
        return page
    section = replace(bound, lang=lang).section()
    titled = Section(render("one_run_title", lang), section.parts)
    return replace(page, sections=(*page.sections, titled))


def _csv(result: MembershipResult) -> str:
    """Return the score of each row; the number of a row of another file is empty."""
    frame = pl.DataFrame(
        {
            "row": [number or None for number in result.numbers or range(1, len(result.scores) + 1)],
            "in_training": result.is_member,
            "score": np.asarray(result.scores),
        }
    )
    return to_csv(frame, "spreadsheet")
