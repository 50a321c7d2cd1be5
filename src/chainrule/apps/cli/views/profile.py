"""Screens of the cost of a training step: its profile, its execution plan, and saved plans."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.apps.cli.texts import text_of
from chainrule.diagnosis.step_profile import Profile
from chainrule.errors import ChainruleError, UsageError, fact
from chainrule.model import Model
from chainrule.page import screen
from chainrule.page.page import Items, Page, Table
from chainrule.page.terminal import cell_text
from chainrule.plan.plan_record import PlanRecord
from chainrule.settings import settings
from chainrule.store import RunFolder, atomic_write
from chainrule.tabular.run_folder import CONFIG, model_file, read_config

PLAN, PLOT = ".json", ".svg"
"""The suffixes of files for plans and for plots of profiles."""


def show_profile(run: str, batch_size: int | None, out: str | None) -> None:
    """Print the time of each part of a training step, on the data of the RUN or on random rows."""
    _require_suffix(out, PLOT)
    profile = _profile(run, Model.load(model_file(run)), batch_size)
    show_page(profile)
    if out is not None:
        atomic_write.write(out, profile.to_svg().encode())
        screen.line(text_of("page_written").format(file=out))


def _profile(run: str, model: Model, batch_size: int | None) -> Profile:
    data = _data_of(run, model)
    if model.preparation is not None and data:
        try:
            return model.profile(data, batch_size=batch_size, lang=settings.lang)
        except ChainruleError as error:
            reason = text_of("profile_without_data").format(data=data, reason=error.clause(settings.lang))
            screen.line(reason, "yellow", to_errors=True)
    return model.profile(batch_size=batch_size, lang=settings.lang)


def _data_of(run: str, model: Model) -> str:
    """Return the file or data set that a RUN was trained on, or ``""``."""
    if os.path.isfile(Path(run) / CONFIG):
        return read_config(RunFolder.open(run))[0].data
    data = model.facts.get("data")
    return data if isinstance(data, str) else ""


def show_plan(run: str, batch_size: int | None, out: str | None) -> None:
    """Print the execution plan of a training step of a RUN, or write it to a file."""
    _require_suffix(out, PLAN)
    plan = Model.load(model_file(run)).plan(batch_size)
    screen.block(str(plan))
    if out is not None:
        plan.save(out)
        screen.line()
        screen.line(text_of("page_written").format(file=out))


def show_saved_plan(file: str) -> None:
    """Print a saved plan."""
    screen.block(str(PlanRecord.load(file)))


def _require_suffix(out: str | None, suffix: str) -> None:
    """Refuse another suffix, which may be that of a model or a table (E601)."""
    if out is not None and Path(out).suffix.lower() != suffix:
        expected = fact("a name that ends in {ending}", ending=suffix)
        fix = f"--out {Path(out).stem or 'step'}{suffix}"
        raise UsageError(
            "E601", where="chainrule show", option="--out", expected=expected, received=out, fix=fix
        )


def show_page(page: Page) -> None:
    """Print the sections of a page, with tables as on other screens."""
    screen.line(page.title, "bold")
    for section in page.sections:
        if section.heading:
            screen.heading(section.heading)
        for part in section.parts:
            if isinstance(part, Table):
                screen.table(part.head, [[cell_text(c) for c in row] for row in part.rows], part.right)
            elif isinstance(part, str | Items):
                screen.block("\n".join([part] if isinstance(part, str) else part.texts))
