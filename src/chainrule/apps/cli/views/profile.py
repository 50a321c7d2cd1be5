"""What a training step of a RUN costs, on the screen: its profile, its plan, and plans that were saved."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.apps.cli import screen
from chainrule.apps.cli.options import CONFIG, read_config
from chainrule.apps.cli.run_paths import model_file
from chainrule.apps.cli.texts import say
from chainrule.diagnosis.step_profile import Profile
from chainrule.errors import ChainruleError, UsageError
from chainrule.model import Model
from chainrule.page.page import Items, Page, Table
from chainrule.page.terminal import cell_text
from chainrule.plan.plan_record import PlanRecord
from chainrule.settings import settings
from chainrule.store import RunFolder, atomic_write

PLAN, PICTURE = ".json", ".svg"
"""How the names of the files end that a plan and the picture of a profile are written to."""


def show_profile(run: str, batch_size: int | None, out: str | None) -> None:
    """Where the time of a training step goes, on the rows the RUN was trained on, or on random ones.

    Args:
        run: the folder or the model file.
        batch_size: rows for one update; those of the training by default.
        out: where to write the picture.
    """
    _refuse_other_ending(out, PICTURE)
    found = _profile(run, Model.load(model_file(run)), batch_size)
    show_page(found)
    if out is not None:
        atomic_write.write(out, found.to_svg().encode())
        screen.line(say("page_written").format(file=out))


def _profile(run: str, model: Model, batch_size: int | None) -> Profile:
    data = _data_of(run, model)
    if model.preparation is not None and data:
        try:
            return model.profile(data, batch_size=batch_size, lang=settings.lang)
        except ChainruleError as error:
            reason = say("profile_without_data").format(data=data, reason=error.clause(settings.lang))
            screen.line(reason, "yellow", to_errors=True)
    return model.profile(batch_size=batch_size, lang=settings.lang)


def _data_of(run: str, model: Model) -> str:
    """The file or set a RUN was trained on, as far as it is known."""
    if os.path.isfile(Path(run) / CONFIG):
        return read_config(RunFolder.open(run))[0].data
    data = model.facts.get("data")
    return data if isinstance(data, str) else ""


def show_plan(run: str, batch_size: int | None, out: str | None) -> None:
    """How a training step of a RUN is run.

    Args:
        run, batch_size: as for a profile.
        out: where to write the plan.
    """
    _refuse_other_ending(out, PLAN)
    plan = Model.load(model_file(run)).plan(batch_size)
    screen.block(str(plan))
    if out is not None:
        plan.save(out)
        screen.line()
        screen.line(say("page_written").format(file=out))


def show_saved_plan(file: str) -> None:
    """A plan that was written to a file."""
    screen.block(str(PlanRecord.load(file)))


def _refuse_other_ending(out: str | None, ending: str) -> None:
    """Refuse a name that is more likely that of a model or a table.

    Raises:
        UsageError E601: it does not end as it should.
    """
    if out is not None and Path(out).suffix.lower() != ending:
        raise UsageError(
            "E601", where="chainrule show", option="--out", expected=f"a name that ends in {ending}",
            received=out, fix=f"--out {Path(out).stem or 'step'}{ending}",
        )  # fmt: skip


def show_page(page: Page) -> None:
    """The sections of a page, its tables as those of the other screens."""
    screen.line(page.title, "bold")
    for section in page.sections:
        if section.heading:
            screen.heading(section.heading)
        for part in section.parts:
            if isinstance(part, Table):
                screen.table(part.head, [[cell_text(c) for c in row] for row in part.rows], part.right)
            elif isinstance(part, str | Items):
                screen.block("\n".join([part] if isinstance(part, str) else part.texts))
